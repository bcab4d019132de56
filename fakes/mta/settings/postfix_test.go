package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inFile writes content to a file of the given name.
func inFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// read is Read of what must be readable.
func read(t testing.TB, files ...string) (*Setup, Faults) {
	t.Helper()
	s, warnings, err := Read(files...)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return s, warnings
}

func TestPostfixExpansion(t *testing.T) {
	const base = "myhostname = mail.corp.example\nempty =\nfull = yes\nn = 3\n"
	for given, want := range map[string]string{
		"$myhostname":                        "mail.corp.example",
		"${myhostname}:25":                   "mail.corp.example:25",
		"$(myhostname)x":                     "mail.corp.examplex",
		"a$mydomain.b":                       "acorp.example.b",
		"${full?on}${empty?off}":             "on",
		"${full:on}${empty:off}":             "off",
		"${full?{a}:{b}}${empty?{a}:{b}}":    "ab",
		"${empty?{a}}x${empty:{b}}":          "xb",
		"${full?{$myhostname}:{b}}":          "mail.corp.example",
		"${{$n} == {3} ? {three} : {more}}":  "three",
		"${{$n} < {20} ? {less} : {more}}":   "less",
		"${{a} != {b} ?{c}:{d}}":             "c",
		"$$5":                                "$5",
		"${full? on }|":                      "on |", // these five as the real postconf -x prints them
		"${full?{ on }}|":                    "on |",
		"${{$n} == {3}}|":                    "true|",
		"${ full }${full ?x}$(full?y)|":      "yesxy|",
		"${empty:a}:{b}${empty?a:b}":         "a:{b}",
		"${{3.10} <level {3.9} ? {a} : {b}}": "b",
		"[${full?smtp-relay}.gmail.com]":     "[smtp-relay.gmail.com]",
		"a\n  b\n# not this\n\n\t$full":      "a b yes",
	} {
		s, _ := read(t, inFile(t, "main.cf", base+"asked = "+given+"\n"))
		if got := s.Others["asked"]; len(got) != 1 || got[0].Value != want {
			t.Errorf("%q: got %v, want %q", given, got, want)
		}
	}
}

func TestPostfixFaults(t *testing.T) {
	for content, want := range map[string]string{
		"a = $b\nb = $c\nc = $a\nrelayhost = $a\n":                  "main.cf:1: a: it expands to itself: $a -> $b -> $c -> $a",
		"relayhost = $relayhost:25\n":                               "main.cf:1: relayhost: it expands to itself",
		"relayhost = [smtp-relay.gmail.com\n":                       "main.cf:1: relayhost = [smtp-relay.gmail.com: \"[smtp-relay.gmail.com\" has a [ without its ]",
		"relayhost smtp-relay.gmail.com\nmyhostname = a\n":          "main.cf:1: expected name = value",
		"  relayhost = a\nmyhostname = a\n":                         "main.cf:1: \"relayhost = a\" continues nothing",
		"relayhost = a:99999\n":                                     "main.cf:1: relayhost = a:99999: \"99999\" is no port",
		"minimal_backoff_time = 5x\n":                               "main.cf:1: minimal_backoff_time: \"5x\" is no time",
		"minimal_backoff_time = 1h30m\n":                            "is no time; write one number",
		"queue_run_delay =\n":                                       "main.cf:1: queue_run_delay: a time is missing",
		"\n\nsmtp_tls_security_level = always\n":                    "main.cf:3: smtp_tls_security_level = always: expected none, may",
		"smtp_sasl_auth_enable = true\n":                            "main.cf:1: smtp_sasl_auth_enable = true: expected yes or no",
		"smtp_destination_recipient_limit = many\n":                 "main.cf:1: smtp_destination_recipient_limit: \"many\" is no number",
		"relayhost = ${a\n":                                         "main.cf:1: relayhost: \"${a\" isn't closed",
		"empty =\nrelayhost = ${empty:{a}:{b}}\n":                   "main.cf:2: relayhost: \":{a}:{b}\" isn't understood",
		"relayhost = ${{a} ~ {b}?c}\n":                              "isn't understood",
		"relayhost = a b\nmyorigin = 5$\n":                          "main.cf:2: myorigin: a $ without a name",
		"default_destination_recipient_limit = x\nmyhostname = a\n": "main.cf:1: smtp_destination_recipient_limit: \"x\" is no number",
	} {
		_, _, err := Read(inFile(t, "main.cf", content))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", content, err, want)
		}
	}
}

// Eight levels of sixteen each would come to four thousand million hosts.
func TestPostfixExpansionIsBounded(t *testing.T) {
	content := "x0 = smtp-relay\n"
	for i := range 9 {
		content += "x" + string(rune('1'+i)) + " =" + strings.Repeat(" $x"+string(rune('0'+i)), 16) + "\n"
	}
	if _, _, err := Read(inFile(t, "main.cf", content)); err == nil || !strings.Contains(err.Error(), "doesn't end within") {
		t.Errorf("got %v", err)
	}
}

// Nobody knows what a name comes to that isn't written, and a host's own name is none that the file tells.
func TestPostfixUnknown(t *testing.T) {
	s, warnings := read(t, inFile(t, "main.cf", "relayhost = $relay:25\nmydestination = $myhostname, corp.example\n"))
	if s.Relay.Known || s.Hello.Known || s.Host.Known {
		t.Errorf("got %+v, %+v", s.Relay, s.Hello)
	}
	if len(warnings) != 1 || !strings.Contains(warnings.Error(), "main.cf:1: relayhost rests on $relay, which these files don't write") {
		t.Errorf("warnings: %v", warnings)
	}
}

// What lies beside main.cf belongs to it: maps, and what master.cf sets for the client alone.
func TestPostfixFilesBeside(t *testing.T) {
	dir := folder(t, map[string]string{
		"main.cf":   "relayhost = a.example\nmyhostname = mail.corp.example\ntransport_maps = hash:$config_directory/transport, ldap:/x\nsmtp_tls_security_level = may\n",
		"transport": "# domains\nintern.corp.example smtp:[mbx1.corp.example]\n*\n  smtp:[smtp-relay.gmail.com]:587\nlist.corp.example mailman:\n",
		"master.cf": "smtp inet n - n - - smtpd\n  -o smtp_helo_name=not.example\n# the client\nsmtp      unix  -       -       n       -       -       smtp\n" +
			"   -o smtp_helo_name=localhost\n   -o { smtp_tls_security_level = encrypt } -v\n   -o relayhost=x\nrelay unix - - n - - smtp -o smtp_helo_name=no\n",
	})
	s, warnings := read(t, dir)
	if s.Relay.Value != (Relay{Host: "smtp-relay.gmail.com", Port: 587, Brackets: true}) || filepath.Base(s.Relay.Place.File) != "transport" || s.Relay.Place.Line != 3 {
		t.Errorf("relay %+v", s.Relay)
	}
	if r := s.Routes["intern.corp.example"]; len(s.Routes) != 1 || r.Value.Host != "mbx1.corp.example" || r.Place.Line != 2 || r.Via[0].Line != 3 {
		t.Errorf("routes %+v", s.Routes)
	}
	if s.Hello.Value != "localhost" || filepath.Base(s.Hello.Place.File) != "master.cf" || s.Hello.Place.Line != 5 || s.TLS.Value != RequiredTLS || s.TLS.Place.Line != 6 {
		t.Errorf("hello %+v, TLS %+v", s.Hello, s.TLS)
	}
	if !strings.Contains(warnings.Error(), "ldap:/x isn't here") || len(s.Files) != 3 {
		t.Errorf("warnings %v, files %v", warnings, s.Files)
	}
}
