package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The guide is a script that people run as it is: from the login to the form that arrives.
func TestTheGuideToKazoosWebhooksWorks(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("the guide needs python3:", err)
	}
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, file: file, dir: filepath.Join(t.TempDir(), "data")}
	s.args = []string{
		"serve", "--data-dir", s.dir, "--listen", "127.0.0.1:0", "--set", "egress.allow=127.0.0.0/8",
		"--set", "dialects.kazoo.blacklist_cidrs=",
	}
	var first struct {
		Kazoo map[string]string `json:"kazoo"`
	}
	if err := json.Unmarshal([]byte(run(t, t.TempDir(), file, "init", "--data-dir", s.dir, "--json")), &first); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(func() {
		s.stop(os.Interrupt)
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log)
		}
	})
	out := run(t, filepath.Join("..", "docs"), python, "kazoo_guide.py", s.url, first.Kazoo["account_name"], first.Kazoo["username"], first.Kazoo["password"])
	for _, want := range []string{
		fmt.Sprint("logged in to /accounts/", first.Kazoo["account_id"]), "application/x-www-form-urlencoded", "action=doc_deleted", "\ndone\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}
