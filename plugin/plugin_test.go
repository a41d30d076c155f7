package plugin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// request is the line of a delivery.
func request(id string, deadline time.Time, options string) string {
	return fmt.Sprintf(`{"type":"delivery","id":%q,"delivery":"msg_x/0","attempt":2,"max_attempts":9,"deadline":%q,"options":%s,"event":{"name":"a"},"subscription":{}}`+"\n",
		id, deadline.Format(time.RFC3339Nano), options)
}

// serve lets a service answer lines.
func serve(t *testing.T, s Service, lines ...string) []string {
	t.Helper()
	var out bytes.Buffer
	if err := Serve(t.Context(), s, strings.NewReader(strings.Join(lines, "")), &out); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestAServiceSaysHelloAndAnswers(t *testing.T) {
	s := Service{
		Name: "x", Version: "1", ConfigSchema: json.RawMessage(`{"type":"object"}`),
		Deliver: func(_ context.Context, d *Delivery) (any, error) {
			var o struct{ Do string }
			if err := json.Unmarshal(d.Options, &o); err != nil {
				return nil, err
			}
			switch o.Do {
			case "retry":
				return map[string]int{"n": 1}, Try("later", 2*time.Second)
			case "reject":
				return nil, fmt.Errorf("wrapped: %w", Reject("never"))
			case "fail":
				return nil, errors.New("odd")
			case "panic":
				panic("ouch")
			case "untellable":
				return func() {}, nil
			}
			return map[string]any{"attempt": d.Attempt, "event": d.Event}, nil
		},
	}
	soon := time.Now().Add(time.Minute)
	lines := []string{`{"type":"news"}` + "\n"}
	for _, do := range []string{"", "retry", "reject", "fail", "panic", "untellable"} {
		lines = append(lines, request(do, soon, fmt.Sprintf(`{"do":%q}`, do)))
	}
	got := serve(t, s, append(lines, `{"type":"delivery","cut`)...)
	want := []string{
		`{"type":"hello","protocol":1,"name":"x","version":"1","concurrency":1,"config_schema":{"type":"object"}}`,
		`{"type":"answer","id":"","result":"delivered","detail":{"attempt":2,"event":{"name":"a"}}}`,
		`{"type":"answer","id":"retry","result":"retry","error":"later","detail":{"n":1},"retry_after":2}`,
		`{"type":"answer","id":"reject","result":"rejected","error":"wrapped: never"}`,
		`{"type":"answer","id":"fail","result":"retry","error":"odd"}`,
		`{"type":"answer","id":"panic","result":"retry","error":"panic: ouch"}`,
		`{"type":"answer","id":"untellable","result":"delivered","detail":{"error":"the detail cannot be told: json: unsupported type: func()"}}`,
	}
	if len(got) != len(want) {
		t.Fatalf("got %d lines: %q", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

func TestDeliveriesRunSideBySideAsOftenAsTheServiceSays(t *testing.T) {
	var now, most atomic.Int32
	all := make(chan struct{})
	s := Service{Name: "x", Concurrency: 3, Deliver: func(context.Context, *Delivery) (any, error) {
		if n := now.Add(1); n == 3 {
			close(all)
		} else if n > most.Load() {
			most.Store(n)
		}
		<-all
		now.Add(-1)
		return nil, nil
	}}
	in, feed := io.Pipe()
	out, answers := io.Pipe()
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), s, in, answers) }()
	go func() {
		for i := range 3 {
			_, _ = io.WriteString(feed, request(fmt.Sprint(i), time.Now().Add(time.Minute), "{}"))
		}
		_ = feed.Close()
	}()
	r := bufio.NewScanner(out)
	for range 4 { // hello and three answers
		if !r.Scan() {
			t.Fatal("the output ended")
		}
	}
	if err := <-served; err != nil || most.Load() > 2 {
		t.Errorf("%v, %d", err, most.Load())
	}
}

func TestTheDeadlineEndsTheContext(t *testing.T) {
	s := Service{Name: "x", Deliver: func(ctx context.Context, _ *Delivery) (any, error) {
		<-ctx.Done()
		return nil, Try(ctx.Err().Error(), 0)
	}}
	if got := serve(t, s, request("1", time.Now(), "{}")); !strings.Contains(got[1], "deadline exceeded") {
		t.Errorf("got %s", got[1])
	}
}

func TestNonsenseIsAnError(t *testing.T) {
	s := Service{Name: "x", Deliver: func(context.Context, *Delivery) (any, error) { return nil, nil }}
	if err := Serve(t.Context(), s, strings.NewReader("nonsense\n"), io.Discard); err == nil {
		t.Error("a line that is not JSON was taken")
	}
	if err := Serve(t.Context(), Service{}, strings.NewReader(""), io.Discard); err == nil {
		t.Error("a service without a name was taken")
	}
}
