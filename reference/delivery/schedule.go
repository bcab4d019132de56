package delivery

import (
	"cmp"
	"time"
)

// Schedule says when a message is tried again: a pure function of its arguments. Zero or less is the default.
type Schedule struct {
	First  time.Duration // wait after the first attempt; default 5 minutes. Each further wait is twice as long, up to Most.
	Most   time.Duration // default 2 hours
	GiveUp time.Duration // after receipt; default 5 days (RFC 5321 §4.5.4.1: at least 4 to 5 days)
}

const (
	firstWait  = 5 * time.Minute
	mostWait   = 2 * time.Hour
	giveUpTime = 5 * 24 * time.Hour
)

// Next gives the time of the next attempt of a message that was received then, after attempts (1 or more), the last of
// them at now. ok is false when it is given up: its last attempt stands at or past the end.
func (s Schedule) Next(received, now time.Time, attempts int) (due time.Time, ok bool) {
	end := received.Add(cmp.Or(max(s.GiveUp, 0), giveUpTime))
	if !now.Before(end) {
		return time.Time{}, false
	}
	wait, most := cmp.Or(max(s.First, 0), firstWait), cmp.Or(max(s.Most, 0), mostWait)
	for i := 1; i < attempts && wait < most; i++ {
		wait *= 2
	}
	due = now.Add(min(wait, most))
	if due.After(end) {
		due = end // the last attempt
	}
	return due, true
}
