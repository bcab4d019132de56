package session

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/fakes/relay"
)

// manner reads the section session of a profile.
func manner(t testing.TB, name string) *Manner {
	t.Helper()
	data, err := os.ReadFile("../profiles/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "# --- session:")
	section, _, _ = strings.Cut(section, "# --- retry:")
	_, section, _ = strings.Cut(section, "\n")
	var profile struct {
		Session Manner `yaml:"session"`
	}
	if err := yaml.UnmarshalWithOptions([]byte(section), &profile, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &profile.Session
}

// names are the servers that have a profile.
func names(t testing.TB) []string {
	files, err := filepath.Glob("../profiles/*.yaml")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d profiles, %v", len(files), err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".yaml")
	}
	return files
}

// recorded is a transcript of a real server.
type recorded struct {
	server, name, sink string
	sessions           []sent
	text               string
}

// sent is what one connection of it carried.
type sent struct {
	envelopes []Envelope
	quits     bool
}

// A real server's wire comes out of its fake again, octet by octet but for what normal leaves out.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("../testdata/transcripts/*-*.txt")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := parseTranscript(string(data))
			got := play(t, r)
			if diff := cmp.Diff(strings.Split(normal(r.text), "\n"), strings.Split(normal(got), "\n")); diff != "" {
				t.Errorf("real (-) and fake (+):\n%s", diff)
			}
		})
	}
}

// play has the fake say what was sent, a connection after the other, and gives the relay's transcript.
func play(t *testing.T, r recorded) string {
	times := strings.Count(r.text, "S: 450") // of which the sink tells how many are left
	script, err := relay.ParseScript(strings.Replace(r.sink, `gsmtp", 0]`, fmt.Sprintf(`gsmtp", %d]`, times), 1))
	if err != nil {
		t.Fatal(err)
	}
	peer, err := relay.Start(context.Background(), relay.Options{Script: *script})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	server := r.server
	if server == "postfix-notls" { // stands for it
		server = "osx"
	}
	o := Options{Manner: manner(t, server), Host: "mail.corp.example", Dial: dialTo(peer.Address())}
	if strings.HasSuffix(r.name, "k_auth") {
		o.User, o.Password = "relayuser@corp.example", "s3cret"
		o.TLS = trusting(peer)
		if r.server == "exim" { // which was told to trust the sink
			script.Certificate = relay.Trusted
			if err := peer.SetScript(*script); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, connection := range r.sessions {
		playOne(t, o, connection)
	}
	if err := peer.Await(context.Background(), ended); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := peer.WriteTranscript(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func playOne(t *testing.T, o Options, connection sent) {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	after, by := s.Idle()
	for i, e := range connection.envelopes {
		next := Another
		switch {
		case i+1 < len(connection.envelopes):
		case !connection.quits || after > 0 && by == ByQuit: // kept, then ended
			next = Perhaps
		default:
			next = Nothing
		}
		fates, again, err := s.Send(context.Background(), e, next)
		if err != nil || len(fates) != len(e.Recipients) || again == (next == Nothing) {
			t.Fatalf("message %d: %v, again %v, %v", i, fates, again, err)
		}
	}
	s.End(by)
}

func dialTo(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", address)
	}
}

// What can't be the same twice: times, ids of the relay's, the cipher.
var (
	times  = regexp.MustCompile(`(?m) t=\+[\d.]+s`)
	sinks  = regexp.MustCompile(`sink\d{6}|sink-[\da-z]+`)
	notes  = regexp.MustCompile(`(?m)^# (TLS|\(\d|AUTH|recv|postfix|sendmail|exim|qmail|mta|case|inject|sink|note).*\n`)
	clocks = regexp.MustCompile(`OK \d{10} `)
)

func normal(text string) string {
	for _, left := range []*regexp.Regexp{times, sinks, notes, clocks} {
		text = left.ReplaceAllString(text, "")
	}
	return text
}

var (
	mailLine = regexp.MustCompile(`(?i)^C: MAIL FROM:<(.*?)>(?: SIZE=(\d+))?`)
	rcptLine = regexp.MustCompile(`(?i)^C: RCPT TO:<(.*)>`)
	bdatLine = regexp.MustCompile(`^C: BDAT (\d+) LAST`)
)

// parseTranscript reads what was sent out of a transcript.
func parseTranscript(text string) recorded {
	r := recorded{text: text}
	var e *Envelope
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "# mta: "):
			r.server = line[7:]
		case strings.HasPrefix(line, "# case: "):
			r.name = line[8:]
		case strings.HasPrefix(line, "# sink: "):
			r.sink = line[8:]
		case strings.Contains(line, "--- connection") && strings.Contains(line, "opened"):
			r.sessions = append(r.sessions, sent{})
		case strings.Contains(line, "closed") && strings.HasSuffix(line, "QUIT") && strings.HasPrefix(line, "---"):
			r.sessions[len(r.sessions)-1].quits = true
		case mailLine.MatchString(line):
			at := &r.sessions[len(r.sessions)-1].envelopes
			*at = append(*at, r.envelope(mailLine.FindStringSubmatch(line)))
			e = &(*at)[len(*at)-1]
		case rcptLine.MatchString(line):
			to := rcptLine.FindStringSubmatch(line)[1]
			if r.server == "sendmail" {
				e.Recipients = append([]string{to}, e.Recipients...)
			} else {
				e.Recipients = append(e.Recipients, to)
			}
		case bdatLine.MatchString(line), line == "S: 354 Go ahead":
			i = e.content(lines, i+1, bdatLine.MatchString(line))
		}
	}
	// a connection that was given up before it carried anything is the next one's other half
	for i := len(r.sessions) - 1; i >= 0; i-- {
		if len(r.sessions[i].envelopes) == 0 {
			r.sessions = append(r.sessions[:i], r.sessions[i+1:]...)
		}
	}
	return r
}

// envelope begins one. Its content is as long as SIZE says, until it is seen.
func (r *recorded) envelope(mail []string) Envelope {
	e := Envelope{Sender: mail[1], Bounce: mail[1] == "" && r.name != "e_null1"}
	e.Queued = strings.HasPrefix(r.name, "f_") || strings.HasPrefix(r.name, "h_")
	size, _ := strconv.Atoi(mail[2])
	e.Content, e.Received = bytes.Repeat([]byte("x"), size), int64(size)
	return e
}

// content reads a content from line i on, and gives the line at which it ends.
func (e *Envelope) content(lines []string, i int, chunked bool) int {
	first, all := 0, []string(nil)
	for ; !strings.HasPrefix(lines[i], "S: ") && lines[i] != "C: ." && !strings.HasPrefix(lines[i], "# ("); i++ {
		line := strings.TrimPrefix(lines[i], "C: ")
		if !chunked {
			if strings.HasPrefix(line, "..") {
				line = line[1:]
			}
		}
		all = append(all, line)
		if first == len(all)-1 && (first == 0 || strings.HasPrefix(line, "\t")) { // the first Received
			first++
		}
	}
	e.Content = []byte(strings.Join(all, "\r\n"))
	if !chunked {
		e.Content = append(e.Content, "\r\n"...)
	}
	if e.Received > 0 {
		e.Received = int64(len(strings.Join(all[first:], "\r\n")) + 2)
	}
	return i - 1
}
