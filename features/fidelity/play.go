package fidelity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/relay"
)

// Played is what a fake sent.
type Played struct {
	Sessions []relay.Session
	AtOnce   int           // connections that the fake had open at one time, at most
	Notes    []string      // what could not be as it was recorded
	QueueRun time.Duration // between two runs of the fake's queue; 0: it has none
}

// Times that a play is given.
const (
	caseBound = 90 * time.Second // the whole of it
	idleBound = 20 * time.Second // idle connections, to end by themselves
)

// Play has a fake with this profile meet the recording's relay. The profile isn't changed.
//
// Errors: the transcript's set-up makes no sense, nothing can be listened on, or the fake doesn't come to an end.
func (r *Recording) Play(ctx context.Context, profile *mta.Profile) (*Played, error) {
	script, notes, err := r.Script()
	if err != nil {
		return nil, err
	}
	p := &playing{Recording: r, played: Played{Notes: notes}, clock: mta.NewMovable(epoch)}
	return p.with(ctx, script, profile)
}

// with plays with a relay that has this script.
func (p *playing) with(ctx context.Context, script *relay.Script, profile *mta.Profile) (_ *Played, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, caseBound, fmt.Errorf("it takes longer than %s", caseBound))
	defer cancel()
	options := relay.Options{Script: *script, Now: p.now()}
	if p.sink, err = listen(ctx, options); err != nil {
		return nil, err
	}
	defer p.sink.Close()
	own := p.adapted(profile)
	p.played.QueueRun = own.Retry.Vendor.QueueRun.Value
	if p.server, err = mta.New(p.options(own)); err != nil {
		return nil, err
	}
	defer p.server.Close()
	if err := p.run(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", p.File, err)
	}
	p.played.Sessions, p.played.AtOnce = p.sink.Sessions(), p.dialled.most()
	return &p.played, nil
}

// listen starts the relay where the recorded one was, 127.0.0.2, so that bounces name the same address; where the system
// doesn't have it, on 127.0.0.1.
func listen(ctx context.Context, o relay.Options) (*relay.Relay, error) {
	for _, host := range []string{"127.0.0.2:0", "127.0.0.1:0"} {
		o.Listen = host
		if r, err := relay.Start(ctx, o); err == nil {
			return r, nil
		}
	}
	o.Listen = ""
	return relay.Start(ctx, o)
}

// playing is one play.
type playing struct {
	*Recording
	sink    *relay.Relay
	server  *mta.Server
	clock   *mta.Movable
	dialled dialled
	change  func([]mail.Submission) // what is submitted; nil: nothing is changed
	played  Played
}

// now is the relay's clock: the queue's in cases of retries, which goes from one attempt to the next; else the real one.
func (p *playing) now() func() time.Time {
	if p.isRetry() {
		return p.clock.Now
	}
	return time.Now
}

func (r *Recording) isRetry() bool { return strings.HasPrefix(r.Case, "h_") }

// options are the fake's.
func (p *playing) options(profile *mta.Profile) mta.Options {
	roots := x509.NewCertPool() // of nobody: the recorded relay's certificate was signed by itself
	if p.trusted() {
		roots = p.sink.Authority().Pool()
	}
	o := mta.Options{
		Profile: profile, Retry: mta.VendorRetry, Host: p.calledHost(), Relay: p.sink.Address(), Dial: p.dialled.dial,
		TLS:  &tls.Config{RootCAs: roots, DynamicRecordSizingDisabled: true}, // what is written in one go is one record
		Hold: p.queued(), Seed: 1,
	}
	if p.isRetry() {
		o.Clock = p.clock
	}
	if user, password, ok := p.credentials(); ok {
		o.User, o.Password = user, password
	}
	return o
}

// calledHost is what the fake is called: as the recorded server was, which in g_shorthost has no domain of its own.
func (p *playing) calledHost() string {
	name := p.host()
	if strings.HasPrefix(p.Case, "g_short") {
		name, _, _ = strings.Cut(name, ".")
	}
	return name
}

// queued tells whether the messages waited in the queue before the server began to send.
func (r *Recording) queued() bool {
	return strings.HasPrefix(r.Case, "f_queue") || strings.Contains(r.Title, "already in queue")
}

// oneByOne tells whether each message was sent before the next one came.
func (r *Recording) oneByOne() bool { return strings.HasPrefix(r.Case, "f_seq") }

// run submits what was injected, and waits until the fake has done with it.
func (p *playing) run(ctx context.Context) error {
	if p.isRetry() {
		p.clock.Set(epoch.Add(p.phase()))
	}
	submissions, standIns := p.Submissions()
	if standIns > 0 {
		p.note("%d of %s that the transcript doesn't carry: others of their form are sent", standIns, count(len(submissions), "message"))
	}
	if p.change != nil {
		p.change(submissions)
	}
	for _, s := range submissions {
		if _, err := p.server.Submit(ctx, s); errors.As(err, new(*mail.Unfit)) {
			p.note("the fake refuses a message when it is submitted: %v", err)
		} else if err != nil {
			return err
		}
		if p.oneByOne() {
			if err := errors.Join(p.server.Wait(ctx), p.idle(ctx)); err != nil {
				return err
			}
		}
	}
	if p.queued() {
		p.server.Flush(ctx)
	}
	if err := p.server.Wait(ctx); err != nil {
		return err
	}
	if p.isRetry() {
		if err := p.retry(ctx); err != nil {
			return err
		}
	}
	return p.idle(ctx)
}

// phase is how long after a run of the queue the message came: runs are tied to the server's start, and the second attempt
// was one of them.
func (p *playing) phase() time.Duration {
	run := p.played.QueueRun
	if run <= 0 || len(p.Sessions) < 2 {
		return 0
	}
	late := p.Sessions[1].Opened.Sub(p.Sessions[0].Opened) % run
	if late < run/10 || late > run-run/10 {
		return 0 // they came together
	}
	return run - late
}

func (p *playing) note(format string, values ...any) {
	p.played.Notes = append(p.played.Notes, fmt.Sprintf(format, values...))
}

// retry moves the clock from attempt to attempt, until there were as many as the real server made, or nothing waits.
func (p *playing) retry(ctx context.Context) error {
	for len(p.sink.Sessions()) < len(p.Sessions) && ctx.Err() == nil {
		due, waits := p.server.NextDue()
		if !waits {
			return nil
		}
		if err := p.idle(ctx); err != nil { // what still ends is over long before the next attempt
			return err
		}
		before := p.clock.Now()
		p.clock.Set(due)
		p.server.RunDue(due)
		if next, again := p.server.NextDue(); again && !next.After(before) {
			return errors.New("the fake's next attempt lies in the past: its schedule doesn't go on")
		}
	}
	return context.Cause(ctx)
}

// idle waits for connections that the fake keeps, which it closes after a while.
func (p *playing) idle(ctx context.Context) error {
	idle, cancel := context.WithTimeout(ctx, idleBound)
	defer cancel()
	err := p.sink.Await(idle, func(all []relay.Session) bool {
		for _, s := range all {
			if s.Closed.IsZero() {
				return false
			}
		}
		return true
	})
	if err == nil || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.note("the fake keeps a connection open for more than %s", idleBound)
	return nil
}

// adapted is the profile with what was special about the run: the scale of its timers, a two-stage queue run.
func (p *playing) adapted(profile *mta.Profile) *mta.Profile {
	own := *profile
	if p.isRetry() && p.Note != "" {
		change := timers(p.Note)
		if change == nil {
			p.note("the timers that the transcript's note tells of can't be read: the fake has its own")
		} else {
			change(&own.Retry.Vendor)
		}
	}
	if strings.HasSuffix(p.Case, "_qq") {
		own.Connections.Reuse.Value = mta.AfterFirst
		p.note("the queue is run in two stages (-qq), which the profile's queue runs are not")
	}
	return &own
}
