package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/relayspec/relayspec/fakes/recorder"
	"github.com/relayspec/relayspec/features"
)

// record is the command that writes down what a sending server and its relay say.
type record struct {
	Listen         string `required:"" placeholder:"ADDR" help:"Where the sending server connects, host:port."`
	Upstream       string `required:"" placeholder:"ADDR" help:"The relay, host:port."`
	Out            place  `placeholder:"DIR|FILE" help:"Where transcripts go: DIR/, a file a session; or all in one file. What is there isn't overwritten. Default: standard output."`
	ListenTLS      bool   `name:"listen-tls" help:"Sessions begin with TLS here, as on port 465."`
	UpstreamTLS    bool   `name:"upstream-tls" help:"Sessions begin with TLS at the relay."`
	Sessions       int    `default:"0" placeholder:"N" help:"End when so many sessions have ended. Default: end with Ctrl-C."`
	Feature        bool   `help:"Write each session as a scenario to begin with, instead of a transcript."`
	IOwnThisTarget bool   `name:"i-own-this-target" help:"Listen, or connect, beyond this machine. Say so only of your own relay."`
}

// Help teaches by example.
func (record) Help() string {
	return `Stands between a sending server and its relay and writes down what they say, in the form that relayspec replay plays. Every
octet is handed on as it came. STARTTLS is answered by the relay; TLS then ends here, with a self-made certificate, and
begins anew towards the relay, whose own certificate isn't looked at. Credentials are left out; a replay says those of the
profile in their place.

  relayspec record --listen 127.0.0.1:2525 --upstream 127.0.0.1:25 --out sessions/
  relayspec record --listen 127.0.0.1:2465 --listen-tls --upstream 127.0.0.1:465 --upstream-tls --out one.txt
  relayspec replay sessions/session-1.txt --target relay.yaml
  relayspec record --listen 127.0.0.1:2525 --upstream 127.0.0.1:25 --feature --sessions 1 > draft.feature

The directory of --out sessions/ is made where it isn't there; without the slash, a name that isn't there becomes a file. A
file that isn't empty, and a directory with sessions of another run, are refused before anything is recorded.

A transcript is written while its session goes on, and the session never waits for that: where a disk can't keep up, and
some MiB wait for it, a note says how many lines were left out, as it does of a message of more than 1 MiB.

Ctrl-C ends it: sessions that are open end, and are written, too.
Exit codes: 0 ended as asked; 1 a transcript can't be written; 2 a mistake in the command line, or --out has sessions already.`
}

// Run records until it is interrupted, or enough sessions have ended.
func (c *record) Run(ctx context.Context, s *streams) error {
	if err := c.check(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &writing{record: c, out: s.out, files: map[string]*os.File{}}
	r, err := recorder.Start(ctx, recorder.Options{
		Listen: c.Listen, Upstream: c.Upstream, ListenTLS: c.ListenTLS, UpstreamTLS: c.UpstreamTLS,
		Open: w.open,
		Ended: func(name string, err error) {
			w.session(name, err)
			if w.failed() != nil || c.Sessions > 0 && w.count() >= c.Sessions {
				stop()
			}
		},
	})
	if err != nil {
		return &exit{exitUsage, &advice{err, "Name a port of this machine that is free with --listen"}}
	}
	fmt.Fprintf(s.err, "recording sessions to %s, for %s; Ctrl-C ends it\n", r.Address(), c.Upstream)
	r.Wait()
	if err := errors.Join(r.Close(), w.failed()); err != nil {
		return &exit{1, &advice{err, "Name what can be written with --out"}}
	}
	return nil
}

// check refuses what reaches beyond this machine unless the user says so, and a place that can't be written.
func (c *record) check(ctx context.Context) error {
	for _, end := range []struct{ flag, address string }{{"--listen", c.Listen}, {"--upstream", c.Upstream}} {
		host, _, err := net.SplitHostPort(end.address)
		if err != nil {
			return &exit{exitUsage, &advice{fmt.Errorf("%s %s: %w", end.flag, end.address, err), "Write host:port, 127.0.0.1:2525 for instance"}}
		}
		if c.IOwnThisTarget {
			continue
		}
		if err := onThisMachine(ctx, host); err != nil {
			const next = "Record a relay on this machine, or say --i-own-this-target if it is yours"
			return &exit{exitUsage, &advice{fmt.Errorf("%s %s: %w", end.flag, end.address, err), next}}
		}
	}
	if c.Sessions < 0 {
		return &exit{exitUsage, &advice{fmt.Errorf("--sessions %d is less than none", c.Sessions), "Give 1 or more, or leave it out"}}
	}
	if c.apart() {
		return c.freeDirectory()
	}
	return c.freeFile()
}

// freeFile refuses a file in which something is, or that has no directory. What is no regular file, a pipe for instance,
// can't be overwritten.
func (c *record) freeFile() error {
	if _, err := os.Stat(filepath.Dir(string(c.Out))); err != nil {
		return &exit{exitUsage, &advice{fmt.Errorf("--out %s: %w", c.Out, err), "Make that directory, or name another one"}}
	}
	info, err := os.Stat(string(c.Out))
	if c.Out == "-" || err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil // why it can't be looked at is told when it is written to
	}
	return &exit{exitUsage, &advice{fmt.Errorf("--out %s: there is such a file already", c.Out), "Name a new one, or move that one away"}}
}

// freeDirectory refuses a directory in which sessions are of the form that is asked for.
func (c *record) freeDirectory() error {
	files, err := os.ReadDir(string(c.Out))
	if err != nil {
		return nil // it is made, or why it can't be is told then
	}
	for _, f := range files {
		if is, _ := filepath.Match(c.file("*"), f.Name()); is {
			const next = "Name another directory, or move the sessions of that one away"
			return &exit{exitUsage, &advice{fmt.Errorf("--out %s: it holds sessions already: %s", c.Out, f.Name()), next}}
		}
	}
	return nil
}

// apart tells whether each session has a file of its own, in a directory.
func (c *record) apart() bool {
	info, err := os.Stat(string(c.Out))
	return err == nil && info.IsDir() || strings.HasSuffix(string(c.Out), string(filepath.Separator))
}

// file is what a session's own file is called.
func (c *record) file(session string) string {
	if c.Feature {
		return "session-" + session + ".feature"
	}
	return "session-" + session + ".txt"
}

// onThisMachine is an error unless host is the loopback.
func onThisMachine(ctx context.Context, host string) error {
	bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(bounded, "ip", host)
	if err != nil {
		return err
	}
	for _, ip := range found {
		if !ip.Unmap().IsLoopback() {
			return fmt.Errorf("%s isn't on this machine", ip.Unmap())
		}
	}
	return nil
}

// writing is where sessions go.
type writing struct {
	*record
	out io.Writer

	mu    sync.Mutex
	files map[string]*os.File // of the sessions that go on
	ended int
	err   error
}

func (w *writing) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

func (w *writing) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// open gives the file that a session is written to while it goes on: its own, or one that is put with the others when it has
// ended.
func (w *writing) open(name string) (io.WriteCloser, error) {
	file, err := w.create(name)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files[name] = file
	return file, nil
}

func (w *writing) create(name string) (*os.File, error) {
	if !w.apart() || w.Feature {
		return os.CreateTemp("", "relayspec-session-*.txt")
	}
	return w.own(name)
}

// own makes the file of a session in the directory. One that has come there since it was looked at isn't overwritten.
func (w *writing) own(name string) (*os.File, error) {
	if err := os.MkdirAll(string(w.Out), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(string(w.Out), w.file(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

// session takes one that ended; failed says why its transcript isn't whole.
func (w *writing) session(name string, failed error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended++
	w.err = errors.Join(w.err, failed)
	file := w.files[name]
	delete(w.files, name)
	if file == nil || w.apart() && !w.Feature {
		return
	}
	if err := w.put(name, file.Name()); err != nil {
		w.err = errors.Join(w.err, fmt.Errorf("%w; session %s is kept in %s", err, name, file.Name()))
		return
	}
	os.Remove(file.Name())
}

// put puts a session that is in a file of its own where it belongs: in one for all, or told as a feature.
func (w *writing) put(name, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var text io.Reader = file
	if w.Feature {
		draft, err := draftOf(file, name)
		if err != nil {
			return err
		}
		text = &draft
	}
	into, err := w.into(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(into, text)
	return errors.Join(err, into.Close())
}

// into gives what a session is put to.
func (w *writing) into(name string) (io.WriteCloser, error) {
	out := string(w.Out)
	switch {
	case out == "" || out == "-":
		return unclosed{w.out}, nil
	case w.apart():
		return w.own(name)
	}
	return os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// unclosed is a stream that others write to, too.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// mostDrafted is how long a transcript may be that is told as a scenario. Octets.
const mostDrafted = 64 << 20

// draftOf is a session as a scenario to begin with.
func draftOf(text io.Reader, name string) (bytes.Buffer, error) {
	var out bytes.Buffer
	script, err := features.ReadScript(io.LimitReader(text, mostDrafted)) // a longer one is cut, and the error says so
	if err != nil {
		fmt.Fprintf(&out, "# session %s can't be told: %v\n", name, err)
		return out, nil
	}
	return out, script.WriteFeature(&out)
}
