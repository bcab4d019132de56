package features

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

func TestWordsAreFilledIn(t *testing.T) {
	w := words{token: "token-1.", announced: client.Capabilities{"SIZE": "1000"}, roles: target.Roles{
		Client: "client.example", Sender: "Anna@acme.example", Recipients: []string{"a@x.example", "*@y.example"},
		User: target.User{Address: "u@acme.example", Password: "pw", Tokens: []target.Token{{Value: "good"}}},
	}}
	for text, want := range map[string]string{
		"EHLO {client}":                         "EHLO client.example",
		"{recipient} {recipient2} {recipient3}": "a@x.example r2@y.example r3@y.example",
		"{local of sender}|{domain of sender}":  "Anna|acme.example",
		"{upper sender} {lower sender}":         "ANNA@ACME.EXAMPLE anna@acme.example",
		`{base64 \0{user}\0{password}}`:         "AHVAYWNtZS5leGFtcGxlAHB3",
		"{a*3}{ab*2}{x*0}":                      "aaaabab",
		`a\r\n\t\x41\\`:                         "a\r\n\tA\\",
		"{bearer}":                              "good",
		"{CR}{LF}.{CRLF}{NUL}":                  "\r\n.\r\n\x00",
		`{length {a*3}\r\n}`:                    "5",
		"{size} {size+1} {size-10}":             "1000 1001 990",
	} {
		if got, err := w.fill(text); err != nil || got != want {
			t.Errorf("%s gives %q, %v; want %q", text, got, err, want)
		}
	}
	if got, err := w.fill("{message}"); err != nil || !strings.Contains(got, "\r\n\r\ntoken-1.\r\n") {
		t.Errorf("{message} gives %q, %v", got, err)
	}
	for _, text := range []string{"{", "}", "{nobody}", "{expired}", "{other}", `\`, `\q`, `\x4`, "{recipient0}", "{base64 {}", "{size1}", "{size+x}"} {
		if got, err := w.fill(text); err == nil {
			t.Errorf("%s gives %q without an error", text, got)
		}
	}
}

func TestCodesAcceptWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		text     string
		yes, no  int
		unparsed bool
	}{
		{text: "250", yes: 250, no: 251},
		{text: "5yz", yes: 554, no: 450},
		{text: "50z or 555", yes: 502, no: 550},
		{text: "50z or 555", yes: 555, no: 451},
		{text: "25", unparsed: true},
		{text: "250 and 251", unparsed: true},
		{text: "zyx", unparsed: true},
	} {
		all, err := parseCodes(c.text)
		if (err != nil) != c.unparsed {
			t.Errorf("%q: %v", c.text, err)
		}
		if err == nil && (!all[0].accept(c.yes) || all[0].accept(c.no)) {
			t.Errorf("%q accepts %d: %t, %d: %t", c.text, c.yes, all[0].accept(c.yes), c.no, all[0].accept(c.no))
		}
	}
}

func TestAnUnknownMaximumIsMissing(t *testing.T) {
	for _, c := range []struct {
		announced client.Capabilities
		missing   bool
	}{
		{nil, true},
		{client.Capabilities{"SIZE": ""}, true},
		{client.Capabilities{"SIZE": "0"}, true},
		{client.Capabilities{"SIZE": "34M"}, false},
		{client.Capabilities{"SIZE": "99999999999999999999"}, false},
	} {
		var missing *Missing
		_, err := words{announced: c.announced}.fill("{size}")
		if err == nil || errors.As(err, &missing) != c.missing {
			t.Errorf("%v gives %v", c.announced, err)
		}
	}
}

func TestAPaddedMessageHasItsSize(t *testing.T) {
	m := mail{sender: "a@x.example", recipients: []string{"b@x.example"}}
	head := len(m.content())
	for _, more := range []int{2, 3, 999, 1000, 1001, 1002, 1003, 1999, 2000, 2001, 123_456} {
		var b bytes.Buffer
		if err := m.padded(head + more)(&b); err != nil || b.Len() != head+more {
			t.Errorf("%d octets asked for, %d came, %v", head+more, b.Len(), err)
		}
		for line := range strings.SplitAfterSeq(b.String(), "\r\n") {
			if len(line) > 1000 || line != "" && !strings.HasSuffix(line, "\r\n") || strings.Contains(strings.TrimSuffix(line, "\r\n"), "\r") {
				t.Errorf("with %d octets more a line is %q", more, line)
			}
		}
	}
	if m.padded(head+1)(io.Discard) == nil {
		t.Error("a line of one octet has been made")
	}
}
