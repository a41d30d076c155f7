package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// reads is a load that counts its calls and keeps what it finds.
func reads(n *int, value string, group int) func(context.Context) answer[int, string] {
	return func(context.Context) answer[int, string] {
		*n++
		return answer[int, string]{value: value, group: group, keep: true}
	}
}

func want(t *testing.T, c *cache[string, int, string], key, value string, loaded int) {
	t.Helper()
	n := 0
	got, err := c.get(t.Context(), key, reads(&n, value, 0))
	if got != value || err != nil || n != loaded {
		t.Fatalf("get(%q) = %q, %v with %d loads, want %q with %d", key, got, err, n, value, loaded)
	}
}

func TestCacheKeepsWhatWasUsedLast(t *testing.T) {
	c := newCache[string, int, string](2)
	want(t, c, "a", "1", 1)
	want(t, c, "b", "2", 1)
	want(t, c, "a", "1", 0)
	want(t, c, "c", "3", 1) // b makes room
	want(t, c, "a", "1", 0)
	want(t, c, "b", "2", 1)
}

func TestCacheDropsAGroupAndNoOther(t *testing.T) {
	c := newCache[string, int, string](10)
	n := 0
	for i, key := range []string{"a", "b", "c"} {
		_, _ = c.get(t.Context(), key, reads(&n, key, i%2))
	}
	c.drop(0)
	n = 0
	for i, key := range []string{"a", "b", "c"} {
		_, _ = c.get(t.Context(), key, reads(&n, key, i%2))
	}
	if n != 2 {
		t.Fatalf("%d entries were loaded again, want the 2 of the group", n)
	}
}

func TestCacheNeverKeepsALoadThatBeganBeforeADrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache[string, int, string](10)
		release := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			got, _ := c.get(t.Context(), "a", func(context.Context) answer[int, string] {
				<-release
				return answer[int, string]{value: "old", keep: true}
			})
			if got != "old" {
				t.Errorf("the load itself gave %q, want what it found", got)
			}
		})
		synctest.Wait()
		c.drop(7) // whatever the group: nobody knows yet which it will be
		want(t, c, "a", "new", 1)
		close(release)
		wg.Wait()
		want(t, c, "a", "new", 0)
	})
}

func TestCacheMakesOneOfLoadsAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache[string, int, string](10)
		release := make(chan struct{})
		n := 0
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				got, err := c.get(t.Context(), "a", func(context.Context) answer[int, string] {
					n++
					<-release
					return answer[int, string]{value: "v", keep: true}
				})
				if got != "v" || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		synctest.Wait()
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.get(impatient, "a", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("who gives up gets %v", err)
		}
		close(release)
		wg.Wait()
		if n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

func TestCacheLoadGoesOnWhenItsCallerGivesUp(t *testing.T) {
	c := newCache[string, int, string](10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.get(ctx, "a", func(ctx context.Context) answer[int, string] {
		return answer[int, string]{err: ctx.Err()}
	})
	if err != nil {
		t.Fatalf("the load saw %v", err)
	}
}

func TestCacheKeepsAnErrorOnlyWhereItIsAnAnswer(t *testing.T) {
	c := newCache[string, int, string](10)
	broken, none := errors.New("broken"), errors.New("none")
	for range 2 {
		_, err := c.get(t.Context(), "a", func(context.Context) answer[int, string] {
			return answer[int, string]{err: broken}
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	_, _ = c.get(t.Context(), "a", func(context.Context) answer[int, string] {
		return answer[int, string]{err: none, keep: true}
	})
	if _, err := c.get(t.Context(), "a", nil); !errors.Is(err, none) {
		t.Fatalf("got %v, want the answer that was kept", err)
	}
}

// TestCacheAgreesWithItsSource plays with a source whose values change, with a drop
// after each change, and wants every answer to be the present one.
func TestCacheAgreesWithItsSource(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 6).Draw(t, "size")
		c := newCache[int, int, string](size)
		source := map[int]string{}
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			key := rapid.IntRange(0, 9).Draw(t, "key")
			group := key % 3
			switch rapid.IntRange(0, 3).Draw(t, "do") {
			case 0:
				source[key] = fmt.Sprint(step)
				c.drop(group)
			case 1:
				c.dropAll()
			default:
				got, err := c.get(context.Background(), key, func(context.Context) answer[int, string] {
					return answer[int, string]{value: source[key], group: group, keep: true}
				})
				if got != source[key] || err != nil {
					t.Fatalf("got %q, %v, want %q", got, err, source[key])
				}
			}
			listed := 0
			for _, keys := range c.groups {
				listed += len(keys)
			}
			if n := c.recent.Len(); n > size || n != len(c.entries) || n != listed || len(c.loading) != 0 {
				t.Fatalf("%d in order, %d entries, %d in groups, %d loading; size %d", n, len(c.entries), listed, len(c.loading), size)
			}
		}
	})
}

func TestRoundsThatComeWhileOneRunsShareTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rounds{turn: make(chan struct{}, 1)}
		release := make(chan struct{})
		n := 0
		run := func(context.Context) error {
			n++
			<-release
			return fmt.Errorf("round %d", n)
		}
		var wg sync.WaitGroup
		call := func(want string) {
			wg.Go(func() {
				if err := r.do(t.Context(), run); err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			})
		}
		call("round 1")
		synctest.Wait()
		for range 5 {
			call("round 2")
		}
		synctest.Wait()
		release <- struct{}{}
		release <- struct{}{}
		wg.Wait()
		if n != 2 {
			t.Errorf("%d rounds, want 2", n)
		}
	})
}

func TestRoundDoesNotEndWithItsCaller(t *testing.T) {
	r := rounds{turn: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	err := r.do(ctx, func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	})
	if err != nil {
		t.Fatalf("the round saw %v", err)
	}
}

func TestWaitingForARoundEndsWithTheContext(t *testing.T) {
	r := rounds{turn: make(chan struct{}, 1)}
	r.turn <- struct{}{} // for ever
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.do(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
