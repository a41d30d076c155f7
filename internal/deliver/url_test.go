package deliver_test

import (
	"testing"

	"github.com/switchhook/switchhook/internal/deliver"
)

func TestEscapeURLLeavesNothingThatAURLMayNotHave(t *testing.T) {
	for text, want := range map[string]string{
		" \n http://h/a b\n":             "http://h/a%20b%0A",
		"http://h/é?q=\"<x>\"&%41%zz%#f": "http://h/%C3%A9?q=%22%3Cx%3E%22&%41%25zz%25",
		"http://u:p@h?a b":               "http://u:p@h?a%20b",
		"http://h":                       "http://h",
		"/a b?to=http://h/c d":           "/a%20b?to=http://h/c%20d",
		"/rel ative":                     "/rel%20ative",
		"rel ative":                      "rel ative",
		"":                               "",
		"http://exa mple/":               "http://exa mple/",
	} {
		if got := deliver.EscapeURL(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzEscapeURL(f *testing.F) {
	f.Add("http://h/a b?%zz é#f")
	f.Fuzz(func(t *testing.T, text string) {
		once := deliver.EscapeURL(text)
		if twice := deliver.EscapeURL(once); twice != once {
			t.Errorf("%q becomes %q, and then %q", text, once, twice)
		}
	})
}
