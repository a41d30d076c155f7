package e2e

import (
	"bufio"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/testkit"
)

// Another node, whose database is quick, is there to take over from one that seems dead.
func TestASlowDatabaseDelaysAnswersAndNothingElse(t *testing.T) {
	const (
		roundTrip = 150 * time.Millisecond
		callers   = 64
		each      = 15
	)
	direct := testkit.Postgres(t)
	database, p := throughProxy(t, direct)
	key := "secret_key=" + strings.Repeat("5a", 32)
	s := startServer(t, "--database-url", database, "--set", key, "--set", "cluster.node=slow")
	startServerIn(t, filepath.Join(t.TempDir(), "quick"), "--database-url", direct, "--set", key, "--set", "cluster.node=quick", "--roles", "api")
	r := testkit.NewReceiver(t)
	for _, path := range []string{"/a", "/b"} {
		s.subscriber(r.URLFor(path), nil)
	}
	node, commits := s.nodes()["slow"].Number, s.metric("switchhook_commits_total")

	p.Delay(roundTrip)
	begin := time.Now()
	var mu sync.Mutex
	accepted := map[string]bool{}
	var posting sync.WaitGroup
	for range callers {
		posting.Go(func() {
			for n := range each {
				status, id := s.send(n)
				if status != http.StatusAccepted {
					t.Errorf("status %d", status)
				}
				mu.Lock()
				accepted[id] = true
				mu.Unlock()
			}
		})
	}
	posting.Wait()
	if len(accepted) != callers*each {
		t.Fatalf("%d events accepted", len(accepted))
	}
	took := time.Since(begin)
	if _, err := r.Wait(2*len(accepted), time.Minute); err != nil {
		t.Fatal(err)
	}
	commits = s.metric("switchhook_commits_total") - commits
	t.Logf("%d events accepted in %v, written and delivered with %v commits", len(accepted), took, commits)
	if got := float64(len(accepted)) / commits; got < 5 {
		t.Errorf("%.1f events in a commit", got)
	}
	if now, ok := s.nodes()["slow"]; !ok || now.Number != node {
		t.Errorf("node %d was taken for dead: it is %+v now", node, now)
	}

	p.Delay(0)
	s.stop(syscall.SIGTERM) // what would come twice has come then
	seen := map[string]int{}
	for _, q := range r.Requests() {
		seen[q.Target+q.Header.Get("Webhook-Id")]++
	}
	for id := range accepted {
		for _, path := range []string{"/a", "/b"} {
			if n := seen[path+id]; n != 1 {
				t.Errorf("%s arrived at %s %d times", id, path, n)
			}
		}
	}
}

// nodeShown is a node as operators see it.
type nodeShown struct {
	Number  int64  `json:"number"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Shards  int    `json:"shards"`
}

// nodes asks the server, through the command line, who is there, by name.
func (s *server) nodes() map[string]nodeShown {
	s.t.Helper()
	var shown struct {
		Nodes []nodeShown `json:"nodes"`
	}
	out := run(s.t, s.dir, s.file, "nodes", "--data-dir", s.dir, "--json")
	if err := json.Unmarshal([]byte(out), &shown); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	named := map[string]nodeShown{}
	for _, n := range shown.Nodes {
		named[n.Name] = n
	}
	return named
}

// metric reads a metric without labels.
func (s *server) metric(name string) float64 {
	s.t.Helper()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return n
		}
	}
	s.t.Fatalf("there is no metric %s: %v", name, lines.Err())
	return 0
}
