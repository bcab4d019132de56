package fidelity

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/fakes/mta/mail"
	"github.com/relayspec/relayspec/fakes/relay"
)

const (
	fullExt = `"ext": ["SIZE 157286400", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"]`
	tlsExt  = `"ext": ["SIZE 157286400", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"]`
	authExt = `"ext": ["SIZE 157286400", "8BITMIME", "STARTTLS", "AUTH LOGIN PLAIN", "PIPELINING", "CHUNKING"], "auth_after_tls": true`
)

// unseen are cases of which there is no transcript here. Source: sending-servers.md, the table of counts.
var unseen = map[string]struct {
	script string // what the relay does
	top    string // the words of the transcript's "# sink:", whose keys nobody here knows; "": there is no such line
	inject string // "1 via SMTP from <alice@corp.example> to 1"; "": this
}{
	"a_helofallback":  {script: `{"ehlo": "502 5.5.1 Unrecognized command"}`, top: `{"ext": [], "ehlo_ok": false}`},
	"b_nopipe":        {script: `{"ext": ["SIZE 157286400", "8BITMIME", "CHUNKING"]}`},
	"c_drop":          {script: `{"content_rules": [{"octets": 1, "close": true}]}`, top: `{"ext": [], "drop": "data"}`},
	"c_dropchunk":     {script: `{` + fullExt + `, "content_rules": [{"octets": 1, "close": true}]}`, top: `{` + fullExt + `, "drop": "data"}`},
	"c_ehlo421":       {script: `{"ehlo": [{"reply": "421 4.3.2 try later", "close": true}]}`, top: `{"ext": [], "ehlo_reply": "421 4.3.2 try later"}`},
	"c_greet421":      {script: `{"greeting": [{"reply": "421 4.3.2 try later", "close": true}]}`, top: `{"ext": [], "greet": "421"}`},
	"c_greet554":      {script: `{"greeting": "554 5.7.1 no"}`, top: `{"ext": [], "greet": "554"}`},
	"c_mail421":       {script: `{` + fullExt + `, "mail_rules": [{"match": "alice@*", "reply": "421 4.3.2 try later", "close": true}]}`, top: `{` + fullExt + `, "mail": {"alice": 421}}`},
	"c_mail550":       {script: `{` + fullExt + `, "mail_rules": [["alice@*", "550 5.7.1 not you"]]}`, top: `{` + fullExt + `, "mail_rules": "what is this?"}`},
	"c_data550_noext": {script: `{"data_rules": [["bob@*", "550-5.7.1 Daily\n550 5.7.1 limit"]]}`, top: ""},
	"d_3rcpt_noext":   {script: `{"rcpt_rules": [["r002@*", "550 5.4.5 Daily"]]}`, inject: "1 message(s) via SMTP from <alice@corp.example> to 3 rcpt"},
	"d_150rcpt":       {script: `{` + fullExt + `, "rcpt_rules": [["r077@*", "550 5.4.5 Daily"]]}`, inject: "1 message(s) via SMTP from <alice@corp.example> to 150 rcpt"},
	"d_150max100":     {script: `{` + fullExt + `, "max_rcpt": 100}`, top: `{` + fullExt + `, "max_rcpts": 100}`, inject: "1 message(s) via SMTP from <alice@corp.example> to 150 rcpt"},
	"e_null3":         {script: `{` + fullExt + `}`, inject: "1 message(s) via SMTP from <> to 3 rcpt"},
	"e_null3rej": {script: `{` + fullExt + `, "rcpt_rules": [{"skip": 1, "per": "transaction", "reply": "550 5.7.1 one recipient"}]}`, top: `{` + fullExt + `, "null_one": true}`,
		inject: "1 message(s) via SMTP from <> to 3 rcpt"},
	"f_burst40": {script: `{` + fullExt + `, "data_rules": [{"delay": "500ms"}]}`, top: `{` + fullExt + `, "data_delay": 0.5}`, inject: "40 message(s) via SMTP from <alice@corp.example> to 1 rcpt"},
	"f_seq5":    {script: `{` + fullExt + `}`, inject: "5 message(s) via SMTP from <alice@corp.example> to 1 rcpt"},
	"f_queue10_550": {script: `{` + fullExt + `, "rcpt_rules": [["bob@*", "550 5.4.5 Daily", 1]]}`, top: `{` + fullExt + `, "rcpt_rules": [["bob@*", "550 5.4.5 Daily", 0]]}`,
		inject: "10 message(s) via SMTP from <alice@corp.example> to 1 rcpt"},
	"f_queue10_noext":   {script: `{}`, inject: "10 message(s) via SMTP from <alice@corp.example> to 1 rcpt"},
	"f_queue10_tls":     {script: `{` + tlsExt + `}`, inject: "10 message(s) via SMTP from <alice@corp.example> to 1 rcpt"},
	"g_shorthost":       {script: `{}`},
	"h_retry_conn":      {script: `{"greeting": [{"reply": "421 4.3.2 try later", "close": true}]}`, top: `{"ext": [], "greet": "421"}`},
	"j_smtp_nohdr":      {script: `{` + fullExt + `}`},
	"k_auth535":         {script: `{` + authExt + `, "auth": "535 5.7.8 no"}`, top: `{` + authExt + `, "auth_ok": false}`},
	"k_auth_loginfirst": {script: strings.Replace(`{`+authExt+`}`, "LOGIN PLAIN", "PLAIN LOGIN", 1)},
	"u_8bit":            {script: `{` + fullExt + `}`},
	"u_8bit_noext":      {script: `{}`},
	"u_longline":        {script: `{` + fullExt + `}`},
}

// tableOfCounts is what was counted of the real servers in these cases: connections, MAIL and RCPT commands, RSET and BDAT, and how
// connections ended; without what hangs on timing, connections at once and messages a connection. "-": nothing was, or all of
// it hangs on timing. Source: sending-servers.md, the table of counts.
var tableOfCounts = map[string]map[string]string{
	"a_helofallback":    {"postfix": "1c/1m/1r QUIT1", "sendmail": "1c/1m/1r QUIT1", "exim": "1c/1m/1r QUIT1", "qmail": "1c/1m/1r QUIT1"},
	"b_nopipe":          {"postfix": "1c/1m/1r QUIT1", "sendmail": "1c/1m/1r QUIT1", "exim": "1c/1m/1r QUIT1", "qmail": "1c/1m/1r QUIT1"},
	"c_data550_noext":   {"postfix": "2c/2m/2r QUIT2", "sendmail": "1c/2m/2r RSET1 QUIT1", "exim": "2c/2m/2r QUIT2", "qmail": "2c/2m/2r QUIT2"},
	"c_drop":            {"postfix": "1c/1m/1r serv1", "sendmail": "1c/1m/1r serv1", "exim": "1c/1m/1r serv1", "qmail": "1c/1m/1r serv1"},
	"c_ehlo421":         {"postfix": "1c/0m/0r serv1", "sendmail": "1c/0m/0r serv1", "exim": "1c/0m/0r serv1", "qmail": "1c/1m/1r QUIT1"},
	"c_greet421":        {"postfix": "1c/0m/0r serv1", "sendmail": "1c/0m/0r serv1", "exim": "1c/0m/0r serv1", "qmail": "1c/0m/0r serv1"},
	"c_greet554":        {"postfix": "1c/0m/0r QUIT1", "sendmail": "1c/0m/0r QUIT1", "exim": "1c/0m/0r QUIT1", "qmail": "1c/0m/0r QUIT1"},
	"c_mail421":         {"postfix": "1c/1m/0r serv1", "sendmail": "1c/1m/0r serv1", "exim": "1c/1m/0r serv1", "qmail": "1c/1m/0r serv1"},
	"c_mail550":         {"postfix": "2c/2m/2r RSET1 QUIT2", "sendmail": "1c/2m/1r RSET1 QUIT1", "exim": "2c/2m/2r BDAT2 QUIT2", "qmail": "2c/2m/1r QUIT2"},
	"d_150max100":       {"postfix": "3c/3m/150r EOF2+QUIT1", "sendmail": "1c/2m/150r RSET1 QUIT1", "exim": "2c/2m/150r BDAT2 QUIT2", "qmail": "150c/150m/150r QUIT150"},
	"d_150rcpt":         {"postfix": "4c/4m/151r EOF2+QUIT2", "sendmail": "1c/3m/151r RSET2 QUIT1", "exim": "3c/3m/151r BDAT3 QUIT3", "qmail": "151c/151m/151r QUIT151"},
	"d_3rcpt_noext":     {"postfix": "2c/2m/4r QUIT2", "sendmail": "1c/2m/4r RSET1 QUIT1", "exim": "2c/2m/4r QUIT2", "qmail": "4c/4m/4r QUIT4"},
	"e_null3":           {"postfix": "1c/1m/3r QUIT1", "sendmail": "1c/1m/3r QUIT1", "exim": "1c/1m/3r BDAT1 QUIT1", "qmail": "3c/3m/3r QUIT3"},
	"e_null3rej":        {"postfix": "1c/1m/3r QUIT1", "sendmail": "1c/1m/3r QUIT1", "exim": "1c/1m/3r BDAT1 QUIT1", "qmail": "3c/3m/3r QUIT3"},
	"f_queue10_noext":   {"postfix": "-", "sendmail": "1c/10m/10r RSET9 QUIT1", "exim": "10c/10m/10r QUIT10", "qmail": "10c/10m/10r QUIT10"},
	"f_queue10_550":     {"postfix": "-", "sendmail": "1c/11m/11r RSET11 QUIT1", "exim": "11c/11m/11r BDAT11 QUIT11", "qmail": "11c/11m/11r QUIT11"},
	"f_queue10_tls":     {"postfix": "10c/10m/10r QUIT10", "sendmail": "1c/10m/10r RSET9 QUIT1", "exim": "20c/10m/10r BDAT10 EOF10+QUIT10", "qmail": "10c/10m/10r QUIT10"},
	"f_seq5":            {"postfix": "5c/5m/5r QUIT5", "sendmail": "5c/5m/5r QUIT5", "exim": "5c/5m/5r BDAT5 QUIT5", "qmail": "5c/5m/5r QUIT5"},
	"g_shorthost":       {"postfix": "1c/1m/1r QUIT1", "sendmail": "1c/1m/1r QUIT1", "exim": "1c/1m/1r QUIT1", "qmail": "-"},
	"j_smtp_nohdr":      {"postfix": "1c/1m/1r QUIT1", "sendmail": "1c/1m/1r QUIT1", "exim": "1c/1m/1r BDAT1 QUIT1", "qmail": "1c/1m/1r QUIT1"},
	"k_auth535":         {"postfix": "1c/0m/0r QUIT1", "sendmail": "1c/1m/1r QUIT1", "exim": "1c/1m/1r BDAT1 QUIT1", "qmail": "1c/1m/1r QUIT1"},
	"k_auth_loginfirst": {"postfix": "1c/1m/1r QUIT1", "sendmail": "1c/1m/1r QUIT1", "exim": "1c/1m/1r BDAT1 QUIT1", "qmail": "1c/1m/1r QUIT1"},
	"u_8bit":            {"postfix": "1c/1m/1r QUIT1", "sendmail": "1c/1m/1r QUIT1", "exim": "1c/1m/1r BDAT1 QUIT1", "qmail": "1c/1m/1r QUIT1"},
	"u_8bit_noext":      {"postfix": "1c/1m/1r QUIT1", "sendmail": "1c/1m/1r QUIT1", "exim": "1c/1m/1r QUIT1", "qmail": "1c/1m/1r QUIT1"},
	"u_longline":        {"postfix": "1c/1m/1r QUIT1", "sendmail": "1c/1m/1r QUIT1", "exim": "-", "qmail": "1c/1m/1r QUIT1"},
}

// record has a fake meet a relay that does as the case says, and writes what it did as a transcript of a real server.
func record(t *testing.T, server, name string, change func([]mail.Submission)) string {
	t.Helper()
	c := unseen[name]
	script, err := relay.ParseScript(c.script)
	if err != nil {
		t.Fatal(err)
	}
	if c.inject == "" {
		c.inject = "1 message(s) via SMTP from <alice@corp.example> to 1 rcpt"
	}
	head := []string{server + ": made up", "mta: " + server, "case: " + name, "inject: " + c.inject}
	if c.top != "" {
		head = append(head, "sink: "+c.top)
	}
	known := strings.Join(head, "\n# ")
	r, err := Read(strings.NewReader("# "+known+"\n--- connection 1 opened\n--- connection 1 closed by server\n"), "made-up.txt")
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(name, "h_") {
		r.Sessions = make([]relay.Session, 5) // so many attempts
	}
	if strings.Contains(name, "trusted") || strings.HasPrefix(name, "k_") {
		script.Certificate = relay.Trusted
		r.Note = "trusted"
	}
	profile, err := mta.Load(server)
	if err != nil {
		t.Fatal(err)
	}
	p := &playing{Recording: r, clock: &movable{now: epoch}, change: change}
	played, err := p.with(t.Context(), script, profile)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	started := time.Now().Add(-time.Hour)
	if len(played.Sessions) > 0 {
		started = played.Sessions[0].Opened.Add(-time.Second)
	}
	if err := relay.WriteSessions(&b, started, played.Sessions, head...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// counts is a transcript's line in the table of counts, as far as it is compared.
func counts(r *Recording) string {
	verbs, ends := map[string]int{}, map[relay.Ending]int{}
	for _, s := range r.Sessions {
		for _, verb := range s.Commands(false) {
			verbs[verb]++
		}
		ends[s.End]++
	}
	text := fmt.Sprintf("%dc/%dm/%dr", len(r.Sessions), verbs["MAIL"], verbs["RCPT"])
	for _, verb := range []string{"RSET", "BDAT"} {
		if verbs[verb] > 0 {
			text += fmt.Sprintf(" %s%d", verb, verbs[verb])
		}
	}
	var ways []string
	for _, way := range []relay.Ending{relay.ByEOF, relay.ByQuit, relay.ByServer} {
		if ends[way] > 0 {
			ways = append(ways, fmt.Sprintf("%.4s%d", way, ends[way]))
		}
	}
	return text + " " + strings.Join(ways, "+")
}

// unusual puts what u_8bit and u_longline are about into the messages.
func unusual(name string) func([]mail.Submission) {
	body := ""
	switch {
	case strings.HasPrefix(name, "u_8bit"):
		body = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe = x\r\n"
	case strings.HasPrefix(name, "u_longline"):
		body = "\r\n" + strings.Repeat("0123456789", 250) + "\r\nlast line\r\n"
	default:
		return nil
	}
	return func(all []mail.Submission) {
		for i := range all {
			head, _, _ := bytes.Cut(all[i].Content, []byte("\r\n\r\n"))
			all[i].Content = append(append(head, "\r\n"...), body...)
		}
	}
}

// Transcripts of cases that nobody here has seen, whose relay is described in words that nobody here knows, are played as
// they were recorded; and what the fakes do in them is what was counted of the real servers.
func TestCasesThatWereNotSeen(t *testing.T) {
	for name := range unseen {
		for _, server := range []string{"postfix", "sendmail", "exim", "qmail"} {
			if server == "exim" && name == "u_longline" {
				continue // it refuses the message when it is submitted
			}
			t.Run(name+" "+server, func(t *testing.T) {
				t.Parallel()
				text := record(t, server, name, unusual(name))
				file := filepath.Join(t.TempDir(), server+"-"+name+".txt")
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				r, err := ReadFile(file)
				if err != nil {
					t.Fatalf("%v in\n%s", err, text)
				}
				if want := tableOfCounts[name][server]; want != "" && want != "-" && counts(r) != want {
					t.Errorf("%s, of the real server %s were counted", counts(r), want)
				}
				report, err := Judge(t.Context(), []string{file}, Options{})
				if err != nil {
					t.Fatal(err)
				}
				result := report.Results[0]
				for _, d := range result.Differences {
					if d.Counts || (d.Kind == Text || d.Kind == Missing) && name != "f_queue10_550" { // in that case it is timing that says which message is refused
						t.Error(d)
					}
				}
				if result.Error != "" {
					t.Error(result.Error)
				}
				if t.Failed() {
					t.Logf("%.6000s", text)
				}
			})
		}
	}
}
