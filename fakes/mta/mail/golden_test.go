package mail

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/client"
)

// sections are those of a profile that this package reads.
type sections struct {
	Name   string
	Mail   Forms
	Bounce BounceForm
}

// profiles gives the sections of each profile, templates read.
func profiles(t testing.TB) map[string]*sections {
	t.Helper()
	files, err := filepath.Glob("../profiles/*.yaml")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d profiles: %v", len(files), err)
	}
	all := map[string]*sections{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p := &sections{}
		if err := yaml.Unmarshal(text, p); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := p.Mail.Compile(); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := p.Bounce.Compile(); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[p.Name] = p
	}
	return all
}

// contents gives the messages that a transcript carries, dots taken away, with LF at the ends of lines.
func contents(t *testing.T, name string) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../testdata/transcripts/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`^C: (DATA|BDAT \d+ LAST)$`)
	var lines []string
	inside, dots := false, false
	for line := range strings.SplitSeq(string(text), "\n") {
		said, client := strings.CutPrefix(line, "C: ")
		switch {
		case command.MatchString(line):
			inside, dots, lines = true, line == "C: DATA", nil
		case inside && dots && said == ".", inside && strings.HasPrefix(line, "S: 5"), inside && !dots && strings.HasPrefix(line, "S: "):
			if !dots && len(lines) > 0 {
				lines = lines[:len(lines)-1] // what follows the last line's end
			}
			if len(lines) > 0 {
				all = append(all, strings.Join(lines, "\n")+"\n")
			}
			inside = false
		case inside && client:
			if dots && strings.HasPrefix(said, ".") {
				said = said[1:]
			}
			lines = append(lines, said)
		}
	}
	return all
}

// submitted is the message that was given to the server in a case.
func submitted(name string, local bool, recipients ...string) Submission {
	dated := "Date: Mon, 06 Jan 2025 10:00:00 +0000\r\nMessage-ID: <" + name + "-1@ws1.corp.example>\r\n"
	if local {
		dated = ""
	}
	content := "From: Alice <alice@corp.example>\r\nTo: Bob <bob@example.net>\r\nSubject: test " + name + " 1\r\n" + dated +
		"\r\nHello Bob, message 1.\r\n.leading dot line\r\nlast line\r\n"
	return Submission{
		Sender: "alice@corp.example", Recipients: recipients, Content: []byte(content), Local: local,
		HelloName: "ws1.corp.example", HelloVerb: "EHLO", Client: "ws1.corp.example", Address: netip.MustParseAddr("127.0.0.1"),
	}
}

// normal takes away what differs from run to run: identifiers, times and process numbers.
func normal(content string) string {
	for _, r := range []struct{ what, with string }{
		{`\b((Mon|Tue|Sun), )?\d?\d Nov 2026 \d\d:\d\d:\d\d`, "DATE"},
		{`\b\d{10}-eximdsn-\d+`, "EPOCH-eximdsn-N"},
		{`\b[0-9A-F]{10,11}\b`, "POSTFIX"},
		{`\b6A[0-9A-Za-z]{6}\d{6}\b`, "SENDMAIL"}, // 2026, in November
		{`\b1[0-9A-Za-z]{5}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}\b`, "EXIM"},
		{`\bE1[0-9A-Za-z]{5}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}\b`, "EXIM"},
		{`\(qmail \d+ `, "(qmail N "},
		{`20261123\d{6}\.\d+\.qmail`, "TIME.N.qmail"},
		{`\b20261123\d{4,6}\b`, "TIME"},
		{`\b17954\d{5}\b`, "EPOCH"},
	} {
		content = regexp.MustCompile(r.what).ReplaceAllString(content, r.with)
	}
	return content
}

func host() Host { return Host{Name: "mail.corp.example", Domain: "corp.example"} }

func noon() time.Time { return time.Date(2026, time.November, 23, 11, 17, 27, 0, time.UTC) }

// Source: the transcripts; Postfix, Sendmail, Exim and qmail as they were recorded.
func TestServersAddWhatTheRealOnesDid(t *testing.T) {
	for _, server := range []string{"postfix", "sendmail", "exim", "qmail"} {
		for _, name := range []string{"a_plain", "d_3rcpt", "e_null1", "j_cli"} {
			t.Run(server+"-"+name, func(t *testing.T) {
				s := submitted(name, name == "j_cli", "bob@example.net")
				switch name {
				case "d_3rcpt":
					s.Recipients = []string{"r1@example.net", "r2@example.net", "r3@example.org"}
				case "e_null1":
					s.Sender = ""
				}
				got, received, err := profiles(t)[server].Mail.Accept(s, host(), NewIDs(1), noon())
				if err != nil {
					t.Fatal(err)
				}
				if strings.Count(string(got), "\n") != strings.Count(string(got), "\r\n") {
					t.Error("a line ends without CRLF")
				}
				want := normal(contents(t, server+"-"+name)[0])
				if diff := cmp.Diff(want, normal(strings.ReplaceAll(string(got), "\r\n", "\n"))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if !s.Local && received != int64(len(s.Content)) {
					t.Errorf("received %d octets, want %d", received, len(s.Content))
				}
			})
		}
	}
}

// Source: sending-servers.md §3, j_smtp_nohdr.
func TestServersAddWhatAMessageLacksWhereTheRealOnesDo(t *testing.T) {
	const given = "From: Alice <alice@corp.example>\r\nTo: Bob <bob@example.net>\r\n"
	for server, want := range map[string]string{
		"postfix":  given + "Message-Id: <TIME.POSTFIX@mail.corp.example>\r\nDate: DATE +0000 (UTC)\r\n\r\nx\r\n",
		"sendmail": "Date: DATE GMT\r\nMessage-Id: <TIME.SENDMAIL@mail.corp.example>\r\n" + given + "\r\nx\r\n",
		"qmail":    "SMTP; DATE -0000\r\n" + given + "\r\nx\r\n", // nothing
	} {
		s := submitted("j", false, "bob@example.net")
		s.Content = []byte(given + "\r\nx\r\n")
		got, _, err := profiles(t)[server].Mail.Accept(s, host(), NewIDs(1), noon())
		if err != nil {
			t.Fatal(err)
		}
		if all := normal(string(got)); !strings.HasSuffix(all, want) {
			t.Errorf("%s ends with\n%q, want\n%q", server, all[max(0, len(all)-len(want)):], want)
		}
	}
}

// Source: the transcripts.
func TestServersBounceAsTheRealOnesDid(t *testing.T) {
	daily := client.Reply{Code: 550, Lines: []string{"5.4.5 Daily SMTP relay limit exceeded for user. sink-1 - gsmtp"}}
	customer := client.Reply{Code: 550, Lines: []string{"5.7.1 Daily SMTP relay limit exceeded for customer. For more",
		"5.7.1 information on SMTP relay sending limits please contact your", "5.7.1 administrator. sink-2 - gsmtp"}}
	for _, c := range []struct {
		file  string
		stage client.Stage
		reply client.Reply
		to    []string
		which int          // of the recipients failed
		data  client.Reply // to the DATA that rode with the RCPT
	}{
		{"c_rcpt550", client.Rcpt, daily, []string{"bob@example.net"}, 0, client.Reply{Code: 503, Lines: []string{"5.5.1 RCPT first"}}},
		{"c_data550", client.EndOfData, customer, []string{"bob@example.net"}, 0, client.Reply{}},
		{"d_3rcpt", client.Rcpt, daily, []string{"r1@example.net", "r2@example.net", "r3@example.org"}, 1, client.Reply{}},
	} {
		for _, server := range []string{"postfix", "sendmail", "exim", "qmail"} {
			t.Run(server+"-"+c.file, func(t *testing.T) {
				p, ids := profiles(t)[server], NewIDs(1)
				original, _, err := p.Mail.Accept(submitted(c.file, false, c.to...), host(), ids, noon())
				if err != nil {
					t.Fatal(err)
				}
				failures := []Failure{{Recipient: c.to[c.which], Reply: c.reply, Stage: c.stage, Remote: "smtp-relay.gmail.com",
					Address: "127.0.0.2", Arrived: noon(), Tried: noon(), ToData: c.data}}
				got, err := p.Bounce.Write(host(), original, "alice@corp.example", failures, ids, noon())
				if err != nil {
					t.Fatal(err)
				}
				all := contents(t, server+"-"+c.file)
				want := normal(all[len(all)-1])
				if diff := cmp.Diff(want, normal(strings.ReplaceAll(string(got), "\r\n", "\n"))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Source: sending-servers.md §3, real headers.
func TestServersThatWereNotRecordedWriteTheirReceivedAsInRealHeaders(t *testing.T) {
	s := submitted("x", false, "bob@example.net")
	at := time.Date(2009, time.May, 27, 23, 57, 8, 0, time.FixedZone("", -4*3600))
	for _, c := range []struct {
		server string
		from   Submission
		host   Host
		want   string
	}{
		{"exchange-hub", from(s, "mbx1.corp.example", "192.0.2.206"), Host{Name: "hub02.corp.example", Address: netip.MustParseAddr("192.0.2.82")},
			"Received: from mbx1.corp.example (192.0.2.206) by hub02.corp.example\r\n (192.0.2.82) with Microsoft SMTP Server id 8.1.291.1; Wed, 27 May 2009\r\n 23:57:08 -0400\r\n"},
		{"exchange-2003", from(s, "[192.0.2.27]", "192.0.2.27"), Host{Name: "mail06.corp.example"},
			"Received: from [192.0.2.27] ([192.0.2.27]) by mail06.corp.example with Microsoft SMTPSVC(6.0.3790.1830);\r\n\t Wed, 27 May 2009 23:57:08 -0400\r\n"},
		{"domino", from(s, "ws7", "192.0.2.122"), Host{Name: "domino1.corp.example"},
			"Received: from ws7 ([192.0.2.122])\r\n          by domino1.corp.example (Lotus Domino Release 5.0.8)\r\n          with ESMTP id "},
		{"groupwise", s, Host{Name: "gwia.corp.example"},
			"Received: from PO1-MTA by gwia.corp.example\r\n with Novell_GroupWise; Wed, 27 May 2009 23:57:08 -0400\r\n"},
	} {
		got, _, err := profiles(t)[c.server].Mail.Accept(c.from, c.host, NewIDs(1), at)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(got), c.want) {
			t.Errorf("%s begins with\n%q, want\n%q", c.server, got[:min(len(got), len(c.want))], c.want)
		}
	}
}

// from is s, sent by another client.
func from(s Submission, name, address string) Submission {
	s.HelloName, s.Address = name, netip.MustParseAddr(address)
	return s
}

// Every server can bounce and, where it does, warn, whatever the relay answered at whatever stage, or didn't.
func TestEveryServerWritesABounceForEveryFailure(t *testing.T) {
	stages := []client.Stage{client.Connect, client.Hello, client.Auth, client.Mail, client.Rcpt, client.Data, client.EndOfData}
	warns := map[string]bool{"sendmail": true, "exim": true, "exchange-hub": true, "exchange-edge": true, "exchange-2003": true}
	for server, p := range profiles(t) {
		original, _, err := p.Mail.Accept(submitted("x", true, "bob@example.net"), host(), NewIDs(1), noon())
		if err != nil {
			t.Fatalf("%s: %v", server, err)
		}
		for _, stage := range stages {
			for _, reply := range []client.Reply{{}, {Code: 554, Lines: []string{"no", "really no"}}, {Code: 450, Lines: []string{"4.2.1 later"}}} {
				told := fmt.Sprintf("%s at %s after %s", server, stage, reply)
				f := Failure{Recipient: "bob@example.net", Reply: reply, Stage: stage, Reason: "no answer", Remote: "relay.example",
					Address: "127.0.0.2", Arrived: noon(), Tried: noon()}
				bounce, err := p.Bounce.Write(host(), original, "alice@corp.example", []Failure{f, f}, NewIDs(1), noon())
				if err != nil {
					t.Fatalf("%s: %v", told, err)
				}
				for _, part := range []string{"bob@example.net", "alice@corp.example"} {
					if !strings.Contains(string(bounce), part) {
						t.Errorf("%s: %s isn't in the bounce:\n%s", told, part, bounce)
					}
				}
				f.Delayed = true
				warning, err := p.Bounce.Write(host(), original, "alice@corp.example", []Failure{f}, NewIDs(1), noon())
				if err != nil || (len(warning) > 0) != warns[server] {
					t.Errorf("%s: the warning is %q, %v", told, warning, err)
				}
			}
		}
	}
}
