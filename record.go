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
	"github.com/relayspec/relayspec/reports/transcript"
)

// record is the command that writes down what a sending server and its relay say.
type record struct {
	Listen         string `required:"" placeholder:"ADDR" help:"Where the sending server connects, host:port."`
	Upstream       string `required:"" placeholder:"ADDR" help:"The relay, host:port."`
	Out            place  `placeholder:"DIR|FILE" help:"Where transcripts go: a file a session in a directory that is there, or all in one file. Default: standard output."`
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

Ctrl-C ends it: sessions that are open end, and are written, too.
Exit codes: 0 ended as asked; 1 a transcript can't be written; 2 a mistake in the command line.`
}

// Run records until it is interrupted, or enough sessions have ended.
func (c *record) Run(ctx context.Context, s *streams) error {
	if err := c.check(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &writing{record: c, out: s.out}
	r, err := recorder.Start(ctx, recorder.Options{
		Listen: c.Listen, Upstream: c.Upstream, ListenTLS: c.ListenTLS, UpstreamTLS: c.UpstreamTLS,
		Ended: func(name string, said *transcript.Transcript) {
			w.session(name, said)
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
	return nil
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
	ended int
	all   bytes.Buffer // of the sessions so far, for one file
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

// session writes one that ended.
func (w *writing) session(name string, said *transcript.Transcript) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended++
	var text bytes.Buffer
	err := transcript.WriteEntries(&text, said.Entries())
	if err == nil && w.Feature {
		text, err = draftOf(text.Bytes(), name)
	}
	if err == nil {
		err = w.put(name, text.Bytes())
	}
	w.err = errors.Join(w.err, err)
}

// put writes a session's text: appended to what is there, or to a file of its own.
func (w *writing) put(name string, text []byte) error {
	out := string(w.Out)
	if out == "" || out == "-" {
		_, err := w.out.Write(text)
		return err
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() || strings.HasSuffix(out, string(filepath.Separator)) {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		extension := ".txt"
		if w.Feature {
			extension = ".feature"
		}
		return os.WriteFile(filepath.Join(out, "session-"+name+extension), text, 0o644)
	}
	w.all.Write(text)
	return os.WriteFile(out, w.all.Bytes(), 0o644)
}

// draftOf is a session as a scenario to begin with.
func draftOf(text []byte, name string) (bytes.Buffer, error) {
	var out bytes.Buffer
	script, err := features.ReadScript(bytes.NewReader(text))
	if err != nil {
		fmt.Fprintf(&out, "# session %s can't be told: %v\n", name, err)
		return out, nil
	}
	return out, script.WriteFeature(&out)
}
