package render

import "fmt"

// tokenKind says what a token of a template is.
type tokenKind int

const (
	tokenEnd      tokenKind = iota // of the template
	tokenData                      // text to be written as it is
	tokenBlock                     // {%
	tokenBlockEnd                  // %}
	tokenPrint                     // {{
	tokenPrintEnd                  // }}
	tokenName                      // also of keywords
	tokenInt                       // text is what was written, without underscores
	tokenFloat                     // likewise
	tokenText                      // text is what it says
	tokenOperator                  // also brackets and the like
)

type token struct {
	kind tokenKind
	text string
	line int
}

// is says whether the token is that operator or that name.
func (t token) is(kind tokenKind, text string) bool { return t.kind == kind && t.text == text }

// String names a token for error messages.
func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the template"
	case tokenData:
		return "text"
	case tokenBlock:
		return "'{%'"
	case tokenBlockEnd:
		return "the end of the statement"
	case tokenPrint:
		return "'{{'"
	case tokenPrintEnd:
		return "the end of the print statement"
	}
	return "'" + t.text + "'"
}

// SyntaxError says why a text is no template.
type SyntaxError struct {
	Line    int // from 1
	Message string
}

// Error is one line.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

func syntaxError(line int, format string, args ...any) error {
	return &SyntaxError{Line: line, Message: fmt.Sprintf(format, args...)}
}
