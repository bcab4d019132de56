package fidelity

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/relay"
)

const recorded = "../../fakes/mta/testdata/transcripts"

// all reads every transcript.
func all(t *testing.T) []*Recording {
	t.Helper()
	names, err := Transcripts(recorded)
	if err != nil {
		t.Fatal(err)
	}
	var recordings []*Recording
	for _, name := range names {
		r, err := ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		recordings = append(recordings, r)
	}
	if len(recordings) < 54 {
		t.Fatalf("%d transcripts", len(recordings))
	}
	return recordings
}

func named(t *testing.T, name string) *Recording {
	t.Helper()
	r, err := ReadFile(filepath.Join(recorded, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is read is all of it: written again it is the same, times of day left out.
func TestATranscriptThatIsReadIsWrittenAgain(t *testing.T) {
	times := regexp.MustCompile(`(?m)^# \(.*later\)\n| t=\+[0-9.]+s`)
	for _, r := range all(t) {
		text, err := os.ReadFile(r.File)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := relay.WriteSessions(&b, epoch, r.Sessions); err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(text), "--- connection 1 ")
		want = "--- connection 1 " + want
		if diff := cmp.Diff(times.ReplaceAllString(want, ""), times.ReplaceAllString(b.String(), "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.File, diff)
		}
	}
}

func TestWhatStandsAtTheTop(t *testing.T) {
	r := named(t, "postfix-d_3rcpt")
	if r.Server != "postfix" || r.Case != "d_3rcpt" || r.Title != "3 recipients, second one 550" || r.Note != "" {
		t.Errorf("got %q %q %q %q", r.Server, r.Case, r.Title, r.Note)
	}
	if want := (Injection{1, false, "alice@corp.example", 3}); r.Inject != want {
		t.Errorf("got %+v", r.Inject)
	}
	if r := named(t, "qmail-j_cli"); !r.Inject.Local {
		t.Error("it isn't local")
	}
	if r := named(t, "postfix-h_retry"); !strings.Contains(r.Note, "divided by 60") {
		t.Errorf("got %q", r.Note)
	}
}

func TestWrongTranscripts(t *testing.T) {
	open := "# mta: postfix\n--- connection 1 opened t=+0.1s\n"
	for text, want := range map[string]string{
		"":                                "x.txt:1: it is empty",
		"hello\n":                         `x.txt:1: expected a line that begins with C:, S:, # or ---, got "hello"`,
		"# mta: postfix\n":                "x.txt:1: there is no connection in it",
		"C: EHLO x\n":                     "x.txt:1: nothing can be said here",
		"S: 220 x\n":                      "x.txt:1: nothing can be said here",
		"--- something\n":                 "x.txt:1: expected --- connection N opened",
		open:                              "x.txt:2: connection 1 is never closed",
		open + open:                       "x.txt:4: connection 1 is still open",
		"--- connection 2 closed t=+1s\n": "x.txt:1: connection 2 is closed and was not open",
		"# inject: many\n":                `x.txt:1: expected "inject: N message(s)`,
		"# inject: 99999 message(s) via SMTP from <a@b.c> to 1 rcpt\n":                                      "10000 is the most",
		open + "--- connection 1 closed t=+1s by client QUIT\n" + "\xff\xfe\x00":                            "x.txt:4: expected a line that begins",
		strings.ReplaceAll(open, "# mta: postfix\n", "") + "--- connection 1 closed t=+1s by client QUIT\n": "which server is it?",
	} {
		_, err := Read(strings.NewReader(text), "x.txt")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
		if !errors.As(err, new(*LineError)) {
			t.Errorf("%q: %T", text, err)
		}
	}
	if _, err := Read(strings.NewReader(open+"S: "+strings.Repeat("x", mostLine)), "x.txt"); err == nil {
		t.Error("a line without end is read")
	}
	if _, err := ReadFile(t.TempDir() + "/none.txt"); err == nil {
		t.Error("a file that isn't there is read")
	}
	if _, err := Transcripts(t.TempDir()); err == nil {
		t.Error("there are transcripts in an empty folder")
	}
}

// A file of a Windows machine, and names that only the file has.
func TestWindowsLinesAndNamesOfTheFile(t *testing.T) {
	r, err := Read(strings.NewReader("--- connection 1 opened\r\nS: 220 x\r\n--- connection 1 closed by server\r\n"), "some/sendmail-c_greet421.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := r.Sessions[0]
	if r.Server != "sendmail" || r.Case != "c_greet421" || s.End != relay.ByServer || s.Steps[0].Text != "220 x" {
		t.Errorf("got %+v", r)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"exim-b_full", "postfix-c_rcpt450", "sendmail-k_auth"} {
		text, err := os.ReadFile(filepath.Join(recorded, name+".txt"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("--- connection 1 opened\nC: BDAT 99999999999999999999 LAST\nC: BDAT\nC: BDAT -1\n--- connection 1 closed"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(bytes.NewReader(text), "postfix-a.txt")
		if err != nil {
			return
		}
		if err := relay.WriteSessions(&bytes.Buffer{}, epoch, r.Sessions); err != nil {
			t.Fatal(err)
		}
		if script, _, err := r.Script(); err == nil && script.Check() != nil {
			t.Error(script.Check())
		}
		r.credentials()
		r.Submissions()
		for _, d := range Compare(r, asRecorded(r.Sessions), 0) {
			if d.Counts {
				t.Errorf("it differs from itself: %s", d)
			}
		}
	})
}
