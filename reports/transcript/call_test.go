package transcript

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// recorded gives the file form of what add records, without times.
func recorded(t *testing.T, add func(*Transcript)) string {
	t.Helper()
	log := &Transcript{}
	add(log)
	var b strings.Builder
	for _, e := range log.Entries() {
		e.At = 0
		b.WriteString(strings.TrimPrefix(e.String(), "+0.000000 ") + "\n")
	}
	return b.String()
}

func TestCallsSpeakOfCredentialsByName(t *testing.T) {
	got := recorded(t, func(log *Transcript) {
		log.Know(`pa"ss<`, "password of anna@a.example")
		log.Know("ya29.token", "token of anna@a.example")
		log.Call("", "world", map[string]any{"user": map[string]string{"address": "anna@a.example", "password": `pa"ss<`, "token": "ya29.token"}})
		log.Client("1", "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00anna@a.example\x00pa\"ss<")))
		log.Add(Entry{Session: "1", Kind: Client, Text: base64.StdEncoding.EncodeToString([]byte("anna@a.example")), Secret: true})
		log.Add(Entry{Session: "1", Kind: Client, Text: "", Secret: true})
		log.Client("1", "AUTH PLAIN not!base64")
		log.Raw("1", "AUTH LOGIN\r\nYW5uYUBhLmV4YW1wbGU=\r\n")
		log.Client("1", "MAIL FROM:<anna@a.example>")
	})
	want := `@: world {"user":{"address":"anna@a.example","password":"{password of anna@a.example}","token":"{token of anna@a.example}"}}
[1] @: secret [{"text":"AUTH PLAIN "},{"base64":[{"text":"\u0000anna@a.example\u0000"},{"secret":"password of anna@a.example"}]}]
[1] C: AUTH PLAIN [redacted]
[1] @: secret [{"base64":[{"text":"anna@a.example"}]}]
[1] C: [redacted]
[1] @: secret []
[1] C: [redacted]
[1] @: secret [{"text":"AUTH PLAIN not!base64"}]
[1] C: AUTH PLAIN [redacted]
[1] @: secret [{"text":"AUTH LOGIN\r\n"},{"base64":[{"text":"anna@a.example"}]},{"text":"\r\n"}]
[1] R: "AUTH LOGIN\r\n[redacted]\r\n"
[1] C: MAIL FROM:<anna@a.example>
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestNothingIsToldOfUnknownCredentials(t *testing.T) {
	got := recorded(t, func(log *Transcript) { log.Client("", "AUTH PLAIN AGEAYg==") })
	if got != "C: AUTH PLAIN [redacted]\n" {
		t.Errorf("got %s", got)
	}
}

func TestALineIsMadeOfItsParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secrets := rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9+/=" ]{5,12}`), 1, 3).Draw(t, "secrets")
		log := &Transcript{}
		names := map[string]string{}
		for i, s := range secrets {
			name := "password of " + string(rune('a'+i))
			log.Know(s, name)
			names[log.known[s]] = s
		}
		piece := rapid.OneOf(
			rapid.SampledFrom(secrets),
			rapid.Map(rapid.SampledFrom(secrets), func(s string) string { return base64.StdEncoding.EncodeToString([]byte("\x00u@x\x00" + s)) }),
			rapid.StringMatching(`[ -~]{0,10}`),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 6), func(b []byte) string { return string(b) }),
			rapid.SampledFrom([]string{"AUTH PLAIN ", "\r\n", "=", "YQ=="}),
		)
		line := strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
		written, err := json.Marshal(log.parts(line, true))
		if err != nil {
			t.Fatal(err)
		}
		var parts []Part
		if err := json.Unmarshal(written, &parts); err != nil {
			t.Fatal(err)
		}
		got, err := Join(parts, func(s string) string { return s }, func(name string) (string, error) { return names[name], nil })
		if err != nil || got != line {
			t.Fatalf("%s\n got %q, %v\nwant %q", written, got, err, line)
		}
		for _, p := range parts {
			for _, s := range secrets {
				if strings.Contains(p.Text, s) || bytes.Contains(p.Octets, []byte(s)) {
					t.Fatalf("%q stands in %s", s, written)
				}
			}
		}
	})
}

func TestJoinNeedsEveryCredential(t *testing.T) {
	unknown := errors.New("nobody knows it")
	_, err := Join([]Part{{Base64: []Part{{Secret: "x"}}}}, strings.ToUpper, func(string) (string, error) { return "", unknown })
	if !errors.Is(err, unknown) {
		t.Errorf("got %v", err)
	}
}

func TestMarkBefore(t *testing.T) {
	log := &Transcript{}
	for _, line := range []string{"250 first", "250-second", "250 second", "550 no", "250 third"} {
		log.Server("", line)
	}
	for later, want := range []string{"250 third", "250 second", "250 first"} {
		log.MarkBefore("", "250", later)
		found := false
		for _, e := range log.Entries() {
			found = found || e.Marked && e.Text == want
		}
		if !found {
			t.Errorf("%d before the last: %s isn't marked", later, want)
		}
	}
	if log.MarkBefore("", "250", 3) {
		t.Error("a fourth one is marked")
	}
}

func TestAFileThatWasCut(t *testing.T) {
	for _, text := range []string{"+0 C: x", "+0 C: x\n+0"} {
		_, _, err := ParseLines(strings.NewReader(text))
		var wrong *LineError
		if !errors.As(err, &wrong) || wrong.Line != 1+strings.Count(text, "\n") || !errors.Is(err, errCut) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	entries, lines, err := ParseLines(strings.NewReader("# x\n\n+0 C: x\n\n+0 S: y\n"))
	if err != nil || len(entries) != 2 || !cmp.Equal(lines, []int{3, 5}) {
		t.Errorf("got %v, lines %v, %v", entries, lines, err)
	}
}
