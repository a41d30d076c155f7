package py

import (
	"errors"
	"fmt"
	"strings"
)

// Class is the class of an exception.
type Class string

// The classes. LimitError is not Python's: it says that a limit of the Thread was
// reached.
const (
	TypeError         Class = "TypeError"
	ValueError        Class = "ValueError"
	AttributeError    Class = "AttributeError"
	IndexError        Class = "IndexError"
	KeyError          Class = "KeyError"
	LookupError       Class = "LookupError"
	OverflowError     Class = "OverflowError"
	ZeroDivisionError Class = "ZeroDivisionError"
	RecursionError    Class = "RecursionError"
	RuntimeError      Class = "RuntimeError"
	UnicodeError      Class = "UnicodeEncodeError"
	UndefinedError    Class = "UndefinedError"
	SecurityError     Class = "SecurityError"
	LimitError        Class = "LimitError"
)

// Exception is what went wrong in Python's words.
type Exception struct {
	Class   Class
	Message string // one line
}

// Error is the message alone.
func (e *Exception) Error() string { return e.Message }

// Raise makes an Exception. What it quotes may hold line breaks; the message has none.
func Raise(class Class, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	if strings.ContainsAny(message, "\r\n") {
		message = strings.NewReplacer("\n", " ", "\r", " ").Replace(message)
	}
	return &Exception{Class: class, Message: message}
}

// ClassOf returns the class of the Exception in err's chain, or "".
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Exception](err); ok {
		return e.Class
	}
	return ""
}

// Caught says whether err is an exception of one of the classes.
func Caught(err error, classes ...Class) bool {
	got := ClassOf(err)
	for _, c := range classes {
		if got == c || c == LookupError && (got == IndexError || got == KeyError) {
			return true
		}
	}
	return false
}

// raiseKey is the KeyError of a missing key, which Python shows by its repr.
func raiseKey(th *Thread, key Value) error {
	text, err := Repr(th, key)
	if err != nil {
		return err
	}
	return Raise(KeyError, "%s", text)
}
