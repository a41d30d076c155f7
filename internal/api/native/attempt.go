package native

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

func attemptRoutes() []Route {
	const msg = "/app/{app_id}/msg/{msg_id}"
	return []Route{
		{Method: "GET", Path: "/app/{app_id}/attempt/endpoint/{endpoint_id}", needs: viewer, handle: (*API).listAttemptsByEndpoint},
		{Method: "GET", Path: "/app/{app_id}/attempt/msg/{msg_id}", needs: viewer, handle: (*API).listAttemptsByMessage},
		{Method: "GET", Path: "/app/{app_id}/endpoint/{endpoint_id}/msg", needs: viewer, handle: (*API).listAttemptedMessages},
		{Method: "GET", Path: msg + "/endpoint", needs: viewer, handle: (*API).listDestinations},
		{Method: "GET", Path: msg + "/attempt", needs: viewer, handle: (*API).listAttemptsByMessage},
		{Method: "GET", Path: msg + "/endpoint/{endpoint_id}/attempt", needs: viewer, handle: (*API).listAttemptsByBoth},
		{Method: "GET", Path: msg + "/attempt/{attempt_id}", needs: viewer, handle: (*API).getAttempt},
		{Method: "DELETE", Path: msg + "/attempt/{attempt_id}/content", needs: owner, handle: (*API).deleteResponse},
		{Method: "POST", Path: msg + "/endpoint/{endpoint_id}/resend", needs: retrier, handle: (*API).resend},
	}
}

type attemptOut struct {
	ID                 string    `json:"id"`
	MsgID              string    `json:"msgId"`
	EndpointID         string    `json:"endpointId"`
	URL                string    `json:"url"`
	Response           string    `json:"response"`
	ResponseStatusCode int       `json:"responseStatusCode"`
	ResponseDurationMs int64     `json:"responseDurationMs"`
	Status             int       `json:"status"`
	StatusText         string    `json:"statusText"`
	TriggerType        int       `json:"triggerType"`
	Timestamp          time.Time `json:"timestamp"`
	Msg                rawJSON   `json:"msg,omitempty"`

	// What follows is ours.
	Outcome         string     `json:"outcome"` // delivered, retry, rejected, gone, throttled
	Detail          string     `json:"detail"`  // why it failed
	NextAttempt     *time.Time `json:"nextAttempt"`
	RequestHeaders  []string   `json:"requestHeaders,omitempty"`  // "Name: value", as sent
	ResponseHeaders []string   `json:"responseHeaders,omitempty"` // "Name: value", as received
}

// showAttempt spells an attempt; content is what the receiver answered.
func showAttempt(t *webhook.Attempt, content bool) attemptOut {
	o := &t.Outcome
	out := attemptOut{
		ID: attemptID(t), MsgID: t.Delivery.Event.Prefixed(messagePrefix), EndpointID: t.EndpointID.Prefixed(endpointPrefix),
		URL: t.URL, Response: "{}", ResponseStatusCode: o.StatusCode, ResponseDurationMs: o.Latency.Milliseconds(),
		Status: statusFail, TriggerType: int(t.Trigger), Timestamp: t.StartedAt,
		Outcome: o.Result.String(), Detail: o.Detail, NextAttempt: timeOrNull(t.NextAt),
	}
	if o.Result == webhook.ResultDelivered {
		out.Status = statusSuccess
	}
	out.StatusText = statusText(out.Status)
	if !content {
		return out
	}
	switch {
	case o.ResponseExpunged:
		out.Response = "EXPUNGED"
	case o.StatusCode == 0:
		out.Response = o.Detail // none came
	default:
		out.Response = string(o.ResponseBody)
	}
	out.RequestHeaders, out.ResponseHeaders = lines(o.RequestHeaders), lines(o.ResponseHeaders)
	return out
}

func attemptID(t *webhook.Attempt) string { return t.ID.Prefixed(attemptPrefix) }

func lines(text []byte) []string {
	if text = bytes.TrimSuffix(text, []byte("\n")); len(text) == 0 {
		return nil
	}
	return strings.Split(string(text), "\n")
}

// attemptQuery reads what lists of attempts can be asked for.
func (c *call) attemptQuery(q *query) (aq control.AttemptQuery, content bool) {
	p, before, after := q.timePage(attemptPrefix)
	content = q.flag("with_content", true)
	aq = control.AttemptQuery{
		AccountID: c.app.ID, Types: q.eventTypes(), Channel: q.name("channel"), Tag: q.name("tag"),
		Before: before, After: after, Bodies: content, Page: p,
	}
	if class, ok := q.number("status_code_class", 0, 500); ok {
		if class%100 != 0 {
			q.fail("status_code_class", "must be 0, 100, 200, 300, 400 or 500")
		}
		if aq.CodeClass = class / 100; class == 0 {
			aq.CodeClass = control.NoCode
		}
	}
	return aq, content
}

// noAttempt says whether no attempt can have the status that is asked for: an
// attempt has succeeded or failed.
func noAttempt(q *query, aq *control.AttemptQuery) bool {
	switch status, ok := q.number("status", statusSuccess, statusCanceled); {
	case !ok:
	case status == statusSuccess:
		aq.Outcome = control.OnlyDelivered
	case status == statusFail:
		aq.Outcome = control.NotDelivered
	default:
		return true
	}
	return false
}

func (a *API) listAttemptsByEndpoint(c *call) error {
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	return a.listAttempts(c, func(aq *control.AttemptQuery, _ *query) error {
		aq.EndpointID = e.ID
		return nil
	})
}

func (a *API) listAttemptsByMessage(c *call) error {
	e, err := a.event(c)
	if err != nil {
		return err
	}
	return a.listAttempts(c, func(aq *control.AttemptQuery, q *query) error {
		aq.EventID = e.ID
		if name := q.name("endpoint_id"); name != "" && q.err == nil {
			to, err := a.endpointNamed(c, name)
			if err != nil {
				return err
			}
			aq.EndpointID = to.ID
		}
		return nil
	})
}

func (a *API) listAttemptsByBoth(c *call) error {
	e, err := a.event(c)
	if err != nil {
		return err
	}
	to, err := a.endpoint(c)
	if err != nil {
		return err
	}
	return a.listAttempts(c, func(aq *control.AttemptQuery, _ *query) error {
		aq.EventID, aq.EndpointID = e.ID, to.ID
		return nil
	})
}

func (a *API) listAttempts(c *call, of func(*control.AttemptQuery, *query) error) error {
	q := c.query()
	aq, content := c.attemptQuery(q)
	none, withMessage := noAttempt(q, &aq), q.flag("with_msg", false)
	if err := of(&aq, q); err != nil {
		return err
	}
	if q.err != nil {
		return q.err
	}
	s := webhook.Slice[webhook.Attempt]{Done: true}
	if !none {
		var err error
		if s, err = a.Control.Attempts(c.ctx(), aq); err != nil {
			return err
		}
	}
	l := listOf(s, attemptID, func(t *webhook.Attempt) attemptOut { return showAttempt(t, content) })
	if withMessage {
		if err := a.addMessages(c, s.Items, l.Data); err != nil {
			return err
		}
	}
	return c.json(http.StatusOK, l)
}

// addMessages adds to attempts what they delivered, without payloads.
func (a *API) addMessages(c *call, attempts []webhook.Attempt, to []attemptOut) error {
	known := map[id.ID]rawJSON{}
	for i := range attempts {
		event := attempts[i].Delivery.Event
		if _, ok := known[event]; !ok {
			e, err := a.Control.FindEvent(c.ctx(), c.app.ID, event, "")
			if webhook.CodeOf(err) == webhook.CodeNotFound {
				continue
			}
			if err != nil {
				return err
			}
			known[event] = rawMessage(false)(e)
		}
		to[i].Msg = known[event]
	}
	return nil
}

// listAttemptedMessages lists what was to be delivered to an endpoint, with how far
// it has come.
func (a *API) listAttemptedMessages(c *call) error {
	to, err := a.endpoint(c)
	if err != nil {
		return err
	}
	q := c.query()
	p, before, after := q.timePage(messagePrefix)
	content, expanded := q.flag("with_content", true), q.flag("expanded_statuses", false)
	status, filtered := q.number("status", statusSuccess, statusCanceled)
	eq := control.EventQuery{
		AccountID: c.app.ID, Types: q.eventTypes(), Channel: q.name("channel"), Tag: q.name("tag"),
		Before: before, After: after, Payload: content,
	}
	if q.err != nil {
		return q.err
	}
	read := func(p webhook.Page) (webhook.Slice[control.EventDelivery], error) {
		eq.Page = p
		return a.Control.EndpointEvents(c.ctx(), to.ID, eq)
	}
	keep := func(d *control.EventDelivery) bool {
		return !filtered || progressOf(&d.Delivery, expanded).Status == status
	}
	s, err := sift(p, read, func(d *control.EventDelivery) id.ID { return d.Event.ID }, keep)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, listOf(s, func(d *control.EventDelivery) string { return messageID(&d.Event) },
		func(d *control.EventDelivery) rawJSON {
			p := progressOf(&d.Delivery, expanded)
			return p.append(appendMessage(nil, &d.Event, shownPayload(&d.Event, content)))
		}))
}

type destinationOut struct {
	endpointCommon
	progress
}

// listDestinations lists where a message was to be delivered, oldest endpoint first.
func (a *API) listDestinations(c *call) error {
	q := c.query()
	p := q.page(endpointPrefix, true)
	expanded := q.flag("expanded_statuses", false)
	if q.err != nil {
		return q.err
	}
	e, err := a.event(c)
	if err != nil {
		return err
	}
	s, err := a.Control.Destinations(c.ctx(), c.app.ID, e.ID, p)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, listOf(s, func(d *control.Destination) string { return d.Endpoint.ID.Prefixed(endpointPrefix) },
		func(d *control.Destination) destinationOut {
			return destinationOut{showCommon(&d.Endpoint, d.Subscriptions), progressOf(&d.Delivery, expanded)}
		}))
}

// attempt returns the attempt of the path.
func (a *API) attempt(c *call) (*webhook.Attempt, error) {
	e, err := a.event(c)
	if err != nil {
		return nil, err
	}
	attempt, err := id.ParsePrefixed(c.r.PathValue("attempt_id"), attemptPrefix)
	if err != nil {
		return nil, notFound()
	}
	return a.Control.FindAttempt(c.ctx(), c.app.ID, e.ID, attempt)
}

func (a *API) getAttempt(c *call) error {
	t, err := a.attempt(c)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, showAttempt(t, true))
}

func (a *API) deleteResponse(c *call) error {
	t, err := a.attempt(c)
	if err != nil {
		return err
	}
	if err := a.Control.DeleteResponse(c.ctx(), c.app.ID, t.Delivery.Event, t.ID); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

type statsOut struct {
	Success  int64 `json:"success"`
	Pending  int64 `json:"pending"`
	Sending  int64 `json:"sending"`
	Fail     int64 `json:"fail"`
	Canceled int64 `json:"canceled"`
}

// slack is by how much a caller may be off who computes "28 days ago" itself.
const slack = 5 * time.Minute

// endpointStats counts attempts.
func (a *API) endpointStats(c *call) error {
	q := c.query()
	since, until := q.time("since"), q.time("until")
	if q.err != nil {
		return q.err
	}
	e, err := a.endpoint(c)
	if err != nil {
		return err
	}
	now := a.Now()
	if until.IsZero() {
		until = now
	}
	if until.After(now.Add(slack)) {
		return badRequest("invalid_range", "until must not be in the future")
	}
	if earliest := until.Add(-control.MaxCountWindow); since.Before(earliest) && !since.Before(earliest.Add(-slack)) {
		since = earliest
	}
	n, err := a.Control.CountAttempts(c.ctx(), e.ID, since, until)
	if webhook.CodeOf(err) == webhook.CodeInvalid {
		return badRequest("invalid_range", "since must be before until, and at most 28 days before it")
	}
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, statsOut{Success: n.Delivered, Pending: n.Pending, Fail: n.Failed + n.Retrying})
}
