package features_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reports"
	"github.com/relayspec/relayspec/reports/transcript"
)

// judgedBy judges the relay that o makes by each every-th case that selection takes.
func judgedBy(t *testing.T, o embedded.Options, selection string, every int, volume features.Volume) *reports.Run {
	t.Helper()
	suite, err := features.Load()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := features.ParseSelection(selection)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	sampled := func(c *features.Case) bool {
		if !chosen(c) {
			return false
		}
		count++
		return count%every == 0
	}
	found, err := features.Judge(context.Background(), features.Options{
		Suite: suite, Workers: 1, Select: sampled, KeepTranscripts: true, Volume: volume,
		Open: func(ctx context.Context) (target.Target, io.Closer, error) { return embedded.OpenWith(ctx, o) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// textOf is the transcript of c as it stands in a report's folder.
func textOf(t *testing.T, c reports.Case) string {
	t.Helper()
	var text bytes.Buffer
	if err := transcript.WriteEntries(&text, c.Transcript); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// transcriptOf is the transcript of the first case that came to FAIL.
func transcriptOf(t *testing.T, o embedded.Options, selection string) string {
	t.Helper()
	found := judgedBy(t, o, selection, 1, features.VolumeNormal)
	for _, c := range found.Cases {
		if c.Verdict == reports.Fail {
			return textOf(t, c)
		}
	}
	t.Fatalf("no case fails: %+v", found.Totals)
	return ""
}

// playedOn plays text on the relay that o makes.
func playedOn(t *testing.T, text string, o embedded.Options) *features.Played {
	t.Helper()
	script, err := features.ReadScript(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	relay, closer, err := embedded.OpenWith(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	played, err := script.Play(context.Background(), relay)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return played
}

// accountOf is the diff and what it says of the offending reply.
func accountOf(p *features.Played, like features.Like) string {
	var b strings.Builder
	p.WriteDiff(&b, like, "was", "is")
	return b.String() + p.OnOffending()
}

func TestReplayReproducesAFailureAndNotOnTheReference(t *testing.T) {
	everywhere := func(w target.World) target.World { // ignores the list of addresses
		for i := range w.Customers {
			for j := range w.Customers[i].Settings {
				w.Customers[i].Settings[j].Addresses = []target.AddressEntry{{Range: "127.0.0.0/16"}}
			}
		}
		return w
	}
	generous := func(w target.World) target.World { // gives places for a licence more
		for i := range w.Customers {
			w.Customers[i].Licences++
		}
		return w
	}
	anybody := func(w target.World) target.World { // takes every password for bert's
		for i := range w.Customers {
			for j := range w.Customers[i].Users {
				w.Customers[i].Users[j].Password = w.Customers[i].Users[len(w.Customers[i].Users)-1].Password
			}
		}
		return w
	}
	tests := []struct {
		name, selection string
		world           func(target.World) target.World
	}{
		{"source addresses", "AUTH-IP", everywhere},
		{"credentials", "AUTH-CREDS", anybody},
		{"messages in a row", "LIM-CUST-PEAK/the-9th-recipient-is-accepted-and-the-10th-refused", generous},
		{"a dialogue", "RFC4616-2/message", anybody},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			broken := embedded.Options{Name: "broken", World: tt.world}
			text := transcriptOf(t, broken, tt.selection)
			if played := playedOn(t, text, broken); !played.Same(features.InWords) || !played.Reproduced() {
				t.Errorf("on the same relay:\n%s\n%s", accountOf(played, features.InWords), text)
			}
			if played := playedOn(t, text, embedded.Options{}); played.Reproduced() || played.Offending() == nil {
				t.Errorf("on the reference:\n%s\n%s", accountOf(played, features.InWords), text)
			}
		})
	}
}

// A script must bring a relay into the state that its scenario began with, whatever that is: so every twelfth case that passes
// is played again, on another instance.
func TestReplayOfWhatPassesIsTheSame(t *testing.T) {
	found := judgedBy(t, embedded.Options{}, "(not @volume or LIM-CUST-DAY-MAX or LIM-CUST-PEAK-MAX) and not RFC1870*", 12, features.VolumeLight)
	relay, closer, err := embedded.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	played := 0
	for _, c := range found.Cases {
		text := textOf(t, c)
		if text == "" {
			continue
		}
		script, err := features.ReadScript(strings.NewReader(text))
		if errors.As(err, new(*features.Incomplete)) {
			continue // a volume that isn't said again
		}
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		again, err := script.Play(context.Background(), relay)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		played++
		if !again.Same(features.InWords) {
			t.Errorf("%s (%s)\n%s", c.ID, c.Verdict, accountOf(again, features.InWords))
		}
	}
	if played < 40 {
		t.Errorf("only %d of %d cases were played again", played, len(found.Cases))
	}
}

// Messages to many, and many messages, stand in a transcript in short, and are played in full.
func TestReplayOfVolume(t *testing.T) {
	const selection = "LIM-USER-UNIQ/recipients-given-up-with-rset-take-no-place or CNT-UNIQ-VS-TOTAL/the-same-recipient-counts-once-for-the-user" +
		" or LIM-UNPAID-PEAK/* or NULL-MULTI-RCPT/messages-without-a-sender-follow-each-other"
	found := judgedBy(t, embedded.Options{}, selection, 1, features.VolumeNormal)
	if len(found.Cases) < 6 {
		t.Errorf("only %d cases are left", len(found.Cases))
	}
	for _, c := range found.Cases {
		text := textOf(t, c)
		if !strings.Contains(text, `"case":"`+c.ID+`","volume":"normal"`) {
			t.Errorf("%s: its transcript doesn't say whose it is", c.ID)
		}
		if !strings.Contains(text, `"plain":`) || strings.Contains(text, " left out …") {
			t.Errorf("%s: its transcript doesn't say what was sent", c.ID)
		}
		if played := playedOn(t, text, embedded.Options{}); !played.Same(features.InWords) || len(played.Turns) < 20 {
			t.Errorf("%s (%s)\n%s", c.ID, c.Verdict, accountOf(played, features.InWords))
		}
	}
}

func TestATranscriptThatIsNotWholeSaysWhose(t *testing.T) {
	const text = "+0 @: case {\"namespace\":\"t1\",\"case\":\"LIM-X/y\",\"volume\":\"light\"}\n+0 S: 220 x\n+0 #: … 7 lines left out …\n+0 X: by the client\n"
	_, err := features.ReadScript(strings.NewReader(text))
	var much *features.Incomplete
	var wrong *transcript.LineError
	if !errors.As(err, &much) || much.Case != "LIM-X/y" || much.Volume != features.VolumeLight || !errors.As(err, &wrong) || wrong.Line != 3 {
		t.Errorf("got %#v", err)
	}
	_, nobodys, _ := strings.Cut(text, "\n")
	if _, err := features.ReadScript(strings.NewReader(nobodys)); errors.As(err, &much) || !errors.As(err, &wrong) {
		t.Errorf("got %#v of nobody's", err)
	}
}

func TestATranscriptInWhichACredentialHidesANameIsRefused(t *testing.T) {
	const rest = "+0 S: 220 x\n+0 X: by the client\n"
	for call, want := range map[string]string{
		`world {"customers":[{"id":"acme","licences":1,"domains":["{password of a@x.example}-labs.example"]}]}`:                                               "what follows world",
		`roles {"client":"x.example","sender":"a@x.example","recipients":["{token of a@x.example}"]}`:                                                         "what follows roles",
		`world {"customers":[{"id":"acme","licences":1,"domains":["x.example"],"users":[{"address":"a@x.example","password":"{password of a@x.example}"}]}]}`: "",
		`case {"namespace":"t1","case":"LIM-X/a-{password of a@x.example}"}`:                                                                                  "",
	} {
		_, err := features.ReadScript(strings.NewReader("# a comment\n+0 @: " + call + "\n" + rest))
		var wrong *transcript.LineError
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", call, err)
		case want != "" && (!errors.As(err, &wrong) || wrong.Line != 2 || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v", call, err)
		}
	}
}
