package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// kazooVerbs are the upkeep of hooks, as webhooks_maintenance has it.
type kazooVerbs struct {
	HooksConfigured       hooksConfigured       `cmd:"" help:"List the hooks that fire: of an account, or of all."`
	SetFailureExpiry      setFailureExpiry      `cmd:"" help:"Set for how many milliseconds a failure counts: of an account, or of the system."`
	SetDisableThreshold   setDisableThreshold   `cmd:"" help:"Set how many failures disable a hook: of an account, or of the system."`
	FailureStatus         failureStatus         `cmd:"" help:"List the hooks that fail, with how often they did within their windows."`
	EnableAccountHooks    enableAccountHooks    `cmd:"" help:"Enable the hooks of an account that were disabled for failing."`
	EnableDescendantHooks enableDescendantHooks `cmd:"" help:"Do so for the accounts below it, too."`
	FlushAccountFailures  flushAccountFailures  `cmd:"" help:"Forget the failures of an account's hooks."`
	FlushHookFailures     flushHookFailures     `cmd:"" help:"Forget the failures of one hook."`
	ResetHookDefinitions  resetHookDefinitions  `cmd:"" help:"Read the hook types again and list them: all, or one."`
	ResetHookDefinition   resetHookDefinition   `cmd:"" help:"Read the hook types again and show one."`
	RegisterViews         registerViews         `cmd:"" help:"Nothing, for scripts that have it: every start brings the database up to date."`
}

type configuredHook struct {
	ID      string `json:"id"`
	URI     string `json:"uri"`
	Verb    string `json:"verb"`
	Event   string `json:"event"`
	Retries int    `json:"retries"`
	Account string `json:"account_id"`
}

func (h *configuredHook) row() []string {
	return []string{h.URI, h.Verb, h.Event, strconv.Itoa(h.Retries), h.Account}
}

type hooksConfigured struct {
	operator
	Account string `arg:"" optional:"" help:"Id of an account."`
}

// Run lists the hooks that fire, and says how many there are.
func (v *hooksConfigured) Run(s *session) error {
	answer, err := v.operate(s, http.MethodGet, "/kazoo/hooks"+query("account", v.Account), nil)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(s.out, answer)
	}
	rows, err := rowsOf(answer, (*configuredHook).row)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(s.out, "no webhooks configured")
		return err
	}
	if err := printTable(s.out, "URI VERB EVENT RETRIES ACCOUNT_ID", rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "found %d webhooks\n", len(rows))
	return err
}

type hookSettings struct {
	Account string `json:"account"`
	Expiry  int64  `json:"attempt_failure_expiry_ms"`
	Count   int    `json:"attempt_failure_count"`
}

func (h *hookSettings) row() []string {
	return []string{h.Account, strconv.FormatInt(h.Expiry, 10), strconv.Itoa(h.Count)}
}

// setHooks changes one of the settings. What is given is the value, or an account and
// the value.
func setHooks(s *session, o *operator, name string, given []string) error {
	text := given[len(given)-1]
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || len(given) > 2 {
		return usagef("%q is not a whole number", text)
	}
	f := fields{name: n}
	if len(given) == 2 {
		f["account"] = given[0]
	}
	return show(s, o, http.MethodPut, "/kazoo/settings", f, "ACCOUNT FAILURE-EXPIRY-MS FAILURE-COUNT", (*hookSettings).row)
}

type setFailureExpiry struct {
	operator
	Given []string `arg:"" name:"value" help:"Milliseconds; the id of an account may stand before them."`
}

// Run sets how long failures count.
func (v *setFailureExpiry) Run(s *session) error {
	return setHooks(s, &v.operator, "attempt_failure_expiry_ms", v.Given)
}

type setDisableThreshold struct {
	operator
	Given []string `arg:"" name:"value" help:"How many; the id of an account may stand before it."`
}

// Run sets how many failures disable.
func (v *setDisableThreshold) Run(s *session) error {
	return setHooks(s, &v.operator, "attempt_failure_count", v.Given)
}

type failingHook struct {
	Account string `json:"account_id"`
	Hook    string `json:"hook_id"`
	Count   int    `json:"count"`
}

func (h *failingHook) row() []string { return []string{h.Account, h.Hook, strconv.Itoa(h.Count)} }

type failureStatus struct {
	operator
	Account string `arg:"" optional:"" help:"Id of an account."`
}

// Run lists the hooks that fail.
func (v *failureStatus) Run(s *session) error {
	return showAll(s, &v.operator, "/kazoo/failures"+query("account", v.Account), "ACCOUNT HOOK COUNT", (*failingHook).row)
}

type enableAccountHooks struct {
	operator
	Account string `arg:"" help:"Id of the account."`
}

// Run enables the hooks of an account.
func (v *enableAccountHooks) Run(s *session) error {
	return enableHooks(s, &v.operator, v.Account, false)
}

type enableDescendantHooks struct {
	operator
	Account string `arg:"" help:"Id of the account."`
}

// Run enables the hooks of an account and of those below it.
func (v *enableDescendantHooks) Run(s *session) error {
	return enableHooks(s, &v.operator, v.Account, true)
}

func enableHooks(s *session, o *operator, account string, descendants bool) error {
	answer, err := ask(s, o, http.MethodPost, "/kazoo/enable", fields{"account": account, "descendants": descendants})
	if err != nil {
		return err
	}
	return printWords(s, o, answer, "enabled", "no hooks were disabled for failing")
}

// printWords prints a member of an answer that is a list of texts, one a line.
func printWords(s *session, o *operator, answer json.RawMessage, name, none string) error {
	if o.JSON {
		return printJSON(s.out, answer)
	}
	var lists map[string][]string
	if err := json.Unmarshal(answer, &lists); err != nil {
		return fmt.Errorf("the answer is not what was expected: %w", err)
	}
	words := lists[name]
	if len(words) == 0 {
		words = []string{none}
	}
	for _, word := range words {
		if _, err := fmt.Fprintln(s.out, printable(word)); err != nil {
			return err
		}
	}
	return nil
}

type flushAccountFailures struct {
	operator
	Account string `arg:"" help:"Id of the account."`
}

// Run forgets the failures of an account's hooks.
func (v *flushAccountFailures) Run(s *session) error {
	return flush(s, &v.operator, url.Values{"account": {v.Account}})
}

type flushHookFailures struct {
	operator
	Account string `arg:"" help:"Id of the account."`
	Hook    string `arg:"" help:"Id of the hook."`
}

// Run forgets the failures of a hook.
func (v *flushHookFailures) Run(s *session) error {
	return flush(s, &v.operator, url.Values{"account": {v.Account}, "hook": {v.Hook}})
}

func flush(s *session, o *operator, q url.Values) error {
	answer, err := o.operate(s, http.MethodPost, "/kazoo/flush?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	if o.JSON {
		return printJSON(s.out, answer)
	}
	return printCounts(s.out, answer)
}

type resetHookDefinitions struct {
	operator
	ID string `arg:"" optional:"" help:"Id of a hook type."`
}

// Run has the hook types read again, and lists them.
func (v *resetHookDefinitions) Run(s *session) error { return resetHooks(s, &v.operator, v.ID) }

type resetHookDefinition struct {
	operator
	ID string `arg:"" help:"Id of a hook type."`
}

// Run has the hook types read again, and shows one.
func (v *resetHookDefinition) Run(s *session) error { return resetHooks(s, &v.operator, v.ID) }

func resetHooks(s *session, o *operator, only string) error {
	f := fields{}
	f.text("id", only)
	answer, err := ask(s, o, http.MethodPost, "/kazoo/hooktypes", f)
	if err != nil {
		return err
	}
	return printWords(s, o, answer, "hook_types", "")
}

type registerViews struct{}

// Run says why there is nothing to do.
func (v *registerViews) Run(s *session) error {
	_, err := fmt.Fprintln(s.out, "there are no views to register: every start brings the database's tables up to date")
	return err
}

// query spells a query string of one parameter; an empty value is none.
func query(name, value string) string {
	if value == "" {
		return ""
	}
	return "?" + url.Values{name: {value}}.Encode()
}

// ask asks for an operation that is told something; nil is nothing.
func ask(s *session, o *operator, method, path string, f fields) (json.RawMessage, error) {
	var body io.Reader
	if f != nil {
		text, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	return o.operate(s, method, path, body)
}

// show asks for an operation and prints the one thing that it answers.
func show[T any](s *session, o *operator, method, path string, f fields, headings string, row func(*T) []string) error {
	answer, err := ask(s, o, method, path, f)
	if err != nil {
		return err
	}
	if o.JSON {
		return printJSON(s.out, answer)
	}
	rows, err := rowsOf(json.RawMessage("["+string(answer)+"]"), row)
	if err != nil {
		return err
	}
	return printTable(s.out, headings, rows)
}

// showAll asks for a list and prints it.
func showAll[T any](s *session, o *operator, path, headings string, row func(*T) []string) error {
	answer, err := o.operate(s, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if o.JSON {
		return printJSON(s.out, answer)
	}
	rows, err := rowsOf(answer, row)
	if err != nil {
		return err
	}
	return printTable(s.out, headings, rows)
}

// rowsOf makes the rows of a table of a list.
func rowsOf[T any](answer json.RawMessage, row func(*T) []string) ([][]string, error) {
	var all []T
	if err := json.Unmarshal(answer, &all); err != nil {
		return nil, fmt.Errorf("the answer is not what was expected: %w", err)
	}
	rows := make([][]string, len(all))
	for i := range all {
		rows[i] = row(&all[i])
	}
	return rows, nil
}
