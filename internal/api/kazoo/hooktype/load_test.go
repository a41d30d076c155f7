package hooktype_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/match"
)

func TestADeclaredTypeIsATypeLikeAnother(t *testing.T) {
	c, err := hooktype.Open(hooktype.Env{}, "testdata/types")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(c.IDs(), " "), "conference") {
		t.Fatalf("ids %v", c.IDs())
	}
	want := `{"id":"conference","name":"Conference","description":"Somebody came into a conference or left it.",` +
		`"modifiers":{"event":{"type":"array","description":"What happened","items":["all","add-member","del-member"]}}}`
	if got := asJSON(t, c.Find("conference").Metadata(false)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var bound bool
	for _, b := range c.Bindings() {
		bound = bound || b.Exchange == "conference" && b.RoutingKey == "conference.event.*.*"
	}
	if !bound {
		t.Error("its messages are not asked for")
	}

	m := message(t, "conference", "participants_event",
		`{"Account-ID":"`+account+`","Conference-ID":"7","Event":"add-member","Custom-Channel-Vars":{"Owner-ID":"o"},"Other":1}`)
	got := payloads(t, c, m)
	if diff := cmp.Diff([]string{`conference ` + account + ` {"conference_id":"7","event":"add-member","who":"o"}`}, got); diff != "" {
		t.Error(diff)
	}
	for choice, fires := range map[string]bool{"all": true, "add-member": true, "del-member": false} {
		f := filter(t, c, hooktype.Hook{Hook: "conference", CustomData: json.RawMessage(`{"event":"` + choice + `"}`)})
		if match.Wants(f, event(t, c, m)) != fires {
			t.Errorf("a hook that chose %s: fires %v", choice, !fires)
		}
	}
	if sms := c.Find("sms"); sms.Name != "Kurznachricht" || sms.Description != "Eine Kurznachricht kam von außen an." || sms.Build == nil {
		t.Errorf("the built-in type is not renamed: %+v", sms)
	}
}

func TestTheExamplesInTheDocumentationAreTypes(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/kazoo.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, n := t.TempDir(), 0
	for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		if err := os.WriteFile(filepath.Join(dir, strings.Repeat("x", n+1)+".yaml"), []byte(example), 0o600); err != nil {
			t.Fatal(err)
		}
		n++
	}
	c, err := hooktype.Open(hooktype.Env{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if n != 2 || c.Find("conference") == nil || c.Find("sms").Name != "Text message" {
		t.Errorf("%d examples make %v", n, c.IDs())
	}
}

func TestTypesOfKnownCategoriesNeedNoPlace(t *testing.T) {
	c := declared(t, `{"id":"hold","name":"Hold","category":"call_event","event_name":["CHANNEL_HOLD","CHANNEL_UNHOLD"],"account_path":"Custom-Channel-Vars.Account-ID",
		"modifiers":{"kind":{"field":"event_name","items":{"CHANNEL_HOLD":{"friendly_name":"Hold","description":"d"}}}}}`)
	keys := map[string]bool{}
	for _, b := range c.Bindings() {
		keys[b.Exchange+" "+b.RoutingKey] = true
	}
	if !keys["callevt call.CHANNEL_HOLD.*"] || !keys["callevt call.CHANNEL_UNHOLD.*"] {
		t.Errorf("bindings %v", keys)
	}
	m := message(t, "call_event", "CHANNEL_HOLD", `{"Call-ID":"c","Custom-Channel-Vars":{"Account-ID":"account%2Fa1%2Fb2%2Fc3d4e5f60718293a4b5c6d7e8f90"}}`)
	got := payloads(t, c, m)
	if len(got) != 1 || !strings.Contains(got[0], `"call_id":"c"`) || !strings.Contains(got[0], `"event_name":"CHANNEL_HOLD"`) {
		t.Errorf("got %v", got)
	}
	typ := c.Find("hold")
	if m := typ.Modifiers[0]; !m.Named || !m.Allows("all") || !m.Allows("CHANNEL_HOLD") || m.Allows("x") {
		t.Errorf("modifier %+v", m)
	}
	if events, err := c.Events(message(t, "call_event", "CHANNEL_HOLD", `{"Call-ID":"c"}`)); err != nil || len(events) != 0 {
		t.Errorf("without an account: %v, %v", events, err)
	}
}

// declared makes the catalogue of an installation with one file.
func declared(t *testing.T, content string) *hooktype.Catalogue {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "type.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := hooktype.Open(hooktype.Env{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestErrorsInFilesNameTheFileAndTheField(t *testing.T) {
	const whole = "id: x\nname: X\ncategory: c\nevent_name: e\nexchange: x\nrouting_key: k\naccount_path: A\n"
	for content, want := range map[string]string{
		"":                                     "nothing in it",
		"[]":                                   "mapping",
		"id: [":                                "yaml",
		"name: X":                              "id: is missing",
		"id: x\nnmae: X":                       "nmae: line 2: is not known",
		"id: x\nid: y":                         "id: line 2: is given twice",
		"id: x\nname: 5":                       "name: line 2: must be a text",
		"id: x\nname: X":                       "category: is missing",
		"id: Big\n" + whole[6:]:                "id: \"Big\"",
		"id: all\n" + whole[6:]:                "id: \"all\"",
		"id: sms\ncategory: c":                 "category: sms is a built-in type",
		whole + "fields: [a]":                  "fields: line 8: must be a mapping",
		whole + "fields: {a: [b]}":             "fields: line 8: a: line 8: must be a text",
		whole + "modifiers: {m: {}}":           "modifiers: line 8: m: line 8: items: is missing",
		whole + "modifiers: {m: {itmes: [a]}}": "itmes: line 8: is not known",
		whole + "modifiers: {m: {items: []}}":  "items: line 8: must not be empty",
		whole + "modifiers: {m: {items: {a: {name: x}}}}":             "name: line 8: is not known",
		whole + "---\nid: y":                                          "more than one document",
		"id: x\nname: X\ncategory: c\nevent_name: e\naccount_path: A": "exchange: where messages",
		"id: x\nname: X\ncategory: c\nevent_name: {}\n":               "event_name: line 4: must be a text, or a list",
	} {
		dir := t.TempDir()
		name := filepath.Join(dir, "bad.yaml")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := hooktype.Open(hooktype.Env{}, dir)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

func TestDirectoriesOfTypes(t *testing.T) {
	if _, err := hooktype.Open(hooktype.Env{}, filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a directory that is not there is taken")
	}
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yml", "readme.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("id: sms\nname: Text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := hooktype.Open(hooktype.Env{}, dir); err == nil || !strings.Contains(err.Error(), "b.yml") || !strings.Contains(err.Error(), "a.yaml has it too") {
		t.Errorf("two files with one id: %v", err)
	}
}

func TestTypesThatAreReadAgainReplaceTheOnesBefore(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const declared = "\nname: A\ncategory: a\nevent_name: x\nexchange: e\nrouting_key: k\naccount_path: Account-ID\n"
	write("id: first" + declared)
	c, err := hooktype.Open(hooktype.Env{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	before := c.Find("first")
	write("id: second" + declared)
	if err := c.Reload(); err != nil || c.Find("first") != nil || c.Find("second") == nil || before.Name != "A" {
		t.Errorf("%v, %v", err, c.IDs())
	}
	write("id: third")
	if err := c.Reload(); err == nil || c.Find("second") == nil {
		t.Errorf("after a mistake: %v, %v", err, c.IDs())
	}
}
