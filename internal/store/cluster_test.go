package store_test

import (
	"testing"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/store"
)

func TestShardsAreSpreadEvenlyOverNodes(t *testing.T) {
	for _, nodes := range [][]int64{{1, 2}, {7, 8, 9}, {101, 102, 103, 104, 105}} {
		count := map[int64]int{}
		for shard := range store.Shards {
			count[store.PreferredNode(shard, nodes)]++
		}
		fair := store.Shards / len(nodes)
		for _, n := range nodes {
			if count[n] < fair/2 || count[n] > 2*fair {
				t.Errorf("node %d of %v has %d of %d shards", n, nodes, count[n], store.Shards)
			}
		}
	}
	if got := store.PreferredNode(1, nil); got != 0 {
		t.Errorf("without nodes: %d", got)
	}
}

func TestOnlyTheShardsOfWhoComesOrGoesMove(t *testing.T) {
	for shard := range store.Shards {
		three, two := store.PreferredNode(shard, []int64{3, 1, 2}), store.PreferredNode(shard, []int64{1, 3})
		if three != 2 && three != two {
			t.Errorf("shard %d moves from %d to %d although both stay", shard, three, two)
		}
	}
}

func TestEndpointsAreSpreadEvenlyOverShards(t *testing.T) {
	var count [store.Shards]int
	for range 100 * store.Shards {
		count[store.ShardOf(id.New())]++
	}
	for shard, n := range count {
		if n < 40 || n > 180 {
			t.Errorf("shard %d has %d of %d endpoints", shard, n, 100*store.Shards)
		}
	}
}
