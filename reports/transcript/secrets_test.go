package transcript

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestSecretsLeaveOutForms(t *testing.T) {
	plain := b64("\x00anna@acme.example\x00hunter2")
	oauth := b64("user=anna\x01auth=Bearer ya29.token\x01\x01")
	for text, want := range map[string]string{
		"AUTH PLAIN " + plain:                              "AUTH PLAIN [redacted]",
		"auth xoauth2 " + oauth + " was refused":           "auth xoauth2 [redacted] was refused",
		"the relay said 535 to " + plain + ".":             "the relay said 535 to [redacted].",
		"it sent " + oauth:                                 "it sent [redacted]",
		"C: AUTH LOGIN\nS: 334 VXNl\nC: YW5uYQ==\nS: 250":  "C: AUTH LOGIN\nS: 334 VXNl\nC: [redacted]\nS: 250",
		"334 VXNl\nYW5uYQ==\n334 UGFz\nc2VjcmV0\n235 fine": "334 VXNl\n[redacted]\n334 UGFz\n[redacted]\n235 fine",
		"Authorization: Bearer abc.def":                    "Authorization: Bearer [redacted]",
		`a wrong password "hunter2" is refused`:            `a wrong password "[redacted]" is refused`,
		`{"password": "hunter 2"}`:                         `{"password": "[redacted]"}`,
		"password=hunter2, next":                           "password=[redacted], next",
		"api_key: k1":                                      "api_key: [redacted]",
		"dial smtp://anna:hunter2@127.0.0.1:25":            "dial smtp://anna:[redacted]@127.0.0.1:25",
		// What is none stays.
		"AUTH PLAIN answered with 504":                    "",
		"AUTH PLAIN is refused without TLS":               "",
		"Bearer tokens are refused.":                      "",
		`the password of "bert@acme.example"`:             "",
		"a user's name and password":                      "",
		"the message from <anna@acme.example> accepted":   "",
		"550 5.4.5 Daily SMTP relay limit exceeded":       "",
		"features/relay/authentication.feature:12 passed": "",
		"http://127.0.0.1:8080/status":                    "",
	} {
		if want == "" {
			want = text
		}
		got := Secrets{}.LeaveOut(text)
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if again := (Secrets{}).LeaveOut(got); again != got {
			t.Errorf("%q: a second time gives %q", got, again)
		}
	}
}

func TestSecretsOfADialogue(t *testing.T) {
	record := func(fill func(*Transcript)) Secrets {
		tr := &Transcript{}
		fill(tr)
		return SecretsOf(tr.Entries())
	}
	secret := func(tr *Transcript, line string) { tr.Add(Entry{Kind: Client, Text: line, Secret: true}) }
	for name, test := range map[string]struct {
		fill       func(*Transcript)
		gone, kept string
	}{
		"plain": {
			func(tr *Transcript) { tr.Client("", "AUTH PLAIN "+b64("\x00anna\x00hunter2")) },
			"hunter2", "anna",
		},
		"plain behind 334": {
			func(tr *Transcript) { tr.Client("", "AUTH PLAIN"); secret(tr, b64("\x00anna\x00hunter2")) },
			"hunter2", "anna",
		},
		"login": {
			func(tr *Transcript) { tr.Client("", "AUTH LOGIN"); secret(tr, b64("anna")); secret(tr, b64("hunter2")) },
			"hunter2", "anna",
		},
		"login with the name at once": {
			func(tr *Transcript) { tr.Client("", "AUTH LOGIN "+b64("anna")); secret(tr, b64("hunter2")) },
			"hunter2", "anna",
		},
		"pipelined octets": {
			func(tr *Transcript) {
				tr.Raw("", "AUTH LOGIN\r\n"+b64("anna")+"\r\n"+b64("hunter2")+"\r\nQUIT\r\n")
			},
			"hunter2", "QUIT",
		},
		"bearer": {
			func(tr *Transcript) { tr.Client("", "AUTH XOAUTH2 "+b64("user=anna\x01auth=Bearer tok\x01\x01")) },
			b64("user=anna\x01auth=Bearer tok\x01\x01"), "anna",
		},
		"no base64": {
			func(tr *Transcript) { tr.Client("", "AUTH LOGIN"); secret(tr, "plainly hunter2") },
			"plainly hunter2", "plainly",
		},
		"a command in an answer's place": {
			func(tr *Transcript) { tr.Client("", "AUTH LOGIN"); secret(tr, "MAIL FROM:<a@b>") },
			"", "MAIL FROM:<a@b>",
		},
		"read back": {
			func(tr *Transcript) { secret(tr, redacted) },
			"", "[redacted]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := record(test.fill)
			if test.gone != "" {
				for _, text := range []string{test.gone, "535 not " + test.gone + "!", b64(test.gone)} {
					if got := s.LeaveOut(text); strings.Contains(got, test.gone) || strings.Contains(got, b64(test.gone)) {
						t.Errorf("%q became %q", text, got)
					}
				}
			}
			if got := s.LeaveOut(test.kept); got != test.kept {
				t.Errorf("%q became %q", test.kept, got)
			}
		})
	}
}

func TestSecretsLeaveNoPasswordBehind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[ -~]{4,20}`).Draw(t, "password")
		entry := Entry{Kind: Client, Text: "AUTH PLAIN " + b64("\x00anna\x00"+password)}
		s := SecretsOf([]Entry{entry})
		got := s.LeaveOut("the relay said 535 about " + password + " it")
		if strings.Contains(strings.ReplaceAll(got, redacted, ""), password) {
			t.Fatalf("%q stands in %q", password, got)
		}
		if again := s.LeaveOut(got); again != got {
			t.Fatalf("%q became %q a second time", got, again)
		}
	})
}
