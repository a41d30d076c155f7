package pywebhooks

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/webhook"
)

// contacts asks endpoints with a GET: whether they are their owner's, and to take a
// new key. Every request passes the guard of egress on every hop, has one deadline, and
// so many are made at the same time at most.
type contacts struct {
	sender  deliver.Sender
	check   func(raw string) (*url.URL, error)
	agent   string
	timeout time.Duration
	tls     *webhook.TLS
	slots   chan struct{}
}

// maxHops is how many redirects are followed.
const maxHops = 30

// proves says whether an endpoint gives back what it is asked to.
func (k *contacts) proves(ctx context.Context, endpoint string) (bool, error) {
	value := newKey()
	resp, err := k.get(ctx, endpoint, "echo", value)
	if resp == nil || err != nil {
		return false, err
	}
	var members map[string]json.RawMessage
	var got string
	ok := json.Unmarshal(resp.Text(), &members) == nil && json.Unmarshal(members["echo"], &got) == nil
	return ok && subtle.ConstantTimeCompare([]byte(got), []byte(value)) == 1, nil
}

// takes says whether an endpoint took a key.
func (k *contacts) takes(ctx context.Context, endpoint, name, key string) (bool, error) {
	resp, err := k.get(ctx, endpoint, name, key)
	return resp != nil, err
}

// get returns what an endpoint answered, or nil when that was no success. The error
// says that it was not asked at all.
func (k *contacts) get(ctx context.Context, endpoint, name, value string) (*deliver.Response, error) {
	if _, err := k.check(endpoint); err != nil {
		return nil, nil
	}
	wait := time.NewTimer(k.timeout)
	defer wait.Stop()
	select {
	case k.slots <- struct{}{}:
		defer func() { <-k.slots }()
	case <-wait.C:
		return nil, tooMany(k.timeout)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	resp, err := deliver.Follow(ctx, k.sender, &deliver.Request{
		Method: "GET", URL: asking(endpoint, name, value), Timeout: k.timeout, TLS: k.tls,
		Headers: []webhook.Header{
			{Name: "User-Agent", Value: k.agent},
			{Name: "Accept", Value: "application/json"},
			{Name: "Content-Type", Value: "application/json"},
		},
	}, maxHops)
	if err != nil || resp.Status != 200 || !resp.IsJSON() {
		return nil, nil
	}
	return resp, nil
}

// asking adds to the query of a URL, and drops the fragment.
func asking(endpoint, name, value string) string {
	endpoint, _, _ = strings.Cut(endpoint, "#")
	separator := "?"
	if strings.Contains(endpoint, "?") {
		separator = "&"
		if strings.HasSuffix(endpoint, "?") || strings.HasSuffix(endpoint, "&") {
			separator = ""
		}
	}
	return endpoint + separator + name + "=" + value
}
