package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTextForm(t *testing.T) {
	tests := []struct {
		entry Entry
		want  string
	}{
		{Entry{At: 1234 * time.Microsecond, Session: "one", Kind: Client, Text: "EHLO x"}, "+0.001234 [one] C: EHLO x"},
		{Entry{At: 61 * time.Second, Kind: Server, Text: "550 5.4.5 no", Marked: true}, "! +61.000000 S: 550 5.4.5 no"},
		{Entry{At: 1, Kind: Note, Text: "TLS 1.3"}, "+0.000000001 #: TLS 1.3"},
		{Entry{At: -5, Kind: Closed, Text: "by the relay"}, "+0.000000 X: by the relay"},
		{Entry{Kind: Client}, "+0.000000 C:"},
		{Entry{Kind: Raw, Text: "a\r\n"}, `+0.000000 R: "a\r\n"`},
		{Entry{Kind: Client, Text: "tab\there"}, `+0.000000 C: "tab\there"`},
		{Entry{Kind: Server, Text: "250 "}, `+0.000000 S: "250 "`},
		{Entry{Kind: Server, Text: "250 \xff"}, `+0.000000 S: "250 \xff"`},
		{Entry{Kind: Server, Text: "250 grüße"}, "+0.000000 S: 250 grüße"},
		{Entry{Kind: Server, Text: `"quoted"`}, `+0.000000 S: "\"quoted\""`},
		{Entry{Kind: Server, Text: "[redacted]"}, `+0.000000 S: "[redacted]"`},
		{Entry{Kind: Note, Session: "a]b"}, `+0.000000 ["a]b"] #:`},
	}
	for _, tt := range tests {
		if got := tt.entry.String(); got != tt.want {
			t.Errorf("%#v\n got %s\nwant %s", tt.entry, got, tt.want)
		}
	}
}

func TestCredentialsAreNotWritten(t *testing.T) {
	tests := []struct {
		entry Entry
		want  string
	}{
		{Entry{Kind: Client, Text: "c2VjcmV0", Secret: true}, "[redacted]"},
		{Entry{Kind: Client, Text: "AUTH PLAIN c2VjcmV0", Secret: true}, "AUTH PLAIN [redacted]"},
		{Entry{Kind: Client, Text: "AUTH PLAIN c2VjcmV0"}, "AUTH PLAIN [redacted]"},
		{Entry{Kind: Client, Text: "auth login c2VjcmV0"}, "auth login [redacted]"},
		{Entry{Kind: Client, Text: "AUTH PLAIN c2Vj cmV0"}, "AUTH PLAIN [redacted]"},
		{Entry{Kind: Client, Text: "AUTH LOGIN"}, "AUTH LOGIN"},
		{Entry{Kind: Client, Text: "AUTHOR x c2VjcmV0"}, "AUTHOR x c2VjcmV0"},
		{Entry{Kind: Server, Text: "504 AUTH PLAIN what"}, "504 AUTH PLAIN what"},
		{Entry{Kind: Raw, Text: "c2VjcmV0\r\n", Secret: true}, "[redacted]"},
		{Entry{Kind: Raw, Text: "AUTH LOGIN\r\nYQ==\r\n\r\nYg==\r\nQUIT\r\n"}, `"AUTH LOGIN\r\n[redacted]\r\n\r\n[redacted]\r\nQUIT\r\n"`},
		{Entry{Kind: Raw, Text: "AUTH PLAIN\r\nYQ==\r\nQUIT"}, `"AUTH PLAIN\r\n[redacted]\r\nQUIT"`},
		{Entry{Kind: Raw, Text: "NOOP\r\nauth plain c2VjcmV0\r\nQUIT"}, `"NOOP\r\nauth plain [redacted]\r\nQUIT"`},
	}
	for _, tt := range tests {
		var log Transcript
		log.Add(tt.entry)
		var text bytes.Buffer
		if err := log.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if want := "+0.000000 " + tt.entry.Kind.String() + ": " + tt.want + "\n"; text.String() != want {
			t.Errorf("got %swant %s", text.String(), want)
		}
		asJSON, err := json.Marshal(&log)
		if err != nil {
			t.Fatal(err)
		}
		var entries []struct{ Text string }
		if err := json.Unmarshal(asJSON, &entries); err != nil {
			t.Fatal(err)
		}
		if entries[0].Text != tt.want {
			t.Errorf("JSON text %q, want %q", entries[0].Text, tt.want)
		}
		if log.Entries()[0].Text != tt.entry.Text {
			t.Error("Entries leaves credentials out, want them as they were said")
		}
	}
}

func TestParseErrorsNameTheLine(t *testing.T) {
	tests := []struct {
		line string
		want error
	}{
		{"0.1 C: x", errTime},
		{"+ C: x", errTime},
		{"+.5 C: x", errTime},
		{"+1. C: x", errTime},
		{"+1.0000000001 C: x", errTime},
		{"+99999999999 C: x", errTime},
		{"+1", errTime},
		{"!+1 C: x", errTime},
		{"+1 [] C: x", errSession},
		{"+1 [a C: x", errSession},
		{`+1 ["a] C: x`, errSession},
		{"+1 D: x", errKind},
		{"+1 C x", errKind},
		{"+1 C:x", errKind},
		{`+1 C: "x`, errQuote},
		{`+1 C: "x" y`, errQuote},
		{"+1 R: x", errQuote},
	}
	for _, tt := range tests {
		_, err := Parse(strings.NewReader("# a comment\n\n+0 C: ok\n" + tt.line + "\n"))
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), "line 4:") {
			t.Errorf("%s: got %v, want %v in line 4", tt.line, err, tt.want)
		}
	}
}

// anyEntry draws an entry as Add would keep it: what carries credentials is secret.
func anyEntry(t *rapid.T) Entry {
	text := rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", " ", `"`, "[redacted]", "AUTH PLAIN x", "auth login [redacted]", "AUTH LOGIN", "\uFFFD"}),
		rapid.StringMatching(`[ -~]{0,40}`),
	)
	e := Entry{
		At:      time.Duration(rapid.Int64Min(0).Draw(t, "at")),
		Session: text.Draw(t, "session"),
		Kind:    rapid.SampledFrom([]Kind{Client, Server, Raw, Note, Closed, Call}).Draw(t, "kind"),
		Text:    text.Draw(t, "text"),
		Secret:  rapid.Bool().Draw(t, "secret"),
		Marked:  rapid.Bool().Draw(t, "marked"),
	}
	e.Secret = e.Secret || carriesCredentials(e)
	return e
}

// written gives e as it must come back: all of it but the credentials.
func written(e Entry) Entry {
	e.Text = e.Redacted()
	return e
}

func TestParseReadsBackWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOf(rapid.Custom(anyEntry)).Draw(t, "entries")
		var text bytes.Buffer
		if err := WriteEntries(&text, entries); err != nil {
			t.Fatal(err)
		}
		var want []Entry
		for _, e := range entries {
			want = append(want, written(e))
		}
		got, err := Parse(&text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("read back (-want +got):\n%s", diff)
		}
	})
}

func TestJSONReadsBackWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry(t)
		e.Session = rapid.String().Draw(t, "utf8 session") // a name in a report is UTF-8
		e.At = time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "at of a report"))
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var got Entry
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if diff := cmp.Diff(written(e), got); diff != "" {
			t.Fatalf("read back (-want +got):\n%s\n%s", diff, data)
		}
	})
}

func TestJSONForm(t *testing.T) {
	e := Entry{At: 1234 * time.Microsecond, Kind: Server, Session: "one", Text: "550 no", Marked: true}
	got, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"at":0.001234,"kind":"S","session":"one","text":"550 no","marked":true}`; string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for _, bad := range []string{`{}`, `{"at":-1,"kind":"S"}`, `{"at":1e300,"kind":"S"}`, `{"at":1,"kind":"SS"}`, `{"at":1,"kind":"R","text":"x"}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), &e); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// FuzzParse: Parse never panics, and what it reads can be written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte("+0.001234 [one] C: EHLO x\n! +1 S: 550 no\n+2.5 [\"a]\"] R: \"\\x00\"\n# comment\n\n+3 X:\n"))
	f.Add([]byte("+1 C: AUTH PLAIN c2VjcmV0\n+1 C: [redacted]\n+1 S: \"[redacted]\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := Parse(bytes.NewReader(data))
		if err != nil {
			return
		}
		var text bytes.Buffer
		if err := WriteEntries(&text, entries); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(bytes.NewReader(text.Bytes()))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text.String())
		}
		for i := range entries {
			entries[i] = written(entries[i])
		}
		if diff := cmp.Diff(entries, again); diff != "" {
			t.Fatalf("read again (-first +second):\n%s", diff)
		}
	})
}
