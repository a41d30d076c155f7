package cli

import (
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/cli/client"
)

type attemptVerbs struct {
	List attemptList `cmd:"" help:"List attempts at an endpoint, or to deliver a message."`
	Get  attemptGet  `cmd:"" help:"Show one attempt with its response."`
}

func attemptView() view[client.Attempt] {
	return view[client.Attempt]{"ID MESSAGE ENDPOINT STATUS CODE MS TIME", func(a client.Attempt) []string {
		return []string{
			a.ID, a.MsgID, a.EndpointID, a.StatusText, limit(a.ResponseStatusCode),
			strconv.Itoa(a.ResponseDurationMs), when(a.Timestamp),
		}
	}}
}

type attemptList struct {
	remote
	paging
	filter
	App       string `arg:"" help:"Id or uid of the app."`
	Endpoint  string `help:"At this endpoint: id or uid." xor:"of" required:""`
	Message   string `help:"Of this message: id or event id." xor:"of" required:""`
	Status    string `enum:",success,pending,fail,sending,canceled" default:"" help:"success, pending, fail, sending or canceled."`
	CodeClass int    `help:"First digit of the status code, as in 500." placeholder:"100..500"`
}

// Run lists attempts.
func (v *attemptList) Run(s *session) error {
	q, err := v.query()
	if err != nil {
		return err
	}
	if code, ok := map[string]string{"success": "0", "pending": "1", "fail": "2", "sending": "3", "canceled": "4"}[v.Status]; ok {
		q.Set("status", code)
	}
	if v.CodeClass > 0 {
		q.Set("status_code_class", strconv.Itoa(v.CodeClass))
	}
	of := func(c *client.Client) client.Resource[client.Attempt] {
		if v.Endpoint != "" {
			return c.EndpointAttempts(v.App, v.Endpoint)
		}
		return c.MessageAttempts(v.App, v.Message)
	}
	return showList(s, &v.remote, attemptView(), of, v.page(q))
}

type attemptGet struct {
	remote
	App     string `arg:"" help:"Id or uid of the app."`
	Message string `arg:"" help:"Id or event id of the message."`
	Attempt string `arg:"" help:"Id of the attempt."`
}

// Run shows one attempt and what the receiver answered.
func (v *attemptGet) Run(s *session) error {
	c, err := v.connect()
	if err != nil {
		return err
	}
	a, err := c.Attempts(v.App, v.Message).Get(s.ctx, v.Attempt, nil)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(s.out, a.Raw)
	}
	view := attemptView()
	if err := printTable(s.out, view.headings, [][]string{view.row(a.Value)}); err != nil {
		return err
	}
	rows := [][]string{{"URL", a.Value.URL}, {"OUTCOME", strings.TrimSuffix(a.Value.Outcome+": "+a.Value.Detail, ": ")}}
	if a.Value.NextAttempt != nil {
		rows = append(rows, []string{"NEXT", when(*a.Value.NextAttempt)})
	}
	for _, h := range a.Value.RequestHeaders {
		rows = append(rows, []string{"SENT", h})
	}
	for _, h := range a.Value.ResponseHeaders {
		rows = append(rows, []string{"RECEIVED", h})
	}
	return printTable(s.out, "", append(rows, []string{"RESPONSE", orDash(a.Value.Response)}))
}
