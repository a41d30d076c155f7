package store

import (
	"iter"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Fresh yields the deliveries that the accepting node holds.
func (a *Accepted) Fresh() iter.Seq[*webhook.Delivery] {
	return func(yield func(*webhook.Delivery) bool) {
		handed := a.Handed
		for n := range a.Deliveries {
			if len(handed) > 0 && handed[0] == int32(n) {
				handed = handed[1:]
				continue
			}
			if d := &a.Deliveries[n]; d.DueAt.IsZero() && !yield(d) {
				return
			}
		}
	}
}
