package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSendmailMacros(t *testing.T) {
	const end = "MAILER(`smtp')dnl\n"
	for given, want := range map[string]struct {
		host string
		port int
		line int
		via  int
	}{
		"define(`SMART_HOST', `smtp-relay.gmail.com')\n":                                               {"smtp-relay.gmail.com", 0, 1, 0},
		"define(`SMART_HOST', `[smtp-relay.gmail.com]')dnl\n":                                          {"smtp-relay.gmail.com", 0, 1, 0},
		"define(`SMART_HOST', `esmtp:a.example')\ndefine(`ESMTP_MAILER_ARGS', `TCP $h 587')\n":         {"a.example", 587, 1, 1},
		"define(`SMART_HOST', `a.example')\ndefine(`RELAY_MAILER_ARGS', `TCP $h 587')dnl\n":            {"a.example", 587, 1, 1},
		"dnl define(`SMART_HOST', `no.example')\ndefine(`SMART_HOST', `a.example')dnl\n":               {"a.example", 0, 2, 0},
		"# define(`SMART_HOST', `no.example')\ndefine(`SMART_HOST', `a.example')dnl\n":                 {"a.example", 0, 2, 0},
		"define(`SMART_HOST', `no.example')\ndefine(`SMART_HOST', `a.example')dnl\n":                   {"a.example", 0, 2, 0},
		"define(`THE_RELAY', `a.example')\ndefine(`SMART_HOST', `THE_RELAY')dnl\n":                     {"a.example", 0, 2, 1},
		"define(`THE_RELAY', `$1.example')\ndefine(`SMART_HOST', THE_RELAY(`a'))dnl\n":                 {"a.example", 0, 2, 0},
		"ifdef(`NOT', `define(`SMART_HOST', `no.example')', `define(`SMART_HOST', `a.example')')dnl\n": {"a.example", 0, 1, 1},
		"define(`P', `x')\nifelse(P, `x', `define(`SMART_HOST', `a.example')')dnl\n":                   {"a.example", 0, 2, 1},
		"FEATURE(`nullclient', `a.example')dnl\n":                                                      {"a.example", 0, 1, 0},
		"LOCAL_CONFIG\nDSa.example\n":                                                                  {"a.example", 0, 2, 0},
		"LOCAL_CONFIG\nDXa.example\nDS$X\n":                                                            {"a.example", 0, 3, 0},
		"define(`SMART_HOST', `no.example')\nundefine(`SMART_HOST')dnl\n":                              {"", 0, 0, 0},
		"define(`A',\n `multi')dnl\ndefine(`SMART_HOST',\n  `a.example')dnl\n":                         {"a.example", 0, 3, 0},
		"define(`SMART_HOST', `a.example') dnl a comment (`unbalanced\n":                               {"a.example", 0, 1, 0},
		"VERSIONID(`it''s (fine)')dnl\ndefine(`SMART_HOST', a.example)\n":                              {"a.example", 0, 2, 0},
	} {
		s, _ := read(t, inFile(t, "sendmail.mc", given+end))
		got := s.Relay
		if got.Value.Host != want.host || got.Value.Port != want.port || got.Place.Line != want.line || len(got.Via) != want.via {
			t.Errorf("%q: got %+v, want %+v", given, got, want)
		}
	}
}

func TestSendmailIncludes(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"sendmail.mc":  "define(`SMART_HOST', `smtp-relay.gmail.com')\ninclude(`/etc/mail/site/timeouts.m4')dnl\nsinclude(`nowhere.m4')dnl\n",
		"timeouts.m4":  "dnl the times\ninclude(`deeper.m4')dnl\n",
		"deeper.m4":    "\n\ndefine(`confTO_DATAFINAL', `10')dnl minutes\n",
		"missing.mc":   "\ndefine(`SMART_HOST', `a')\ninclude(`gone.m4')dnl\n",
		"itself.mc":    "define(`SMART_HOST', `a')\ninclude(`itself.mc')dnl\n",
		"self.mc":      "define(`A', `A')\ndefine(`SMART_HOST', `A')dnl\n",
		"unclosed.mc":  "define(`SMART_HOST', `a')\n\ndefine(`B', `b\n",
		"paren.mc":     "define(`SMART_HOST', `a')\n\ndefine(`B', `b'\n",
		"badtime.mc":   "define(`SMART_HOST', `a')\ndefine(`confTO_DATAFINAL', `1 hour')\n",
		"badhost.mc":   "define(`SMART_HOST', `smtp relay')\n",
		"badline.mc":   "define(`SMART_HOST', `a')\nSMARTHOST(`b')\nalso this\n",
		"unknown.conf": "hello\nworld\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := read(t, filepath.Join(dir, "sendmail.mc"))
	got := s.Timeouts.DataFinal
	if got.Value != 10*time.Minute || got.Place.String() != filepath.Join(dir, "deeper.m4")+":3" || len(got.Via) != 2 || got.Via[0].Line != 2 {
		t.Errorf("got %+v", got)
	}
	if len(s.Files) != 3 {
		t.Errorf("files: %v", s.Files)
	}
	for name, want := range map[string]string{
		"missing.mc":   "missing.mc:3: it includes \"gone.m4\", which isn't here",
		"itself.mc":    "itself.mc:2: includes are nested more than 16 deep",
		"self.mc":      "A is defined by itself",
		"unclosed.mc":  "unclosed.mc:3: the quote ` isn't closed",
		"paren.mc":     "paren.mc:3: define( isn't closed",
		"badtime.mc":   "badtime.mc:2: Timeout.datafinal: \"1 hour\" is no time",
		"badhost.mc":   "badhost.mc:1: SMART_HOST: \"smtp relay\" is no host's name",
		"unknown.conf": "unknown.conf: no line tells which server it configures",
		"none.mc":      "none.mc: there is no such file",
	} {
		if _, _, err := Read(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// Eight levels of a hundred each that come to nothing would take longer than anybody waits.
func TestSendmailExpansionIsBounded(t *testing.T) {
	content := "DSx$A\nDI\n"
	for c := 'A'; c < 'I'; c++ {
		content += "D" + string(c) + strings.Repeat("$"+string(c+1), 100) + "\n"
	}
	if _, _, err := Read(inFile(t, "sendmail.cf", content)); err == nil || !strings.Contains(err.Error(), "come to an end") {
		t.Errorf("got %v", err)
	}
}

func TestSendmailCF(t *testing.T) {
	s, _ := read(t, inFile(t, "sendmail.cf", `V10/Berkeley
Cwlocalhost corp.example
Djmail.corp.example
DSrelay:smtp-relay.gmail.com
O Timeout.datafinal=10m
O timeout.mail=2m
O ConnectionCacheSize=0
O Timeout.datafinal=20m
Mrelay,		P=[IPC], F=mDFMuXa8, S=EnvFromSMTP/HdrFromSMTP,
		R=MasqSMTP, E=\r\n, L=2040, r=20,
		T=DNS/RFC822/SMTP,
		A=TCP $h 587
`))
	if s.Relay.Value != (Relay{Host: "smtp-relay.gmail.com", Port: 587}) || s.Relay.Place.Line != 4 || s.Relay.Via[0].Line != 9 {
		t.Errorf("relay: %+v", s.Relay)
	}
	if s.Timeouts.DataFinal.Value != 20*time.Minute || s.Timeouts.DataFinal.Place.Line != 8 || s.Timeouts.Mail.Value != 2*time.Minute {
		t.Errorf("times: %+v", s.Timeouts)
	}
	if s.Caching.Value || s.Recipients.Value != 20 || s.Hello.Value != "mail.corp.example" || s.Domains[0].Value != "corp.example" {
		t.Errorf("got %+v", s)
	}
	for content, want := range map[string]string{
		"DSa\nOh no\n O x\nZebra\n":    ":4: \"Zebra\" is no line of sendmail.cf",
		"V10/x\nDSa\nO Timeout.mail\n": ":3: \"O Timeout.mail\": expected O Name=value",
		"DX$Y\nDY$X\nDS$X\n":           "expands to itself",
		" DSa\nDSa\nDjb\n":             ":1: \"DSa\" continues nothing",
	} {
		if _, _, err := Read(inFile(t, "sendmail.cf", content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", content, err, want)
		}
	}
}

// The access map beside says when it encrypts, and as whom it authenticates.
func TestSendmailAccess(t *testing.T) {
	dir := folder(t, map[string]string{
		"sendmail.mc": "define(`SMART_HOST', `a.example')\nFEATURE(`access_db', `hash -T<TMPF> /etc/mail/access')dnl\n",
		"access":      "# who may\n192.0.2\tRELAY\nTLS_Srv:other.example ENCR:112\nTLS_Srv:a.example\tENCR:112\nAuthInfo:a.example \"U:u\" \"P:hunter2\"\n",
	})
	s, _ := read(t, dir)
	if s.TLS.Value != RequiredTLS || s.TLS.Place.Line != 4 || filepath.Base(s.TLS.Place.File) != "access" || s.TLS.Via[0].Line != 2 {
		t.Errorf("TLS %+v", s.TLS)
	}
	if !s.Auth.Value || s.User.Value != "u" || shows(s, "hunter2") || len(s.Files) != 2 {
		t.Errorf("got %+v", s)
	}
}
