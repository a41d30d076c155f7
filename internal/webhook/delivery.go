package webhook

import (
	"time"

	"github.com/switchhook/switchhook/internal/id"
)

// DeliveryID names a delivery: the event, and which of its deliveries.
type DeliveryID struct {
	Event id.ID
	N     int32 // counts from 0 in the order in which they were made
}

// Delivery is one event for one subscription. Its row in the store is the queue
// entry: there is no other queue.
type Delivery struct {
	DeliveryID
	AccountID      id.ID // of the endpoint, which may be an ancestor of the event's
	EndpointID     id.ID
	SubscriptionID id.ID
	Status         Status
	Trigger        Trigger
	Attempts       int32 // made so far

	// DueAt is its place in the endpoint's backlog, and for unordered endpoints
	// the time from which it may be tried. Zero means that it is not in the
	// backlog: finished, or held fresh by Node.
	DueAt time.Time
	// NotBefore is when an ordered endpoint's delivery may be tried; its DueAt
	// keeps its place. Zero is at once.
	NotBefore time.Time
	// Node holds the delivery and is the only one that may try it; 0 is nobody.
	// A node number is never used twice, so a lease ends with its node.
	Node int64
}

// Status says how far a delivery has come.
type Status int8

// The states of a delivery. Only a pending one changes.
const (
	Pending   Status = 0
	Delivered Status = 1
	Failed    Status = 2
	Cancelled Status = 3 // its endpoint, subscription or account was deleted first
)

// String names the status.
func (s Status) String() string {
	return [...]string{"pending", "delivered", "failed", "cancelled"}[s]
}

// Trigger says what caused a delivery.
type Trigger int8

// The triggers.
const (
	Scheduled Trigger = 0 // the event's arrival
	Manual    Trigger = 1 // a person asked for it again
)
