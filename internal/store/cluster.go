package store

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// Shards is the number of parts that endpoints are divided into. One node at a time
// sends for the endpoints of a shard. It is as good as forever: nodes that run side by
// side have to agree on it.
const Shards = 256

// ShardOf returns the shard of an endpoint.
func ShardOf(endpoint id.ID) int { return int(hash(endpoint[:]) % Shards) }

// PreferredNode returns which of the nodes a shard should be with. All who know
// the same nodes agree, and when a node comes or goes, only its own shards move
// (rendezvous hashing). Without nodes it is 0.
func PreferredNode(shard int, nodes []int64) (best int64) {
	var most uint64
	for _, n := range nodes {
		var key [16]byte
		binary.BigEndian.PutUint64(key[:8], uint64(n))
		binary.BigEndian.PutUint64(key[8:], uint64(shard))
		if score := hash(key[:]); best == 0 || score > most {
			best, most = n, score
		}
	}
	return best
}

// hash is FNV-1a, and the last step of MurmurHash3, which spreads the differences of
// similar keys over all bits.
func hash(key []byte) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range key {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Cluster is implemented by a store that several nodes may use at the same time.
type Cluster interface {
	// ShardHolders returns for each shard which node holds it; 0 is none. A node that is
	// no longer registered holds nothing.
	ShardHolders(ctx context.Context) ([]int64, error)
	// TakeShards lets the node hold those of the shards that nobody holds.
	// CodeNotFound means that the node was declared dead.
	TakeShards(ctx context.Context, node int64, shards []int) error
	// LeaveShards frees those of the shards that the node holds.
	LeaveShards(ctx context.Context, node int64, shards []int) error
	// TakeHanded returns what other nodes accepted for this one since the last call, of so many
	// events at the most. The node holds it fresh, and by now its mark lies behind it:
	// no Beat may move it on that does not count it. Deliveries of one event share it.
	// CodeNotFound means that the node was declared dead.
	TakeHanded(ctx context.Context, node int64, events int) ([]ClaimedDelivery, error)
	// Tell passes word to everybody who listens now, this node too. It is a hint:
	// it may be lost, and nothing is kept of it.
	Tell(ctx context.Context, w Word) error
	// Listen calls hear with word from all nodes, one at a time, until ctx is done, which
	// is nil, or word may have been missed, which is an error. The first call is
	// WordListening: from then on nothing is missed.
	Listen(ctx context.Context, hear func(Word)) error
}

// WordKind says what word is about.
type WordKind byte

// The kinds of word.
const (
	WordListening   WordKind = 'l' // word is heard from now on
	WordChanged     WordKind = 'c' // the change feed has something new; the store tells this itself
	WordNodes       WordKind = 'n' // nodes or the holders of shards are not what they were
	WordBacklogged  WordKind = 'b' // Arrivals came
	WordHanded      WordKind = 'h' // something was handed to Nodes
	WordFull        WordKind = 'f' // nothing is to be handed over for the endpoints of Arrivals for a while
	MaxWordArrivals          = 160 // in one Word
	MaxWordNodes             = 500
)

// Word is what nodes tell one another.
type Word struct {
	Kind     WordKind
	Arrivals []Arrival
	Nodes    []int64
}

// Arrival says that deliveries of an endpoint came into the backlog.
type Arrival struct {
	EndpointID id.ID
	At         time.Time // when the first is due
	Count      int
}

// IsUnsure says whether a call that failed may have done its work all the same: the
// connection broke before the answer came.
func IsUnsure(err error) bool {
	var u interface{ Unsure() bool }
	return errors.As(err, &u) && u.Unsure()
}
