package store

import (
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// OnceKey names an idempotency key.
type OnceKey struct {
	AccountID id.ID
	Key       string
}

// OnceUse is what the first call with a key was and what it made.
type OnceUse struct {
	Hash [32]byte
	Refs []id.ID
}

// EventUID names an event by its sender's id.
type EventUID struct {
	AccountID id.ID
	UID       string
}

// Known is what the database has of the keys and UIDs of a batch.
type Known struct {
	Keys map[OnceKey]OnceUse
	UIDs map[EventUID]bool
}

// Asked returns the keys and UIDs of which Decide must know whether they are taken.
func Asked(intake []*Intake) (keys []OnceKey, uids []EventUID) {
	for _, in := range intake {
		if in.Once != nil {
			keys = append(keys, OnceKey{in.Once.AccountID, in.Once.Key})
		}
		for i := range in.Accepted {
			if e := &in.Accepted[i].Event; e.UID != "" {
				uids = append(uids, EventUID{e.AccountID, e.UID})
			}
		}
	}
	return keys, uids
}

// Decide says of each intake what Queue.Commit is to say, in order, and returns
// those that are to be stored. It adds what they take to known.
func Decide(intake []*Intake, known *Known) []*Intake {
	admitted := make([]*Intake, 0, len(intake))
	for _, in := range intake {
		in.Err, in.Index = nil, 0
		if in.Once != nil {
			in.Once.Replayed, in.Once.Refs = false, nil
			if use, ok := known.Keys[OnceKey{in.Once.AccountID, in.Once.Key}]; ok {
				in.Err = in.Once.Settle(use.Hash, use.Refs)
				continue
			}
		}
		if !known.takeUIDs(in) {
			continue
		}
		if in.Once != nil {
			known.takeKey(in)
		}
		admitted = append(admitted, in)
	}
	return admitted
}

// takeUIDs takes the UIDs of all events of the intake, or none and says whose is taken.
func (k *Known) takeUIDs(in *Intake) bool {
	for i := range in.Accepted {
		e := &in.Accepted[i].Event
		if e.UID == "" {
			continue
		}
		name := EventUID{e.AccountID, e.UID}
		if k.UIDs[name] {
			in.Err = webhook.Errorf(webhook.CodeConflict, "uid", "another event has this uid")
			in.Index = i
			for _, a := range in.Accepted[:i] {
				delete(k.UIDs, EventUID{a.Event.AccountID, a.Event.UID})
			}
			return false
		}
		if k.UIDs == nil {
			k.UIDs = map[EventUID]bool{}
		}
		k.UIDs[name] = true
	}
	return true
}

func (k *Known) takeKey(in *Intake) {
	if k.Keys == nil {
		k.Keys = map[OnceKey]OnceUse{}
	}
	k.Keys[OnceKey{in.Once.AccountID, in.Once.Key}] = OnceUse{Hash: in.Once.Hash, Refs: EventIDs(in.Accepted)}
}

// EventIDs returns the ids of the events: what an intake's key refers to.
func EventIDs(accepted []Accepted) []id.ID {
	ids := make([]id.ID, len(accepted))
	for i := range accepted {
		ids[i] = accepted[i].Event.ID
	}
	return ids
}
