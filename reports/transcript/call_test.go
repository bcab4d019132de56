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

func TestNamesStayWhereACredentialIsAWordInThem(t *testing.T) {
	body := json.RawMessage(`{"password":"password","domains":["corp.example","a.corp.example"],"corp":"127.0.0.1:25","test":{"corp":"corp",` +
		`"users":["test@test.example"],"range":"10.0.0.0/8"},"escaped \"password\":":1,"words":"535 test refused","within":"xtesty","zone":"fe8::1%test","url":"smtp://a:corp@x.example:25","unknown":"0"}`)
	got := recorded(t, func(log *Transcript) {
		for credential, name := range map[string]string{
			"password": "password of p@x.example", "corp": "password of c@x.example", "test": "token of t@x.example", "0": "password of n@x.example",
		} {
			log.Know(credential, name)
		}
		log.Call("", "world", body)
	})
	want := `@: world {"password":"{password of p@x.example}","domains":["corp.example","a.corp.example"],"corp":"127.0.0.1:25",` +
		`"test":{"corp":"{password of c@x.example}","users":["test@test.example"],"range":"10.0.0.0/8"},"escaped \"password\":":1,` +
		`"words":"535 {token of t@x.example} refused","within":"x{token of t@x.example}y","zone":"fe8::1%{token of t@x.example}",` +
		`"url":"smtp://a:{password of c@x.example}@x.example:25","unknown":"{password of n@x.example}"}` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestTheNameInAnAnswerStaysWhole(t *testing.T) {
	got := recorded(t, func(log *Transcript) {
		log.Know("corp", "password of anna@corp.example")
		log.Client("1", "AUTH PLAIN "+b64("\x00anna@corp.example\x00corp"))
		log.Client("1", "AUTH PLAIN "+b64("\x00corp\x00corp.example"))
	})
	want := `[1] @: secret [{"text":"AUTH PLAIN "},{"base64":[{"text":"\u0000anna@corp.example\u0000"},{"secret":"password of anna@corp.example"}]}]
[1] C: AUTH PLAIN [redacted]
[1] @: secret [{"text":"AUTH PLAIN "},{"base64":[{"text":"\u0000"},{"secret":"password of anna@corp.example"},{"text":"\u0000"},` +
		`{"secret":"password of anna@corp.example"},{"text":".example"}]}]
[1] C: AUTH PLAIN [redacted]
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestNoCredentialStandsInACall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		credential := rapid.OneOf(
			rapid.StringMatching(`[ -~]{16,24}`),                    // is left nowhere
			rapid.StringMatching(`[!-~]{3,6}[@. "\\\\<][!-~]{3,6}`), // nor one that is no word
		).Draw(t, "credential")
		around := rapid.SampledFrom([]string{"", "a", ".", "a@b.example", "1.2.3.4", " ", "\\", "\"", "é"})
		before, behind := around.Draw(t, "before"), around.Draw(t, "behind")
		log := &Transcript{}
		log.Know(credential, "[]")
		var read map[string]string
		if err := json.Unmarshal([]byte(log.named(bodyOf(t, map[string]string{"key": before + credential + behind}))), &read); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(read["key"], "{[]}", "\x00"); strings.Contains(got, credential) {
			t.Fatalf("%q stands in %q", credential, read["key"])
		}
	})
}

func bodyOf(t *rapid.T, body any) string {
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMisnamed(t *testing.T) {
	for body, want := range map[string]string{
		`{"users":[{"address":"a@x.example","password":"{password of a@x.example}","tokens":[{"value":"{token 2 of a@x.example}"}]}]}`: "",
		`{"password": "{expired token of a@x.example}", "domains": ["x.example"]}`:                                                     "",
		`{"id":"{curly}"}`: "",
		`{"users":["{password of a@x.example}@x.example"]}`:       "{password of a@x.example}@x.example",
		`{"password":"x{password of a@x.example}"}`:               "x{password of a@x.example}",
		`{"password":"","domains":["{password of a@x.example}"]}`: "{password of a@x.example}",
	} {
		err := Misnamed([]byte(body))
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
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
