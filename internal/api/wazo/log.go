package wazo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// logOut is a row of the log: one attempt.
type logOut struct {
	UUID        string          `json:"uuid"`   // of the delivery, the same for all its attempts
	Status      string          `json:"status"` // success, failure, error
	StartedAt   string          `json:"started_at"`
	EndedAt     string          `json:"ended_at"`
	Attempts    int32           `json:"attempts"`
	MaxAttempts int             `json:"max_attempts"`
	Event       json.RawMessage `json:"event"`
	Detail      json.RawMessage `json:"detail"`
}

// logsOut is a log without rows.
type logsOut struct {
	Items []logOut `json:"items"`
	Total int      `json:"total"`
}

// What one answer has at most. Who wants more asks for what follows.
const (
	logRows    = 10_000
	logBytes   = 32 << 20
	logPortion = 50 // rows that are read at once
)

func (a *API) listLogs(c *call) error {
	q, limit, err := readLogQuery(c.r)
	if err != nil {
		return err
	}
	e, d, err := a.visible(c)
	if err != nil {
		return err
	}
	if _, there := a.Services[d.Service]; !there {
		return answer(c.w, http.StatusOK, logsOut{Items: []logOut{}}) // nobody has tried anything
	}
	if limit < 0 || limit > logRows {
		limit = logRows
	}
	q.EndpointID, q.Until = e.ID, a.Now()
	var body bytes.Buffer
	body.WriteString(`{"items":[`)
	total := 0
	for total < limit && body.Len() < logBytes {
		q.Window.Limit = min(limit-total, logPortion)
		rows, err := a.Control.AttemptLog(c.ctx(), q)
		if err != nil {
			return err
		}
		for i := range rows {
			if total > 0 {
				body.WriteByte(',')
			}
			row, err := encode(rowOf(&rows[i], dialect.Attempts(e.Retry)))
			if err != nil {
				return err
			}
			body.Write(row)
			total++
		}
		if len(rows) < q.Window.Limit {
			break
		}
		q.Window.Start += len(rows)
	}
	body.WriteString(`],"total":` + strconv.Itoa(total) + `}`)
	httpx.WriteJSON(c.w, http.StatusOK, body.Bytes())
	return nil
}

func rowOf(l *control.Logged, most int) logOut {
	row := logOut{
		UUID: deliveryUUID(l.Delivery), StartedAt: spell(l.StartedAt), EndedAt: spell(l.StartedAt.Add(l.Outcome.Latency)),
		Attempts: l.Number, MaxAttempts: max(most, int(l.Number)), Event: l.Payload, Detail: detailOf(&l.Outcome),
	}
	switch {
	case l.Outcome.Result == webhook.ResultDelivered:
		row.Status = "success"
	case !l.NextAt.IsZero():
		row.Status = "failure"
	default:
		row.Status = "error"
	}
	if !json.Valid(row.Event) {
		row.Event = json.RawMessage("{}") // it was deleted
	}
	return row
}

// detailOf is what the service tells of an attempt, always an object. Services that
// are none of Wazo's tell why it failed, if it did.
func detailOf(o *webhook.Outcome) json.RawMessage {
	var extra struct {
		Detail map[string]json.RawMessage `json:"detail"`
	}
	if len(o.Extra) > 0 && json.Unmarshal(o.Extra, &extra) == nil && extra.Detail != nil {
		if text, err := encode(extra.Detail); err == nil {
			return text
		}
	}
	if o.Detail == "" {
		return json.RawMessage("{}")
	}
	text, err := encode(map[string]string{"error": o.Detail})
	if err != nil {
		return json.RawMessage("{}")
	}
	return text
}

// deliveryUUID names a delivery: a hash of what it is, spelled as a UUID of version 8.
func deliveryUUID(d webhook.DeliveryID) string {
	b := binary.BigEndian.AppendUint32(d.Event[:], uint32(d.N))
	hash := sha256.Sum256(b)
	v := id.ID(hash[:16])
	v[6], v[8] = v[6]&0x0f|0x80, v[8]&0x3f|0x80
	return v.String()
}

// spell writes a time with its offset and microseconds.
func spell(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }
