package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/server"
)

type migrateStoreVerb struct {
	From string `required:"" placeholder:"sqlite:DIR" help:"Data directory to move from; no server may be running there."`
	To   string `required:"" placeholder:"URL" help:"PostgreSQL database to move to, which has to be empty: postgres://user:password@host/name."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// progressEvery is how often progress is shown.
const progressEvery = time.Second

// Run moves an installation.
func (v *migrateStoreVerb) Run(s *session) error {
	dir, ok := strings.CutPrefix(v.From, "sqlite:")
	if !ok || dir == "" {
		return usagef("--from: %q is not sqlite: and a data directory", v.From)
	}
	if !strings.HasPrefix(v.To, "postgres://") && !strings.HasPrefix(v.To, "postgresql://") {
		return usagef("--to: it is not a postgres:// URL")
	}
	var shown time.Time
	moved, err := server.MoveStore(s.ctx, dir, v.To, func(m server.Moved) {
		if time.Since(shown) < progressEvery && m.Done < m.Rows || m.Rows == 0 {
			return
		}
		shown = time.Now()
		what := "moved"
		if m.Checking {
			what = "compared"
		}
		fmt.Fprintf(s.err, "%s %d of %d rows of %s\n", what, m.Done, m.Rows, m.Table)
	})
	if err != nil {
		return fmt.Errorf("%w\nNothing is lost: call it again, and it goes on where it was", err)
	}
	if v.JSON {
		return printValue(s.out, map[string]any{"tables": moved})
	}
	var rows [][]string
	for _, m := range moved {
		rows = append(rows, []string{m.Table, strconv.FormatInt(m.Done, 10), m.Checksum[:16]})
	}
	if err := printTable(s.out, "TABLE ROWS CHECKSUM", rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "\nEverything is there, the same on both sides. Start the server with database_url set; it needs the secret\n"+
		"key that it had (secret.key in %s, unless the configuration names another).\n", dir)
	return err
}
