package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
)

type importVerbs struct {
	PyWebhooks importPyWebhooks `cmd:"" name:"pywebhooks" help:"Move in from PyWebhooks: the four tables as JSON lines."`
	Wazo       importWazo       `cmd:"" help:"Move in from wazo-webhookd: its subscriptions, out of its database."`
	Kazoo      importKazoo      `cmd:"" help:"Move in from Kazoo: the webhooks database, as CouchDB's _all_docs with include_docs shows it."`
}

// importFile are the flags of verbs that move in from a file.
type importFile struct {
	operator
	File string `arg:"" help:"The file; - for standard input."`
}

// run brings a file to a dialect, and prints what came of it.
func (v *importFile) run(s *session, dialect string) error {
	var body io.ReadCloser = io.NopCloser(s.in)
	if v.File != "-" {
		f, err := os.Open(v.File)
		if err != nil {
			return err
		}
		body = f
	}
	defer body.Close()
	answer, err := v.operate(s, http.MethodPost, "/"+dialect+"/import", body)
	if err != nil {
		return err
	}
	return v.show(s, answer)
}

// show prints what came of moving in.
func (o *operator) show(s *session, answer json.RawMessage) error {
	if o.JSON {
		return printJSON(s.out, answer)
	}
	return printCounts(s.out, answer)
}

type importPyWebhooks struct{ importFile }

// Run moves in from PyWebhooks.
func (v *importPyWebhooks) Run(s *session) error { return v.run(s, "pywebhooks") }

type importKazoo struct{ importFile }

// Run moves in from Kazoo.
func (v *importKazoo) Run(s *session) error { return v.run(s, "kazoo") }

type importWazo struct {
	operator
	Database     string `arg:"" help:"The original's db_uri: postgresql://user:password@host/asterisk. - reads it from standard input."`
	MasterTenant string `name:"master-tenant" placeholder:"UUID" help:"The original's master tenant, when no wazo-auth is configured: it becomes the one here."`
}

// Run moves in from wazo-webhookd.
func (v *importWazo) Run(s *session) error {
	database := v.Database
	if database == "-" {
		text, err := io.ReadAll(io.LimitReader(s.in, 64<<10))
		if err != nil {
			return err
		}
		database = strings.TrimSpace(string(text))
	}
	body, err := json.Marshal(map[string]string{"database": database, "master_tenant": v.MasterTenant})
	if err != nil {
		return err
	}
	answer, err := v.operate(s, http.MethodPost, "/wazo/import", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return v.show(s, answer)
}

// printCounts prints an object of counts, a line each.
func printCounts(w io.Writer, answer json.RawMessage) error {
	var counts map[string]int
	if err := json.Unmarshal(answer, &counts); err != nil {
		return fmt.Errorf("the answer is not what was expected: %w", err)
	}
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := fmt.Fprintf(w, "%-16s %d\n", name, counts[name]); err != nil {
			return err
		}
	}
	return nil
}
