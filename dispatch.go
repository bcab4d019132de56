package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/fakes/mta"
	mtasession "github.com/relayspec/relayspec/fakes/mta/session"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// tally counts what becomes of a server's recipients, and tells of it on a terminal.
type tally struct {
	progress io.Writer // nil: nobody looks
	profile  *mta.Profile
	total    int
	began    time.Time

	mu       sync.Mutex
	done     int
	shown    time.Time
	refusals map[refusal]*counted
	problems []error
	troubles int
}

// refusal is a kind of replies that kept recipients from being delivered; relays tell them apart by numbers of their own.
type refusal struct {
	Verdict mtasession.Verdict `json:"verdict"`
	Stage   string             `json:"stage"`
	Code    string             `json:"code"` // with its enhanced code; empty: there was no reply
}

func newTally(progress io.Writer, p *mta.Profile, total int) *tally {
	if !terminal(progress) {
		progress = nil
	}
	return &tally{progress: progress, profile: p, total: total, began: time.Now(), refusals: map[refusal]*counted{}}
}

// How much is told.
const (
	mostRefusals = 20 // kinds of them; the rest are counted together
	mostTroubles = 5
	redrawn      = 100 * time.Millisecond
)

// event takes what has become of a recipient.
func (t *tally) event(e mta.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Verdict != mtasession.Delivered && !e.Bounce {
		t.refused(e)
	}
	if !e.Bounce && e.Next.IsZero() && e.Verdict != mta.Warned {
		t.done++
	}
	if t.progress != nil && (time.Since(t.shown) > redrawn || t.done == t.total) {
		t.shown = time.Now()
		fmt.Fprintf(t.progress, "\r%.79s\x1b[K", fmt.Sprintf("%d/%d %s %s %s", t.done, t.total, e.Verdict, e.Recipient, said(e)))
	}
}

// refused counts one that wasn't delivered.
func (t *tally) refused(e mta.Event) {
	r := refusal{Verdict: e.Verdict, Stage: string(e.Stage)}
	if e.Reply.Code > 0 {
		r.Code = strings.TrimSpace(strconv.Itoa(e.Reply.Code) + " " + e.Reply.Enhanced())
	}
	if t.refusals[r] == nil {
		if len(t.refusals) >= mostRefusals {
			r = refusal{Verdict: e.Verdict}
		}
		t.refusals[r] = cmp.Or(t.refusals[r], &counted{refusal: r, First: said(e)})
	}
	t.refusals[r].Count++
}

// said is the reply that decided, in one line, or why there was none.
func said(e mta.Event) string {
	switch {
	case e.Reply.Code > 0:
		return strings.Join(e.Reply.Wire(), " ")
	case e.Err != nil:
		return e.Err.Error()
	}
	return ""
}

// trouble takes what the server can't do.
func (t *tally) trouble(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.troubles++; t.troubles <= mostTroubles {
		t.problems = append(t.problems, err)
	}
}

// failed is what the server couldn't do; nil: nothing.
func (t *tally) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if more := t.troubles - mostTroubles; more > 0 {
		return errors.Join(append(t.problems, fmt.Errorf("and %d more like these", more))...)
	}
	return errors.Join(t.problems...)
}

// dispatch is what a server has done with what it was given.
type dispatch struct {
	Server  string  `json:"server"`
	Title   string  `json:"title"`
	Seconds float64 `json:"seconds"`

	Messages   int `json:"messages"`
	Recipients int `json:"recipients"`
	Delivered  int `json:"delivered"`
	Deferred   int `json:"deferred"` // that still wait
	Bounced    int `json:"bounced"`
	Expired    int `json:"expired"`
	Frozen     int `json:"frozen"`

	Bounces          int `json:"bounces"`           // messages that the server wrote
	BouncesDelivered int `json:"bounces_delivered"` // recipients of those
	Attempts         int `json:"attempts"`          // transactions tried, those of connections that didn't come about included
	Deferrals        int `json:"deferrals"`         // times that a recipient was deferred
	Connections      int `json:"connections"`

	Next     *time.Time             `json:"next_try,omitempty"`
	Refusals []counted              `json:"refusals"`
	Sources  map[sourced.Source]int `json:"sources"` // values of its profile by where they were learned
}

// counted is a kind of refusals with how many came.
type counted struct {
	refusal
	Count int    `json:"count"`
	First string `json:"first"` // the first of these replies, or why there was none
}

// summary is what was done so far.
func (t *tally) summary(server *mta.Server) *dispatch {
	if t.progress != nil {
		fmt.Fprint(t.progress, "\r\x1b[K")
	}
	c := server.Counts()
	d := &dispatch{
		Server: t.profile.Name, Title: t.profile.Title, Seconds: time.Since(t.began).Seconds(),
		Messages: c.Submitted, Recipients: c.Recipients, Delivered: c.Delivered, Bounced: c.Bounced, Expired: c.Expired, Frozen: c.Frozen,
		Bounces: c.Bounces, BouncesDelivered: c.BouncesDelivered, Attempts: c.Attempts, Deferrals: c.Deferred, Connections: c.Connections,
		Refusals: []counted{}, Sources: server.Profile().Shares(),
	}
	for _, waiting := range server.Queue() {
		if !waiting.Bounce {
			d.Deferred += len(waiting.Recipients)
		}
	}
	d.Deferred -= d.Frozen
	if at, waits := server.NextDue(); waits {
		d.Next = &at
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.refusals {
		d.Refusals = append(d.Refusals, *c)
	}
	slices.SortFunc(d.Refusals, func(a, b counted) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.First, b.First)) })
	return d
}

// write writes it, as text or as JSON.
func (d *dispatch) write(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(d)
	}
	var out strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&out, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("sent as", "%s", d.Title)
	line("messages", "%d (recipients: %d), in %.1f s", d.Messages, d.Recipients, d.Seconds)
	line("recipients", "%d delivered, %d deferred, %d bounced, %d expired, %d frozen", d.Delivered, d.Deferred, d.Bounced, d.Expired, d.Frozen)
	line("connections", "%d (transactions tried: %d)", d.Connections, d.Attempts)
	if d.Bounces > 0 {
		line("bounces", "%d written, %d delivered", d.Bounces, d.BouncesDelivered)
	}
	if d.Next != nil {
		line("next try", "in %s", max(0, time.Until(*d.Next)).Round(time.Second))
	}
	for _, r := range d.Refusals {
		line(string(r.Verdict), "%d x%s: %.160s", r.Count, at(r.Stage), r.First)
	}
	line("profile", "%s", shares(d.Sources))
	_, err := io.WriteString(w, out.String())
	return err
}

// at says where something was decided.
func at(stage string) string {
	if stage == "" {
		return ""
	}
	return " at " + stage
}

// shares says where a profile's values were learned.
func shares(of map[sourced.Source]int) string {
	var parts []string
	for _, s := range sourced.Sources() {
		name := string(s)
		if s == sourced.Memory {
			name = "assumed"
		}
		parts = append(parts, fmt.Sprintf("%d %s", of[s], name))
	}
	return strings.Join(parts, ", ")
}
