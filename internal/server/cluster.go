package server

import (
	"net/http"
	"time"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/telemetry"
)

// about is what this node tells the others of itself.
func (s *Server) about() store.NodeState {
	return store.NodeState{Version: telemetry.Version(), Roles: s.config.Cluster.Roles}
}

// openNodeFile finds out which node had this data directory before, and died.
func (s *Server) openNodeFile() (predecessor int64, err error) {
	if s.cluster == nil {
		return 0, nil
	}
	if s.nodeFile, predecessor, err = openNodeFile(s.config.DataDir); err != nil {
		return 0, err
	}
	s.closers = append(s.closers, s.nodeFile.close)
	return predecessor, nil
}

// joined keeps this node's number for whoever has the data directory next.
func (s *Server) joined(node int64) {
	if err := s.nodeFile.write(node); err != nil {
		s.log.Warn("the node's number cannot be kept; its next start waits for the lease", "error", err)
	}
}

// clusterOut is what operators see of the nodes.
type clusterOut struct {
	Nodes []nodeOut `json:"nodes"`
	// Pending counts the deliveries in the backlog, whoever sends them.
	Pending int64 `json:"pending"`
	// Change is the newest version of the change feed.
	Change int64 `json:"change"`
	// Unheld counts the shards that no node sends for; on SQLite there are none.
	Unheld int `json:"unheldShards"`
}

type nodeOut struct {
	Number    int64     `json:"number"`
	Name      string    `json:"name"`
	Version   string    `json:"version"`
	Roles     []string  `json:"roles"`
	StartedAt time.Time `json:"startedAt"`
	BeatAt    time.Time `json:"beatAt"`
	Silent    float64   `json:"silentSeconds"` // since the beat, by the clocks of two nodes
	Shards    int       `json:"shards"`
	Lanes     int       `json:"lanes"`
	Held      int       `json:"held"`
	InFlight  int       `json:"inFlight"`
	Behind    int       `json:"behind"`
	Queued    int       `json:"queued"`
	ChangeLag int64     `json:"changeLag"` // changes that it has not seen
}

// clusterOperations show operators who is there.
func (s *Server) clusterOperations() httpx.Operations {
	return httpx.Operations{"GET /nodes": func(r *http.Request) (any, error) {
		out := clusterOut{Nodes: []nodeOut{}}
		nodes, err := s.store.Nodes(r.Context())
		if err != nil {
			return nil, err
		}
		shards := map[int64]int{}
		if s.cluster != nil {
			holders, err := s.cluster.ShardHolders(r.Context())
			if err != nil {
				return nil, err
			}
			for _, h := range holders {
				shards[h]++
			}
			out.Unheld = shards[0]
		}
		if out.Pending, err = s.store.PendingCount(r.Context()); err != nil {
			return nil, err
		}
		if out.Change, err = s.store.Version(r.Context()); err != nil {
			return nil, err
		}
		for _, n := range nodes {
			st := n.State
			out.Nodes = append(out.Nodes, nodeOut{
				Number: n.Number, Name: n.Name, Version: st.Version, Roles: st.Roles,
				StartedAt: n.StartedAt, BeatAt: n.BeatAt, Silent: max(time.Since(n.BeatAt).Seconds(), 0),
				Shards: shards[n.Number], Lanes: st.Lanes, Held: st.Held, InFlight: st.InFlight, Behind: st.Behind,
				Queued: st.Queued, ChangeLag: max(out.Change-st.Change, 0),
			})
		}
		return out, nil
	}}
}
