package main

import (
	"bufio"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relayspec/relayspec/fakes/memnet"
	"github.com/relayspec/relayspec/reference"
	"github.com/relayspec/relayspec/simulator/control"
)

// steeredInMemory serves the API of an Engine over a network in memory, in the bubble of t, and gives a connection to it.
func steeredInMemory(t *testing.T) *memnet.Conn {
	t.Helper()
	files := &serve{}
	rules, err := files.service()
	if err != nil {
		t.Fatal(err)
	}
	files.Steering = steering{Control: "127.0.0.1:0", ControlToken: "t"}
	world, err := files.world()
	if err != nil {
		t.Fatal(err)
	}
	o := reference.Options{Service: rules, Directory: world}
	api, err := files.Steering.open(&o, control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := reference.NewEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	api.listener.Close()
	at := netip.MustParseAddrPort("127.0.0.1:8025")
	listener := memnet.Listen(at)
	api.listener = listener
	api.steer(engine, nil)
	t.Cleanup(api.close)
	conn, err := listener.Dial(netip.MustParseAddrPort("127.0.0.1:40000"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// closedAfter is how long it takes until the API closes the connection, and what came before that.
func closedAfter(t *testing.T, conn *memnet.Conn) (time.Duration, string) {
	t.Helper()
	began := time.Now()
	conn.SetReadDeadline(began.Add(24 * time.Hour))
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("it isn't closed: %v", err)
	}
	return time.Since(began), string(text)
}

func TestTheAPIClosesAConnectionThatIsSilent(t *testing.T) {
	for name, c := range map[string]struct {
		said string
		want time.Duration
	}{
		"between two requests":  {"GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\n", idleTime},
		"before the first one":  {"", headerTime},
		"in the head of one":    {"GET /v1/healthz HTTP/1.1\r\nHost: x\r\n", headerTime},
		"in the head of a next": {"GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /v1", headerTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := steeredInMemory(t)
				io.WriteString(conn, c.said)
				if took, said := closedAfter(t, conn); took != c.want {
					t.Errorf("closed after %s, want %s: %s", took, c.want, said)
				}
			})
		})
	}
}

func TestTheAPIDoesNotCutAStreamOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := steeredInMemory(t)
		io.WriteString(conn, "GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n")
		began, in := time.Now(), bufio.NewReader(conn)
		conn.SetReadDeadline(began.Add(10 * idleTime))
		for time.Since(began) < 5*idleTime {
			line, err := in.ReadString('\n')
			if err != nil || strings.HasPrefix(line, "HTTP/1.1 ") && !strings.HasPrefix(line, "HTTP/1.1 200 ") {
				t.Fatalf("after %s: %q %v", time.Since(began), line, err)
			}
		}
	})
}
