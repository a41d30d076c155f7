package viawazomobile

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/webhook"
)

// channel is the app's channel for notifications on Android.
const channel = "io.wazo.songbird"

// toFirebase tells a phone by way of Firebase, or of a proxy that speaks like it.
func (s *Service) toFirebase(ctx context.Context, p *phone, m *message) webhook.Outcome {
	if p.Token == "" {
		return failed("the user's phone has no token")
	}
	if p.tenant.ServiceAccount != "" {
		return s.toFCM(ctx, p, m)
	}
	key := p.tenant.FCMKey
	if key == "" {
		key = p.jwt
	}
	if key == "" || strings.Contains(s.o.FCMEndpoint, projectMark) {
		return failed("the tenant has no service account for Firebase, and there is no push proxy")
	}
	data, err := m.data()
	if err != nil {
		return failed(err.Error())
	}
	body := map[string]any{"data": data, "priority": "high", "to": p.Token}
	switch {
	case m.kind == incomingCall:
		body["notification"] = map[string]any{}
	case !m.dataOnly:
		body["notification"] = map[string]any{"android_channel_id": channel, "badge": 1, "body": m.body, "title": m.title}
	}
	return s.post(ctx, s.o.FCMEndpoint, "key="+key, body)
}

// projectMark stands for the project of a tenant's account in the endpoint's URL.
const projectMark = "{project_id}"

// toFCM tells a phone with the tenant's own account (Firebase's "HTTP v1 API").
func (s *Service) toFCM(ctx context.Context, p *phone, m *message) webhook.Outcome {
	account, err := readAccount(p.tenant.ServiceAccount)
	if err != nil {
		return failed(err.Error())
	}
	access, out := s.tokens.get(ctx, account)
	if access == "" {
		return judge(out, protocolFCM)
	}
	items, err := m.json(render.JSONStyle{})
	if err != nil {
		return failed(err.Error())
	}
	android := map[string]any{"priority": "high", "ttl": "0s"}
	if !m.dataOnly && m.kind != incomingCall {
		android["notification"] = map[string]any{"title": m.title, "body": m.body, "channel_id": channel, "notification_count": 1}
	}
	out = s.post(ctx, strings.ReplaceAll(s.o.FCMEndpoint, projectMark, url.PathEscape(account.Project)), "Bearer "+access, map[string]any{
		"message": map[string]any{
			"token": p.Token, "data": map[string]string{"notification_type": m.kind, "items": string(items)}, "android": android,
		},
	})
	if out.StatusCode == http.StatusUnauthorized {
		s.tokens.forget(account) // it was taken back before its time
		out.Result = webhook.ResultRetry
	}
	return out
}

// post sends a push: JSON with sorted keys and without blanks.
func (s *Service) post(ctx context.Context, to, authorization string, body map[string]any) webhook.Outcome {
	text, err := json.Marshal(body)
	if err != nil {
		return failed(err.Error())
	}
	headers := []webhook.Header{
		{Name: "Authorization", Value: authorization}, {Name: "Content-Type", Value: "application/json"}, {Name: "User-Agent", Value: userAgent},
	}
	resp, err := s.o.PushSender.Send(ctx, &deliver.Request{URL: to, Headers: headers, Body: text})
	out := deliver.OutcomeOf(resp, err, s.o.Now())
	out.RequestHeaders = deliver.AppendHeaders(nil, headers)
	return judge(out, protocolFCM)
}
