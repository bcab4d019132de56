package storm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
)

// Working is what the client that works met.
type Working struct {
	Accepted int           // messages, in order: it goes on only when one was accepted
	Err      error         // what ended it: a refusal or a failure; nil: nothing did
	Sessions int           // it opens a new one every 50 messages
	P50, P99 time.Duration // of what a message took, a new session included where there was one
	Max      time.Duration
	Behind   time.Duration // how long after it was due a message ended at most: what waits for the one before waits too
}

func (w *Working) String() string {
	text := fmt.Sprintf("%d messages accepted in %d sessions; a message took %s (p50), %s (p99), %s (max); %s after it was due at most",
		w.Accepted, w.Sessions, round(w.P50), round(w.P99), round(w.Max), round(w.Behind))
	if w.Err != nil {
		text += "; ended by " + w.Err.Error()
	}
	return text
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// worker is the client that works.
type worker struct {
	storm *storm
	conn  *client.Conn
	stop  chan struct{}
	met   Working
	took  []time.Duration
}

// work begins to send. What it gives ends that and tells what was met.
func (s *storm) work() (worked func() Working) {
	w := &worker{storm: s, stop: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.run()
	}()
	return func() Working {
		close(w.stop)
		<-done
		return w.met
	}
}

// run sends a message whenever one is due, and at once when it is late.
func (w *worker) run() {
	due := time.Now()
	for i := 0; w.await(due); i++ {
		begun := time.Now()
		if w.met.Err = w.send(i); w.met.Err != nil {
			w.met.Err = fmt.Errorf("message %d: %w", i, w.met.Err)
			break
		}
		w.met.Accepted++
		w.took = append(w.took, time.Since(begun))
		w.met.Behind = max(w.met.Behind, time.Since(due))
		due = due.Add(w.storm.Every)
	}
	w.leave()
	if n := len(w.took); n > 0 {
		slices.Sort(w.took)
		w.met.P50, w.met.P99, w.met.Max = w.took[n/2], w.took[n*99/100], w.took[n-1]
	}
}

// await waits until due; false: there is no more to send.
func (w *worker) await(due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-w.stop:
		return false
	default:
	}
	select {
	case <-timer.C:
		return true
	case <-w.stop:
		return false
	}
}

// perSession is how many messages go over one session.
const perSession = 50

func (w *worker) send(i int) error {
	if i%perSession == 0 {
		w.leave()
		if w.met.Err != nil {
			return w.met.Err
		}
	}
	if w.conn == nil {
		if err := w.enter(); err != nil {
			return err
		}
	}
	out, err := w.conn.Send(w.storm.Message(i), client.Lockstep)
	if err == nil && (!out.Accepted || out.Refused() > 0) {
		err = fmt.Errorf("refused at %s: %v", out.Stage, out.Reply)
	}
	return err
}

// enter opens a session.
func (w *worker) enter() error {
	d := client.Dialer{Address: w.storm.Address, Timeout: w.storm.Wait}
	if len(w.storm.Sources) > 0 {
		d.Source = w.storm.Sources[0]
	}
	conn, err := d.Dial(context.Background())
	if err != nil {
		return err
	}
	greeting, err := conn.ReadReply()
	if err == nil && greeting.Positive() {
		greeting, err = conn.Hello(w.storm.Hello)
	}
	if err == nil && !greeting.Positive() {
		err = fmt.Errorf("the session was refused: %v", greeting)
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	w.conn = conn
	w.met.Sessions++
	return nil
}

// leave says goodbye. That it can't is what the client met, too.
func (w *worker) leave() {
	if w.conn == nil {
		return
	}
	_, err := w.conn.Quit()
	if w.conn = nil; w.met.Err == nil && err != nil {
		w.met.Err = fmt.Errorf("QUIT: %w", err)
	}
}
