package viawazomobile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

const userAgent = "wazo-webhookd"

// toApple tells a phone by way of Apple (APNs over HTTP/2).
func (s *Service) toApple(ctx context.Context, p *phone, m *message) webhook.Outcome {
	token, topic, push, priority := p.APNsNotification, p.APNsDefaultTopic, "alert", "10"
	setDefault(&topic, s.o.APNsDefaultTopic)
	switch m.kind {
	case incomingCall:
		token, topic, push = p.APNsVoIP, p.APNsCallTopic, "voip"
		setDefault(&token, p.APNsToken)
		setDefault(&topic, s.o.APNsCallTopic)
	case cancelIncomingCall:
		priority = "5"
	}
	if token == "" {
		text := "the user's phone has no token for notifications by Apple"
		out := failed(text)
		out.Extra = wazo.Detail(map[string]string{"error": text, "error_id": "notification-error"})
		return out
	}
	body, err := m.forApple()
	if err != nil {
		return failed(err.Error())
	}
	headers := []webhook.Header{
		{Name: "apns-topic", Value: topic},
		{Name: "apns-push-type", Value: push},
		{Name: "apns-priority", Value: priority},
		{Name: "apns-expiration", Value: "0"},
		{Name: "User-Agent", Value: userAgent},
		{Name: "Content-Type", Value: "application/json"},
	}
	if p.jwt != "" {
		headers = append(headers, webhook.Header{Name: "Authorization", Value: "Bearer " + p.jwt})
	}
	host := s.o.APNsHost
	if p.tenant.Sandbox {
		headers = append(headers, webhook.Header{Name: "X-Use-Sandbox", Value: "1"})
		if host == DefaultAPNsHost {
			host = apnsSandbox
		}
	}
	to := "https://" + net.JoinHostPort(host, strconv.Itoa(s.o.APNsPort)) + "/3/device/" + url.PathEscape(token)
	resp, err := s.apple.send(ctx, p.tenant, to, headers, body)
	if err != nil {
		resp = nil
	}
	out := deliver.OutcomeOf(resp, err, s.o.Now())
	out.RequestHeaders = deliver.AppendHeaders(nil, headers)
	return judge(out, protocolAPNs)
}

// forApple is a message as Apple takes it.
func (m *message) forApple() ([]byte, error) {
	data, err := m.data()
	if err != nil {
		return nil, err
	}
	switch m.kind {
	case incomingCall:
		return json.Marshal(with(data, map[string]any{"alert": data, "badge": 1}))
	case cancelIncomingCall:
		return json.Marshal(with(data, map[string]any{"badge": 1, "sound": "default", "content-available": 1}))
	}
	aps := map[string]any{"badge": 1, "sound": "default", "alert": map[string]string{"title": m.title, "body": m.body}}
	if m.dataOnly {
		aps["content-available"] = 1
	}
	return json.Marshal(map[string]any{"aps": aps, "data": data})
}

// with is data beside what Apple itself reads.
func with(data, aps map[string]any) map[string]any {
	all := map[string]any{"aps": aps}
	for name, v := range data {
		all[name] = v
	}
	return all
}

// apple holds connections to Apple, which are shared by who has the same certificate.
type apple struct {
	dialer *egress.Dialer
	roots  *x509.CertPool

	mu   sync.Mutex
	kept map[[sha256.Size]byte]client
}

// maxCertificates bounds the certificates whose connections are kept.
const maxCertificates = 1000

// client is what HTTP/2 is spoken with.
type client interface {
	RoundTrip(req *http.Request) (*http.Response, error)
	CloseIdleConnections()
}

func newApple(d *egress.Dialer, roots *x509.CertPool) *apple {
	return &apple{dialer: d, roots: roots, kept: map[[sha256.Size]byte]client{}}
}

func (a *apple) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.kept {
		t.CloseIdleConnections()
	}
	clear(a.kept)
}

// transport returns the connections that are made with a tenant's certificate.
func (a *apple) transport(of tenant) (client, error) {
	key := sha256.Sum256([]byte(of.Certificate + "\x00" + of.Key))
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.kept[key]; t != nil {
		return t, nil
	}
	config := &tls.Config{RootCAs: a.roots, MinVersion: tls.VersionTLS12}
	if of.Certificate != "" || of.Key != "" {
		pair, err := tls.X509KeyPair([]byte(of.Certificate), []byte(of.Key))
		if err != nil {
			return nil, &deliver.SendError{Reason: "the tenant's certificate and key for Apple are not a pair in PEM form", Invalid: true, Err: err}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	t := a.dialer.HTTP2(config)
	if len(a.kept) >= maxCertificates {
		for other, t := range a.kept {
			t.CloseIdleConnections()
			delete(a.kept, other)
			break
		}
	}
	a.kept[key] = t
	return t, nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// send makes one request. The error is a *deliver.SendError.
func (a *apple) send(ctx context.Context, of tenant, to string, headers []webhook.Header, body []byte) (*deliver.Response, error) {
	t, err := a.transport(of)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, &deliver.SendError{Reason: "the address of Apple's service is no URL", Invalid: true, Err: err}
	}
	for _, h := range headers {
		req.Header.Set(h.Name, h.Value)
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return nil, &deliver.SendError{Reason: oneLine(err.Error()), Timeout: errors.Is(ctx.Err(), context.DeadlineExceeded), Err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, &deliver.SendError{Reason: "the answer broke off", Timeout: errors.Is(ctx.Err(), context.DeadlineExceeded), Sent: true, Err: err}
	}
	var head deliver.Header
	for name, values := range resp.Header {
		for _, v := range values {
			head = append(head, name+": "+v+"\n"...)
		}
	}
	return &deliver.Response{Status: resp.StatusCode, Header: head, Body: text}, nil
}
