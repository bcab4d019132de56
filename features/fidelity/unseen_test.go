package fidelity

import (
	"bytes"
	"encoding/json"
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

// unseen is a case of which there is no transcript here, with what was counted of the real servers in it: connections, MAIL and
// RCPT commands, RSET and BDAT, and how connections ended; what hangs on timing left out.
// Source: sending-servers.md, the table of counts.
type unseen struct {
	Case   string            `json:"case"`
	Inject string            `json:"inject"` // "": one message to one recipient
	Script json.RawMessage   `json:"script"` // what the relay does
	Sink   string            `json:"sink"`   // how a transcript tells of that, in keys that nobody here knows; "": it doesn't
	Counts map[string]string `json:"counts"`
	Only   []string          `json:"only"` // servers; none: all four
}

// unseenCases reads them.
func unseenCases(t *testing.T) []unseen {
	t.Helper()
	text, err := os.ReadFile("testdata/unseen.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []unseen
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 30 {
		t.Fatalf("%d cases", len(all))
	}
	return all
}

// record has a fake meet a relay that does as the case says, and writes what it did as a transcript of a real server.
func (c unseen) record(t *testing.T, server string) string {
	t.Helper()
	script, err := relay.ParseScript(string(c.Script))
	if err != nil {
		t.Fatal(err)
	}
	if c.Inject == "" {
		c.Inject = "1 message(s) via SMTP from <alice@corp.example> to 1 rcpt"
	}
	head := []string{server + ": made up", "mta: " + server, "case: " + c.Case, "inject: " + c.Inject}
	if c.Sink != "" {
		head = append(head, "sink: "+c.Sink)
	}
	known := strings.Join(head, "\n# ")
	r, err := Read(strings.NewReader("# "+known+"\n--- connection 1 opened\n--- connection 1 closed by server\n"), "made-up.txt")
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(c.Case, "h_") {
		r.Sessions = make([]relay.Session, 5) // so many attempts
	}
	if strings.Contains(c.Case, "trusted") || strings.HasPrefix(c.Case, "k_") {
		script.Certificate = relay.Trusted
		r.Note = "trusted"
	}
	profile, err := mta.Load(server)
	if err != nil {
		t.Fatal(err)
	}
	p := &playing{Recording: r, clock: mta.NewMovable(epoch), change: unusual(c.Case)}
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
	folder := t.TempDir()
	t.Run("recorded", func(t *testing.T) {
		for _, c := range unseenCases(t) {
			servers := c.Only
			if len(servers) == 0 {
				servers = []string{"postfix", "sendmail", "exim", "qmail"}
			}
			for _, server := range servers {
				t.Run(c.Case+" "+server, func(t *testing.T) {
					t.Parallel()
					c.keep(t, folder, server)
				})
			}
		}
	})
	files, err := Transcripts(folder)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Judge(t.Context(), files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range report.Results {
		name := result.Server + " " + result.Case
		for _, d := range result.Differences {
			words := d.Kind == Text || d.Kind == Missing
			if d.Counts || words && result.Case != "f_queue10_550" { // in which timing says which message is refused
				t.Errorf("%s: %s", name, d)
			}
		}
		if result.Error != "" {
			t.Errorf("%s: %s", name, result.Error)
		}
	}
}

// keep records the case, and compares what is counted in it.
func (c unseen) keep(t *testing.T, folder, server string) {
	t.Helper()
	text := c.record(t, server)
	file := filepath.Join(folder, server+"-"+c.Case+".txt")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := ReadFile(file)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if want := c.Counts[server]; want != "" && counts(r) != want {
		t.Errorf("%s, of the real server %s were counted, in\n%.4000s", counts(r), want, text)
	}
}
