package main

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets that grow with them. It is safe for
// concurrent use and never allocates.
type histogram struct {
	buckets [64 * perOctave]atomic.Int64
}

// perOctave is how many buckets there are between a duration and its double: a
// quantile is exact to 1.6 %.
const perOctave = 64

// bucketOf returns the bucket of a duration in nanoseconds.
func bucketOf(ns int64) int {
	if ns < perOctave {
		return int(max(ns, 0))
	}
	octave := bits.Len64(uint64(ns)) - bits.Len64(perOctave)
	return (octave+1)*perOctave + int(ns>>octave) - perOctave
}

// valueOf returns the middle of a bucket.
func valueOf(bucket int) time.Duration {
	if bucket < 2*perOctave {
		return time.Duration(bucket)
	}
	octave := bucket/perOctave - 1
	low := int64(bucket%perOctave+perOctave) << octave
	return time.Duration(low + int64(1)<<octave/2)
}

func (h *histogram) add(d time.Duration) {
	h.buckets[min(bucketOf(int64(d)), len(h.buckets)-1)].Add(1)
}

func (h *histogram) reset() {
	for i := range h.buckets {
		h.buckets[i].Store(0)
	}
}

// quantile returns the duration that a share q of all is not above; 0 when there
// are none.
func (h *histogram) quantile(q float64) time.Duration {
	var total int64
	for i := range h.buckets {
		total += h.buckets[i].Load()
	}
	rank := max(int64(math.Ceil(q*float64(total))), 1)
	var seen int64
	for i := range h.buckets {
		if seen += h.buckets[i].Load(); seen >= rank {
			return valueOf(i)
		}
	}
	return 0
}
