package fidelity

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/fakes/mta/schedule"
	"github.com/relayspec/relayspec/fakes/mta/session"
)

// The fakes do what the real servers were seen to do.
func TestTheFakesAreFaithful(t *testing.T) {
	files, err := Transcripts(recorded)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Judge(t.Context(), files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	faithful(t, report)
	var text, kept bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteJSON(&kept); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"case       exim", "\na_plain    same", "54 transcripts: 46 compared exactly, 8 by invariants; none differs in what counts\n",
		"without transcripts, values by source", "Novell GroupWise", "mem is unverified memory",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "Postfix 3.7") || !strings.Contains(kept.String(), `"profile": "groupwise"`) {
		t.Errorf("got\n%s", text.String())
	}
}

// The fakes do what real servers were seen to do in front of our own scripted relay.
func TestTheFakesAreFaithfulToWhatWasRecordedHere(t *testing.T) {
	files, err := Transcripts("../../fakes/mta/testdata/recorded")
	if err != nil {
		t.Fatal(err)
	}
	report, err := Judge(t.Context(), files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	faithful(t, report)
	if len(report.Results) != len(files) {
		t.Errorf("%d results of %d transcripts", len(report.Results), len(files))
	}
}

// faithful fails for what counts, and for what isn't told in a line.
func faithful(t *testing.T, report *Report) {
	t.Helper()
	for i := range report.Results {
		r := &report.Results[i]
		if r.Error != "" {
			t.Error(r.Error)
		}
		for _, d := range r.Differences {
			if d.Counts {
				t.Errorf("%s %s: %s", r.Server, r.Case, d)
			}
			if strings.Contains(d.String(), "\n") {
				t.Errorf("%s %s: %q is more than a line", r.Server, r.Case, d)
			}
		}
	}
}

// A fake with one habit less is found out, by a line that says what differs.
func TestAnUnfaithfulFakeIsFoundOut(t *testing.T) {
	for name, c := range map[string]struct {
		transcript string
		change     func(*mta.Profile)
		want       string
	}{
		"no CHUNKING":      {"exim-b_clear", func(p *mta.Profile) { p.Session.Grouping.Chunking.Value = session.NeverChunked }, `recorded "BDAT n LAST"`},
		"HELO":             {"postfix-a_plain", func(p *mta.Profile) { p.Session.Hello.Verb.Value = session.HELO }, `recorded "EHLO mail.corp.example", the fake says "HELO`},
		"no reuse":         {"sendmail-f_queue10", func(p *mta.Profile) { p.Connections.Reuse.Value = mta.NeverReused }, "connections carry up to 10 messages, the fake's only 1"},
		"at once":          {"postfix-h_retry", func(p *mta.Profile) { p.Retry.Vendor.Kind.Value = schedule.Every }, "attempt 5 comes 20.03s after the one before"},
		"bounces go apart": {"sendmail-c_rcpt550", func(p *mta.Profile) { p.Connections.Bounces.Value = mta.NewConnection }, "1 connection recorded, the fake opens 2 connections"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _, _ := strings.Cut(c.transcript, "-")
			own, err := mta.Load(server)
			if err != nil {
				t.Fatal(err)
			}
			c.change(own)
			report, err := Judge(t.Context(), []string{filepath.Join(recorded, c.transcript+".txt")}, Options{Own: []*mta.Profile{own}})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := report.WriteText(&b); err != nil {
				t.Fatal(err)
			}
			if report.Broken() != 1 || !strings.Contains(b.String(), c.want) || !strings.Contains(b.String(), "; 1 differ") {
				t.Errorf("got\n%s\nwant %q", b.String(), c.want)
			}
		})
	}
}

func TestServersWithoutAFakeAndBrokenTranscripts(t *testing.T) {
	folder := t.TempDir()
	text, err := os.ReadFile(filepath.Join(recorded, "qmail-a_plain.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"opensmtpd-a_plain.txt": strings.ReplaceAll(string(text), "mta: qmail", "mta: opensmtpd"),
		"postfix-broken.txt":    "hello",
		"postfix-sink.txt":      "# mta: postfix\n# case: c_x\n# sink: {\n--- connection 1 opened\n--- connection 1 closed by client QUIT\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Transcripts(folder)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Judge(t.Context(), files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"no fake", "there is no fake of opensmtpd: nothing is compared", "postfix-broken.txt:1: expected a line that begins with",
		`the line "# sink:"`, "3 transcripts: 0 compared exactly, 0 by invariants, 1 of servers without a fake, 2 not played",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if report.Failed() != 2 || report.Broken() != 0 {
		t.Errorf("%d failed, %d broken", report.Failed(), report.Broken())
	}
}

// Who interrupts is told what was played until then.
func TestAnInterruptionLeavesWhatWasPlayed(t *testing.T) {
	files, err := Transcripts(recorded)
	if err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	report, err := Judge(ctx, files, Options{AtOnce: 1, Done: func(done, all int) {
		if done == 2 {
			interrupt()
		}
	}})
	if !errors.Is(err, context.Canceled) || report == nil {
		t.Fatalf("got %v, %v", report, err)
	}
	if len(report.Results) != 2 || report.Failed() > 0 || len(report.Shares) == 0 {
		t.Errorf("%d results, %d failed, %d shares", len(report.Results), report.Failed(), len(report.Shares))
	}
}
