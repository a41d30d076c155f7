package render

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/internal/render/py"
)

var update = flag.Bool("update", false, "record in testdata what Jinja itself answers")

// templateCase is a line of testdata/templates: a template, its variables, and what
// Jinja makes of it.
type templateCase struct {
	Template string          `json:"t"`
	Vars     json.RawMessage `json:"v,omitempty"`
	answer
	// Differs says why this package makes something else of it, which is Ours.
	Differs string  `json:"differs,omitempty"`
	Ours    *answer `json:"ours,omitempty"`
}

// wanted is what this package ought to make of the template.
func (c *templateCase) wanted() answer {
	if c.Ours != nil {
		return *c.Ours
	}
	return c.answer
}

func readCases(t testing.TB, name string) []templateCase {
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var cases []templateCase
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var c templateCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s:%d: %v", name, n, err)
		}
		cases = append(cases, c)
	}
	return cases
}

func writeCases(t testing.TB, name string, cases []templateCase) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, c := range cases {
		c.Why = ""
		if err := enc.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// render is what this package makes of a template.
func renderCase(t testing.TB, template string, vars json.RawMessage) answer {
	if len(vars) == 0 {
		vars = json.RawMessage("{}")
	}
	v, err := Decode(vars)
	if err != nil {
		t.Fatalf("%s: %v", vars, err)
	}
	named := map[string]py.Value{}
	for name, value := range v.(*py.Dict).All() {
		text, _ := py.Text(name)
		named[text] = value
	}
	tmpl, err := Compile(template, Limits{})
	var out string
	if err == nil {
		out, err = tmpl.Render(named)
	}
	if err != nil {
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: the error has several lines: %q", template, err)
		}
		class := string(py.ClassOf(err))
		if _, ok := err.(*SyntaxError); ok {
			class = "TemplateSyntaxError"
		}
		return answer{Err: class, Why: err.Error()}
	}
	return answer{Out: &out}
}

func sameAnswer(got, want answer) bool {
	if got.Out == nil || want.Out == nil {
		if want.Err == "SecurityError" && got.Err != "SecurityError" {
			return false
		}
		return got.Out == nil && want.Out == nil
	}
	return *got.Out == *want.Out
}

func (a answer) String() string {
	if a.Out != nil {
		return "text " + strings.TrimSpace(string(mustJSON(*a.Out)))
	}
	return "error " + a.Err + " (" + a.Why + ")"
}

func mustJSON(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// TestTemplatesEqualJinja holds every template in testdata to what Jinja made of it,
// and where there is a Jinja, what is recorded to what it makes of it now.
func TestTemplatesEqualJinja(t *testing.T) {
	names, err := filepath.Glob("testdata/templates/*.jsonl")
	if err != nil || len(names) == 0 {
		t.Fatal("no templates", err)
	}
	jinja := newOracle(t, "jinja2")
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".jsonl"), func(t *testing.T) {
			cases := readCases(t, name)
			if jinja != nil {
				refresh(t, jinja, cases)
			}
			if *update {
				if jinja == nil {
					t.Fatal("there is no Jinja to ask")
				}
				writeCases(t, name, cases)
			}
			for _, c := range cases {
				if got := renderCase(t, c.Template, c.Vars); !sameAnswer(got, c.wanted()) {
					t.Errorf("%q\nvars %s\n got %s\nwant %s", c.Template, c.Vars, got, c.wanted())
				}
			}
		})
	}
}

// refresh replaces what is recorded by what Jinja answers, and says where they differ.
// Where this package is known to differ, the record stays as it was written.
func refresh(t *testing.T, jinja *oracle, cases []templateCase) {
	questions := make([]question, len(cases))
	for i := range cases {
		vars := cases[i].Vars
		if len(vars) == 0 {
			vars = json.RawMessage("{}")
		}
		questions[i] = question{Template: &cases[i].Template, Vars: vars}
	}
	for i, now := range jinja.ask(t, questions) {
		c := &cases[i]
		if c.Differs == "" && !*update && !sameAnswer(now, c.answer) {
			t.Errorf("%q\nrecorded %s\nJinja now %s", c.Template, c.answer, now)
		}
		if c.Differs == "" {
			c.answer = now
		}
	}
}
