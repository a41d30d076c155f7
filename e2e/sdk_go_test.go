package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	svix "github.com/svix/svix-webhooks/go"
	"github.com/svix/svix-webhooks/go/models"
	"github.com/svix/svix-webhooks/go/utils"

	"github.com/switchhook/switchhook/internal/testkit"
)

// sdk returns the published Go client for a server. slash adds one to the base URL,
// which that client does not trim.
func sdk(t *testing.T, s *server, key string, slash bool) *svix.Svix {
	t.Helper()
	base := s.url
	if slash {
		base += "/"
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	client, err := svix.New(key, &svix.SvixOptions{ServerUrl: u})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// first returns the value of a call that must succeed.
func first[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(explain(err))
		}
		return v
	}
}

func explain(err error) error {
	if e, ok := errors.AsType[*svix.Error](err); ok {
		return fmt.Errorf("%d: %s", e.Status(), e.Body())
	}
	return err
}

func wantStatus(t *testing.T, status int, err error) {
	t.Helper()
	e, ok := errors.AsType[*svix.Error](err)
	if !ok || e.Status() != status {
		t.Errorf("%v, want status %d", err, status)
	}
}

// eventually asks until the answer is good.
func eventually[T any](t *testing.T, what string, ask func() (T, bool)) T {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		v, ok := ask()
		if ok {
			return v
		}
		select {
		case <-deadline:
			t.Fatalf("%s never came: %+v", what, v)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestThePublishedGoClientGoesThroughTheMainFlow(t *testing.T) {
	for name, slash := range map[string]bool{"base URL": false, "base URL with a slash": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			f := &goFlow{T: t, ctx: t.Context(), server: s, c: sdk(t, s, s.key, slash), to: testkit.NewReceiver(t)}
			f.health()
			f.applications()
			f.eventTypes()
			f.endpoints()
			f.messages()
			f.attempts()
			f.operations()
			f.portal()
			f.wrong()
			f.deletes()
		})
	}
}

// goFlow is one way through all that the client can do.
type goFlow struct {
	*testing.T
	ctx    context.Context
	server *server
	c      *svix.Svix
	to     *testkit.Receiver
	msg    *models.MessageOut
	ep     *models.EndpointOut
}

const app = "acme" // a uid in the place of an id

func (f *goFlow) health() {
	if err := f.c.Health.Get(f.ctx); err != nil {
		f.Fatal(err)
	}
}

func (f *goFlow) applications() {
	in := models.ApplicationIn{Name: "Acme", Uid: new(app), Metadata: &map[string]string{"plan": "gold"}, RateLimit: new(uint16(1000))}
	made := first(f.c.Application.Create(f.ctx, in, nil))(f.T)
	if *made.Uid != app || *made.ThrottleRate != 1000 || made.Metadata["plan"] != "gold" {
		f.Errorf("%+v", made)
	}
	_, err := f.c.Application.Create(f.ctx, in, nil)
	wantStatus(f.T, 409, err)
	same := first(f.c.Application.GetOrCreate(f.ctx, in, nil))(f.T)
	if same.Id != made.Id {
		f.Errorf("%s, not %s", same.Id, made.Id)
	}
	changed := first(f.c.Application.Update(f.ctx, made.Id, models.ApplicationIn{Name: "Acme 2", Uid: new(app)}))(f.T)
	if changed.Name != "Acme 2" || changed.ThrottleRate != nil {
		f.Errorf("%+v", changed)
	}
	patched := first(f.c.Application.Patch(f.ctx, app, models.ApplicationPatch{Name: new("Acme 3")}))(f.T)
	if patched.Name != "Acme 3" || *patched.Uid != app {
		f.Errorf("%+v", patched)
	}
	for i := range 3 {
		first(f.c.Application.Create(f.ctx, models.ApplicationIn{Name: fmt.Sprint(i)}, nil))(f.T)
	}
	var names []string
	o := svix.ApplicationListOptions{Limit: new(uint64(2))}
	for {
		page := first(f.c.Application.List(f.ctx, &o))(f.T)
		for _, a := range page.Data {
			names = append(names, a.Name)
		}
		if page.Done {
			break
		}
		o.Iterator = page.Iterator
	}
	if !slices.Equal(names, []string{"Acme 3", "0", "1", "2"}) {
		f.Error(names)
	}
}

func (f *goFlow) eventTypes() {
	schema := map[string]any{"1": map[string]any{"type": "object", "examples": []any{map[string]any{"id": 1}}}}
	made := first(f.c.EventType.Create(f.ctx, models.EventTypeIn{Name: "order.paid", Description: "An order was paid", Schemas: &schema}, nil))(f.T)
	if made.Name != "order.paid" || made.Schemas == nil {
		f.Errorf("%+v", made)
	}
	first(f.c.EventType.Create(f.ctx, models.EventTypeIn{Name: "order.lost", Description: ""}, nil))(f.T)
	first(f.c.EventType.Get(f.ctx, "order.paid"))(f.T)
	first(f.c.EventType.Update(f.ctx, "order.lost", models.EventTypeUpdate{Description: "d"}))(f.T)
	first(f.c.EventType.Patch(f.ctx, "order.lost", models.EventTypePatch{Deprecated: new(true)}))(f.T)
	if list := first(f.c.EventType.List(f.ctx, &svix.EventTypeListOptions{WithContent: new(true)}))(f.T); len(list.Data) != 2 || !list.Data[1].Deprecated {
		f.Errorf("%+v", list)
	}
	if err := f.c.EventType.Delete(f.ctx, "order.lost", nil); err != nil {
		f.Error(explain(err))
	}
}

func (f *goFlow) endpoints() {
	f.ep = first(f.c.Endpoint.Create(f.ctx, app, models.EndpointIn{
		Url: f.to.URLFor("/hook"), Uid: new("hook"), FilterTypes: []string{"order.paid"}, Channels: []string{"eu"},
		Description: new("d"), Headers: &map[string]string{"X-Custom": "1"}, ThrottleRate: new(uint16(500)),
	}, nil))(f.T)
	if f.ep.Version != 1 || !slices.Equal(f.ep.FilterTypes, []string{"order.paid"}) || *f.ep.RateLimit != 500 {
		f.Errorf("%+v", f.ep)
	}
	_, err := f.c.Endpoint.Create(f.ctx, app, models.EndpointIn{Url: f.to.URL(), FilterTypes: []string{"nobody.knows"}}, nil)
	wantStatus(f.T, 422, err)
	first(f.c.Endpoint.Get(f.ctx, app, "hook"))(f.T)
	patched := first(f.c.Endpoint.Patch(f.ctx, app, "hook", models.EndpointPatch{Channels: utils.NewNullableFromPtr[[]string](nil)}))(f.T)
	if patched.Channels != nil || len(patched.FilterTypes) != 1 {
		f.Errorf("%+v", patched)
	}
	updated := first(f.c.Endpoint.Update(f.ctx, app, "hook", models.EndpointUpdate{Url: f.to.URLFor("/hook"), Uid: new("hook")}))(f.T)
	if updated.FilterTypes != nil || updated.Id != f.ep.Id {
		f.Errorf("%+v", updated)
	}
	if list := first(f.c.Endpoint.List(f.ctx, app, nil))(f.T); len(list.Data) != 1 || !list.Done {
		f.Errorf("%+v", list)
	}
	if h := first(f.c.Endpoint.GetHeaders(f.ctx, app, "hook"))(f.T); h.Headers["X-Custom"] != "1" {
		f.Errorf("%+v", h)
	}
	if err := f.c.Endpoint.PatchHeaders(f.ctx, app, "hook", models.EndpointHeadersPatchIn{Headers: map[string]string{"X-More": "2"}}); err != nil {
		f.Error(explain(err))
	}
	before := first(f.c.Endpoint.GetSecret(f.ctx, app, "hook"))(f.T).Key
	if err := f.c.Endpoint.RotateSecret(f.ctx, app, "hook", models.EndpointSecretRotateIn{}, nil); err != nil {
		f.Error(explain(err))
	}
	if after := first(f.c.Endpoint.GetSecret(f.ctx, app, "hook"))(f.T).Key; before == after {
		f.Error("the secret stays the same")
	}
}

func (f *goFlow) messages() {
	in := models.MessageIn{
		EventType: "order.paid", EventId: new("e-1"), Channels: []string{"eu"}, Tags: []string{"t"}, Payload: map[string]any{"id": 7.0},
	}
	key := &svix.MessageCreateOptions{IdempotencyKey: new("k-1")}
	f.msg = first(f.c.Message.Create(f.ctx, app, in, key))(f.T)
	if again := first(f.c.Message.Create(f.ctx, app, in, key))(f.T); again.Id != f.msg.Id {
		f.Errorf("%s, then %s", f.msg.Id, again.Id)
	}
	_, err := f.c.Message.Create(f.ctx, app, in, nil)
	wantStatus(f.T, 409, err)
	read := first(f.c.Message.Get(f.ctx, app, "e-1", nil))(f.T)
	if read.Id != f.msg.Id || read.Payload["id"] != 7.0 || !read.Timestamp.Equal(f.msg.Timestamp) {
		f.Errorf("%+v", read)
	}
	requests, err := f.to.Wait(1, 20*time.Second)
	if err != nil {
		f.Fatal(err)
	}
	secret := first(f.c.Endpoint.GetSecret(f.ctx, app, "hook"))(f.T).Key
	verifier := first(svix.NewWebhook(secret))(f.T)
	header := http.Header{}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		header.Set(name, requests[0].Header.Get(name))
	}
	if err := verifier.Verify(requests[0].Body, header); err != nil {
		f.Error(err)
	}
	if requests[0].Header.Get("X-More") != "2" || requests[0].Header.Get("webhook-id") != f.msg.Id {
		f.Errorf("%+v", requests[0].Header)
	}
	raw := svix.NewMessageInRaw("order.paid", "{ \"raw\" :1}", nil)
	first(f.c.Message.Create(f.ctx, app, *raw, nil))(f.T)
	if requests, err = f.to.Wait(2, 20*time.Second); err != nil || string(requests[1].Body) != "{ \"raw\" :1}" {
		f.Errorf("%v: %+v", err, requests)
	}
	types := []string{"order.paid", "other"}
	list := first(f.c.Message.List(f.ctx, app, &svix.MessageListOptions{EventTypes: &types, Channel: new("eu"), Tag: new("t"), Before: new(time.Now().Add(time.Hour))}))(f.T)
	if len(list.Data) != 1 || list.Data[0].Id != f.msg.Id {
		f.Errorf("%+v", list)
	}
	inline := models.MessageIn{EventType: "order.paid", Payload: map[string]any{}, Application: &models.ApplicationIn{Name: "Inline", Uid: new("inline")}}
	first(f.c.Message.Create(f.ctx, "inline", inline, nil))(f.T)
	first(f.c.Application.Get(f.ctx, "inline"))(f.T)
}

func (f *goFlow) attempts() {
	list := eventually(f.T, "the attempt", func() (*models.ListResponseMessageAttemptOut, bool) {
		l := first(f.c.MessageAttempt.ListByMsg(f.ctx, app, f.msg.Id, nil))(f.T)
		return l, len(l.Data) == 1
	})
	a := list.Data[0]
	if a.Status != models.MESSAGESTATUS_SUCCESS || a.StatusText != models.MESSAGESTATUSTEXT_SUCCESS || a.ResponseStatusCode != 200 ||
		a.EndpointId != f.ep.Id || a.TriggerType != models.MESSAGEATTEMPTTRIGGERTYPE_SCHEDULED {
		f.Errorf("%+v", a)
	}
	first(f.c.MessageAttempt.Get(f.ctx, app, f.msg.Id, a.Id, nil))(f.T)
	class := models.STATUSCODECLASS_CODE2XX
	by := first(f.c.MessageAttempt.ListByEndpoint(f.ctx, app, "hook", &svix.MessageAttemptListByEndpointOptions{StatusCodeClass: &class, WithMsg: new(true)}))(f.T)
	if len(by.Data) != 2 || by.Data[1].Msg == nil || by.Data[1].Msg.Id != f.msg.Id {
		f.Errorf("%+v", by)
	}
	status := models.MESSAGESTATUS_SUCCESS
	messages := first(f.c.MessageAttempt.ListAttemptedMessages(f.ctx, app, "hook", &svix.MessageAttemptListAttemptedMessagesOptions{Status: &status}))(f.T)
	if len(messages.Data) != 2 || messages.Data[1].StatusText != models.MESSAGESTATUSTEXT_SUCCESS {
		f.Errorf("%+v", messages)
	}
	if to := first(f.c.MessageAttempt.ListAttemptedDestinations(f.ctx, app, "e-1", nil))(f.T); len(to.Data) != 1 || to.Data[0].Id != f.ep.Id {
		f.Errorf("%+v", to)
	}
	if _, err := f.c.MessageAttempt.Resend(f.ctx, app, "e-1", "hook", nil); err != nil {
		f.Error(explain(err))
	}
	eventually(f.T, "the manual attempt", func() (any, bool) {
		l := first(f.c.MessageAttempt.ListByMsg(f.ctx, app, f.msg.Id, nil))(f.T)
		return l, len(l.Data) == 2 && l.Data[0].TriggerType == models.MESSAGEATTEMPTTRIGGERTYPE_MANUAL
	})
	if err := f.c.MessageAttempt.ExpungeContent(f.ctx, app, f.msg.Id, a.Id); err != nil {
		f.Error(explain(err))
	}
}

func (f *goFlow) operations() {
	if s := first(f.c.Endpoint.GetStats(f.ctx, app, "hook", nil))(f.T); s.Success != 3 || s.Fail != 0 {
		f.Errorf("%+v", s)
	}
	r := first(f.c.Endpoint.Recover(f.ctx, app, "hook", models.RecoverIn{Since: time.Now().Add(-time.Hour)}, nil))(f.T)
	if !strings.HasPrefix(r.Id, "qtask_") || r.Task != models.BACKGROUNDTASKTYPE_ENDPOINT_RECOVER {
		f.Errorf("%+v", r)
	}
	example := first(f.c.Endpoint.SendExample(f.ctx, app, "hook", models.EventExampleIn{EventType: "order.paid"}, nil))(f.T)
	if example.EventType != "order.paid" {
		f.Errorf("%+v", example)
	}
	if err := f.c.Message.ExpungeContent(f.ctx, app, "e-1"); err != nil {
		f.Error(explain(err))
	}
	if m := first(f.c.Message.Get(f.ctx, app, "e-1", nil))(f.T); m.Payload["expired"] != true {
		f.Errorf("%+v", m)
	}
}

func (f *goFlow) portal() {
	access := first(f.c.Authentication.AppPortalAccess(f.ctx, app, models.AppPortalAccessIn{ReadOnly: new(true)}, nil))(f.T)
	if !strings.Contains(access.Url, access.Token) {
		f.Errorf("%+v", access)
	}
	browser := sdk(f.T, f.server, access.Token, false)
	first(browser.Endpoint.List(f.ctx, app, nil))(f.T)
	_, err := browser.Application.List(f.ctx, nil)
	wantStatus(f.T, 403, err)
	_, err = browser.Endpoint.Create(f.ctx, app, models.EndpointIn{Url: f.to.URL()}, nil)
	wantStatus(f.T, 403, err)
	_, err = browser.Endpoint.List(f.ctx, "inline", nil)
	wantStatus(f.T, 404, err)
	first(f.c.Authentication.DashboardAccess(f.ctx, app, nil))(f.T) //lint:ignore SA1019 older senders call it
	wantStatus(f.T, 501, f.c.Authentication.Logout(f.ctx, nil))
}

func (f *goFlow) wrong() {
	_, err := sdk(f.T, f.server, "nonsense", false).Application.List(f.ctx, nil)
	wantStatus(f.T, 401, err)
	_, err = f.c.Application.Get(f.ctx, "nobody")
	wantStatus(f.T, 404, err)
	_, err = f.c.Message.Create(f.ctx, app, models.MessageIn{EventType: "a b", Payload: map[string]any{}}, nil)
	wantStatus(f.T, 422, err)
	e, _ := errors.AsType[*svix.Error](err)
	var body struct{ Detail []struct{ Loc []string } }
	if e == nil || json.Unmarshal(e.Body(), &body) != nil || !slices.Equal(body.Detail[0].Loc, []string{"body", "eventType"}) {
		f.Error(explain(err))
	}
	big := models.MessageIn{EventType: "a", Payload: map[string]any{"x": strings.Repeat("x", 8<<20)}}
	_, err = f.c.Message.Create(f.ctx, app, big, nil)
	wantStatus(f.T, 413, err)
}

func (f *goFlow) deletes() {
	if err := f.c.Endpoint.Delete(f.ctx, app, "hook"); err != nil {
		f.Error(explain(err))
	}
	_, err := f.c.Endpoint.Get(f.ctx, app, "hook")
	wantStatus(f.T, 404, err)
	if err := f.c.Application.Delete(f.ctx, app); err != nil {
		f.Error(explain(err))
	}
	_, err = f.c.Application.Get(f.ctx, app)
	wantStatus(f.T, 404, err)
}
