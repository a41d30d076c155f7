package golden

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// Mask hides what differs from run to run.
type Mask struct {
	form  *regexp.Regexp
	as    string
	count bool
}

// As puts a text in the place of what has the form; $1 in it is the form's first group.
func As(form, text string) Mask { return Mask{regexp.MustCompile(form), text, false} }

// Numbered gives what has the form a name of its kind after the order in which it
// comes, as <id 1>, and the same name whenever it comes again. Groups are as in As.
func Numbered(form, kind string) Mask { return Mask{regexp.MustCompile(form), kind, true} }

// Transcript is what went over the wire, with masks over what differs from run to run.
type Transcript struct {
	masks []Mask
	shown []string
	text  strings.Builder
	names map[string]string
	count map[string]int
}

// NewTranscript returns an empty one. Masks work in their order. Of the headers of
// answers those that are named are shown.
func NewTranscript(shown []string, masks ...Mask) *Transcript {
	return &Transcript{masks: masks, shown: shown, names: map[string]string{}, count: map[string]int{}}
}

// Exchange is a request and its answer, as they are to be shown.
type Exchange struct {
	Request string   // its first line
	Headers []string // of the request: names and values
	Body    string   // of the request
	Status  int
	Header  http.Header // of the answer
	Answer  string      // its body
}

// Note notes an exchange.
func (tr *Transcript) Note(x Exchange) {
	tr.Printf("%s\n", x.Request)
	for i := 0; i+1 < len(x.Headers); i += 2 {
		tr.Printf("%s: %s\n", x.Headers[i], x.Headers[i+1])
	}
	if x.Body != "" {
		tr.Printf("%s\n", x.Body)
	}
	tr.Printf("\n%d\n", x.Status)
	for _, name := range tr.shown {
		if v := x.Header.Get(name); v != "" {
			tr.Printf("%s: %s\n", name, v)
		}
	}
	tr.Printf("%s\n\n", x.Answer)
}

// Printf notes a text, behind the masks.
func (tr *Transcript) Printf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, m := range tr.masks {
		if !m.count {
			text = m.form.ReplaceAllString(text, m.as)
			continue
		}
		text = m.form.ReplaceAllStringFunc(text, func(v string) string { return tr.name(v, m) })
	}
	tr.text.WriteString(text)
}

// name is what stands for a value.
func (tr *Transcript) name(v string, m Mask) string {
	if tr.names[v] == "" {
		kind := m.form.ReplaceAllString(v, m.as)
		tr.count[kind]++
		tr.names[v] = "<" + strings.TrimSpace(fmt.Sprintf("%s %d", kind, tr.count[kind])) + ">"
	}
	return tr.names[v]
}

// Compare holds the transcript to a file in testdata.
func (tr *Transcript) Compare(t testing.TB, name string) {
	t.Helper()
	Compare(t, name, tr.text.String())
}
