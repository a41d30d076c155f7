package viaamqp

import (
	"fmt"
	"maps"
	"slices"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/rabbit"
	"github.com/switchhook/switchhook/internal/webhook"
)

// record tells what was published, as an outcome keeps it: where it went, and its headers.
func record(p *rabbit.Publication) []byte {
	lines := fmt.Appendf(nil, "exchange: %s\nrouting-key: %s\ncontent-type: %s\nmessage-id: %s\n",
		webhook.OneLine(p.Exchange), webhook.OneLine(p.RoutingKey), webhook.OneLine(p.ContentType), p.MessageId)
	var headers []webhook.Header
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		headers = append(headers, webhook.Header{Name: name, Value: webhook.OneLine(fmt.Sprint(p.Headers[name]))})
	}
	return deliver.AppendHeaders(lines, headers)
}
