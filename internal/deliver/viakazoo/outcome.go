package viakazoo

import (
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/webhook"
)

// judge says what came of an exchange: 200 is a success, and for put 201 is one too.
// Any other answer is final. Only where none came, or none that was whole, is another
// try worth it.
func judge(c hook.Config, resp *deliver.Response, err error) webhook.Outcome {
	out := deliver.OutcomeOf(resp, err, time.Now())
	switch {
	case err != nil:
		out.Result, out.StatusCode = webhook.ResultRetry, 0
	case resp.Status == 200 || resp.Status == 201 && c.Verb == hook.Put:
		out.Result, out.Detail = webhook.ResultDelivered, ""
	default:
		out.Result = webhook.ResultRejected
		out.Detail = deliver.StatusDetail(resp.Status)
	}
	return out
}

// record is what Kazoo would tell of the attempt. One that cannot be told is left out:
// the engine has its own record.
func record(job *deliver.Job, c hook.Config, req *deliver.Request, out webhook.Outcome, err error) []byte {
	r := hook.Request{
		Hook: c, Endpoint: job.Endpoint, Number: job.Number, HookID: hook.ID(job.Endpoint, c, job.Event), URI: job.Endpoint.URL,
		Delivery: job.Delivery.DeliveryID, Headers: req.Headers, Body: req.Body, ResponseOK: out.Result == webhook.ResultDelivered,
	}
	if err != nil {
		r.ClientError = clientError(err)
	}
	extra, err := hook.Record(r, time.Now())
	if err != nil {
		return nil
	}
	return extra
}

// clientError says why no response came, in the words of Kazoo's client.
func clientError(err error) string {
	dns, unresolved := errors.AsType[*net.DNSError](err)
	send, _ := errors.AsType[*deliver.SendError](err)
	switch {
	case send != nil && send.Timeout:
		return "timeout"
	case send != nil && send.Refused: // by our own guard, as a firewall would
		return "failed_connect: eacces"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "failed_connect: econnrefused"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "failed_connect: ehostunreach"
	case errors.Is(err, syscall.ENETUNREACH):
		return "failed_connect: enetunreach"
	case unresolved && dns.IsNotFound:
		return "failed_connect: nxdomain"
	}
	return "unknown"
}
