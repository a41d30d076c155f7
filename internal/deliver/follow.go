package deliver

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Follow sends a request and follows redirects, up to so many, the way python-requests
// and browsers do: after 301, 302 and 303 with a GET (a HEAD stays one) without body,
// after 307 and 308 with the same request again. Every hop passes the sender's guard like the first,
// and Timeout is the deadline over all of them. The last answer is returned,
// also when it is one redirect too many.
func Follow(ctx context.Context, s Sender, req *Request, hops int) (*Response, error) {
	_, resp, err := FollowTo(ctx, s, req, hops)
	return resp, err
}

// FollowTo is Follow that tells the last request, too: the one whose answer, or whose
// error, is returned.
func FollowTo(ctx context.Context, s Sender, req *Request, hops int) (*Request, *Response, error) {
	one := *req
	var deadline time.Time
	if req.Timeout > 0 {
		deadline = time.Now().Add(req.Timeout)
	}
	for {
		resp, err := s.Send(ctx, &one)
		if err != nil || hops <= 0 || !redirect(&one, resp) {
			return &one, resp, err
		}
		hops--
		if deadline.IsZero() {
			continue
		}
		if one.Timeout = time.Until(deadline); one.Timeout <= 0 {
			return &one, nil, &SendError{Reason: "timeout after " + req.Timeout.String(), Timeout: true, Sent: true, Err: context.DeadlineExceeded}
		}
	}
}

// redirect turns req into what the response asks for, if it asks for anything.
func redirect(req *Request, resp *Response) bool {
	location := resp.Header.Get("Location")
	if location == "" {
		return false
	}
	switch resp.Status {
	case 301, 302, 303:
		if req.Method != "HEAD" {
			req.Method = "GET"
		}
		req.Body, req.Headers = nil, without(req.Headers, "Content-Type")
	case 307, 308:
	default:
		return false
	}
	base, err := url.Parse(req.URL)
	if err != nil {
		return false
	}
	to, err := base.Parse(EscapeURL(location))
	if err != nil {
		return false
	}
	if to.Host != base.Host {
		req.Headers = without(req.Headers, "Authorization")
	} else if to.User == nil {
		to.User = base.User
	}
	req.URL, req.Query = to.String(), ""
	return true
}

func without(headers []webhook.Header, name string) []webhook.Header {
	var kept []webhook.Header
	for _, h := range headers {
		if !strings.EqualFold(h.Name, name) {
			kept = append(kept, h)
		}
	}
	return kept
}
