package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

type nodesVerb struct{ operator }

// cluster is what the server answers.
type cluster struct {
	Nodes []struct {
		Number        int64    `json:"number"`
		Name          string   `json:"name"`
		Version       string   `json:"version"`
		Roles         []string `json:"roles"`
		SilentSeconds float64  `json:"silentSeconds"`
		Shards        int      `json:"shards"`
		Held          int      `json:"held"`
		InFlight      int      `json:"inFlight"`
		Behind        int      `json:"behind"`
		Queued        int      `json:"queued"`
		ChangeLag     int64    `json:"changeLag"`
	} `json:"nodes"`
	Pending      int64 `json:"pending"`
	UnheldShards int   `json:"unheldShards"`
}

// Run shows the nodes.
func (v *nodesVerb) Run(s *session) error {
	answer, err := v.operate(s, "GET", "/cluster/nodes", nil)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(s.out, answer)
	}
	var c cluster
	if err := json.Unmarshal(answer, &c); err != nil {
		return err
	}
	var rows [][]string
	for _, n := range c.Nodes {
		silent := time.Duration(n.SilentSeconds * float64(time.Second)).Round(100 * time.Millisecond)
		rows = append(rows, []string{
			strconv.FormatInt(n.Number, 10), n.Name, orDash(n.Version), list(n.Roles), silent.String(), strconv.Itoa(n.Shards),
			strconv.Itoa(n.Held), strconv.Itoa(n.InFlight), strconv.Itoa(n.Behind), strconv.Itoa(n.Queued), strconv.FormatInt(n.ChangeLag, 10),
		})
	}
	if err := printTable(s.out, "NODE NAME VERSION ROLES LAST-BEAT SHARDS HELD IN-FLIGHT BEHIND UNWRITTEN CHANGE-LAG", rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "\n%d deliveries wait in the database; no node sends for %d of 256 shards.\n", c.Pending, c.UnheldShards)
	return err
}
