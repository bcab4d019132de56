package features

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/relayspec/relayspec/features/target"
	reference "github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reports"
)

// Every probe finds what is there: a probe that is never right would be no probe.
func TestTheReferenceHasNoDrift(t *testing.T) {
	relay, closer, err := reference.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if rows := Drift(t.Context(), relay); len(rows) > 0 {
		t.Errorf("drift: %v", rows)
	}
	l := &look{scenario: newScenario(judged{target: relay, namespace: "t1"})}
	l.advertise(t.Context())
	l.declare()
	if l.roles, err = l.cast(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.try(t.Context())
	want := map[target.Capability]reports.Seen{}
	for c := range probes() {
		if declares(relay.Describe(), c) {
			want[c] = reports.Present
		}
	}
	if diff := cmp.Diff(want, l.probed); diff != "" {
		t.Errorf("probed (-want +got):\n%s\n%v", diff, l.said)
	}
}

// lossy is a target that announces and declares what it likes, and knows nothing but the plain protocol.
type lossy struct {
	address   string
	declared  []target.Capability
	announced []string
	refused   string // an address whose sessions are turned away
}

func (l *lossy) Describe() target.Description {
	return target.Description{Name: "lossy", Driver: "static", Capabilities: l.declared}
}

func (l *lossy) Address(role target.Role) string {
	if role == target.Port25 {
		return l.address
	}
	return ""
}

func (l *lossy) Roles() target.Roles {
	return target.Roles{Client: "client.example", Sender: "a@b.example", Recipients: []string{"*@c.example"}}
}

func (l *lossy) Doubts() []target.Doubt {
	return []target.Doubt{{Verb: target.CanClock, Certain: true, Why: "it stands still"}, {Verb: target.CanApply, Why: "nobody can see"}}
}

// serve answers sessions until the listener is closed.
func (l *lossy) serve(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l.address = listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.session(conn)
		}
	}()
}

func (l *lossy) session(conn net.Conn) {
	defer conn.Close()
	if from := conn.RemoteAddr().(*net.TCPAddr); from.IP.String() == l.refused {
		fmt.Fprint(conn, "554 5.7.1 not you\r\n")
		return
	}
	fmt.Fprint(conn, "220 hello\r\n")
	for in := bufio.NewScanner(conn); in.Scan(); {
		line := in.Text()
		switch verb, _, _ := strings.Cut(line, " "); {
		case verb == "EHLO":
			fmt.Fprintf(conn, "250-lossy\r\n250-%s\r\n250 HELP\r\n", strings.Join(l.announced, "\r\n250-"))
		case verb == "MAIL" && strings.Contains(line, "SIZE"), verb == "AUTH", verb == "BDAT", verb == "STARTTLS":
			fmt.Fprint(conn, "504 not that\r\n")
		default:
			fmt.Fprint(conn, "250 fine\r\n")
		}
	}
}

func TestDriftTellsWhatDoesNotAgree(t *testing.T) {
	relay := &lossy{
		declared:  []target.Capability{target.CanApply, target.CanClock, target.ExtDSN, target.ExtSize, target.ExtEnhanced, target.ExtChunking},
		announced: []string{"SIZE 1000", "AUTH LOGIN", "PIPELINING", "CHUNKING", "ENHANCEDSTATUSCODES", "X-OTHER"},
	}
	relay.serve(t)
	var got []string
	for _, row := range Drift(t.Context(), relay) {
		got = append(got, row.String())
	}
	const notDeclared = "it is announced, but not declared: it is judged where the driver takes what is announced for declared; declare it too"
	want := []string{
		"size: declared yes, announced yes, tried no: it is announced, and doesn't work: MAIL with SIZE=1000: 504 not that; mend it, or announce it no more",
		"pipelining: declared no, announced yes, tried yes: " + notDeclared,
		"chunking: declared yes, announced yes, tried no: it is announced, and doesn't work: BDAT: 504 not that; mend it, or announce it no more",
		"enhancedstatuscodes: declared yes, announced yes, tried no: it is announced, and doesn't work: MAIL: 250 fine; mend it, or announce it no more",
		"dsn: declared yes, announced no, tried yes: it works, but no reply to EHLO announces it: clients won't use it; announce it",
		"auth: declared no, announced yes, tried not seen: " + notDeclared,
		"auth-login: declared no, announced yes, tried no: it is announced, and doesn't work: AUTH LOGIN: 504 not that; mend it, or announce it no more",
		"clock: declared yes, announced not seen, tried no: it stands still",
		"world: declared yes, announced not seen, tried not seen: nobody can see",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	relay.declared = nil // of who declares no extension nothing is known: what is announced is no drift
	if rows := Drift(t.Context(), relay); len(rows) != 6 {
		t.Errorf("%d rows, want those of what doesn't work and of the doubts: %v", len(rows), rows)
	}
}

func TestDriftTellsARefusalAsTheRelaySaysIt(t *testing.T) {
	relay := &lossy{declared: []target.Capability{target.SourceIPv4}, refused: "127.0.0.9"}
	relay.serve(t)
	const want = "source-address: declared yes, announced not seen, tried no: it is declared, and wasn't to be seen: a session from 127.0.0.9: refused: 554 5.7.1 not you; "
	var got []string
	for _, row := range Drift(t.Context(), relay) {
		got = append(got, row.String())
	}
	if !slices.ContainsFunc(got, func(row string) bool { return strings.HasPrefix(row, want) }) {
		t.Errorf("no row begins with %q: %q", want, got)
	}
}

func TestDriftAnswersSoonWhereTheRelayDoesNot(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // nobody accepts
	relay := &lossy{address: listener.Addr().String(), declared: []target.Capability{target.ExtSize}}
	ctx, cancel := context.WithTimeout(t.Context(), replyTimeout/40)
	defer cancel()
	for _, row := range Drift(ctx, relay) {
		if row.Capability == string(target.ExtSize) {
			t.Errorf("a row of what nobody saw: %v", row)
		}
	}
}
