package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/relayspec/relayspec/fakes/memnet"
	"github.com/relayspec/relayspec/reference/policy"
)

// version2 is a header of version 2.
func version2(t *testing.T, command proxyproto.ProtocolVersionAndCommand, protocol proxyproto.AddressFamilyAndProtocol, source, destination net.Addr) string {
	t.Helper()
	header, err := (&proxyproto.Header{Version: 2, Command: command, TransportProtocol: protocol, SourceAddr: source, DestinationAddr: destination}).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(header)
}

func tcpAddr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

// proxied serves behind proxies of 2001:db8::/64, which is where dialled dials from, and keeps the events.
func proxied(t *testing.T, c Config) (func() (*memnet.Conn, *bufio.Reader), func() Event) {
	var mu sync.Mutex
	var last Event
	c.Engine = discarding{}
	c.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/64")}
	c.Events = func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		last = e
	}
	_, dial := dialled(t, c)
	return dial, func() Event {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return last
	}
}

func TestProxyHeaders(t *testing.T) {
	unixAddr := &net.UnixAddr{Net: "unix", Name: "/run/x"}
	for name, tt := range map[string]struct{ header, peer string }{
		"version 1":             {"PROXY TCP4 192.0.2.7 192.0.2.25 56324 25\r\n", "192.0.2.7"},
		"version 1, IPv6":       {"PROXY TCP6 2001:db8:7::1 2001:db8::25 56324 25\r\n", "2001:db8:7::1"},
		"version 1, UNKNOWN":    {"PROXY UNKNOWN\r\n", "2001:db8::1"},
		"UNKNOWN, and more":     {"PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n", "2001:db8::1"},
		"version 2":             {version2(t, proxyproto.PROXY, proxyproto.TCPv4, tcpAddr("192.0.2.7:1"), tcpAddr("192.0.2.25:25")), "192.0.2.7"},
		"version 2, IPv6":       {version2(t, proxyproto.PROXY, proxyproto.TCPv6, tcpAddr("[2001:db8:7::1]:1"), tcpAddr("[2001:db8::25]:25")), "2001:db8:7::1"},
		"version 2, mapped":     {version2(t, proxyproto.PROXY, proxyproto.TCPv6, tcpAddr("[::ffff:192.0.2.7]:1"), tcpAddr("[2001:db8::25]:25")), "192.0.2.7"},
		"version 2, LOCAL":      {version2(t, proxyproto.LOCAL, proxyproto.UNSPEC, nil, nil), "2001:db8::1"},
		"none":                  {"EHLO mail.example.com\r\n", ""},
		"garbled":               {"PROXY TCP4 192.0.2.7 192.0.2 56324 25\r\n", ""},
		"of another family":     {"PROXY TCP4 2001:db8:7::1 2001:db8::25 56324 25\r\n", ""},
		"no CR":                 {"PROXY TCP4 192.0.2.7 192.0.2.25 56324 25\n", ""},
		"too long":              {"PROXY " + strings.Repeat("x", 200) + "\r\n", ""},
		"version 2, cut off":    {"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00", ""},
		"version 2, no version": {"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x19\x00\x01\x00\x19", ""},
		"version 2, a socket":   {version2(t, proxyproto.PROXY, proxyproto.UnixStream, unixAddr, unixAddr), ""},
		"nothing":               {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, last := proxied(t, Config{})
				conn, lines := dial()
				fmt.Fprint(conn, tt.header)
				if tt.peer == "" {
					if got, err := lines.ReadString('\n'); err == nil || got != "" {
						t.Fatalf("got %q, %v", got, err)
					}
					if e := last(); e.Code != 0 || e.Rule != ruleProxy || e.Stage != "proxy" || e.Cause == "" || e.Peer != "2001:db8::1" {
						t.Errorf("%+v", e)
					}
					return
				}
				want(t, lines, "220 ")
				if e := last(); e.Peer != tt.peer {
					t.Errorf("the peer is %s", e.Peer)
				}
				fmt.Fprint(conn, "EHLO mail.example.com\r\n")
				want(t, lines, "250-smtp-relay.gmail.com at your service, ["+tt.peer+"]\r\n")
			})
		})
	}
}

// What comes in one segment with the header is read, whatever the header's version.
func TestProxyHeaderWithCommands(t *testing.T) {
	for _, header := range []string{"PROXY TCP4 192.0.2.7 192.0.2.25 56324 25\r\n", version2(t, proxyproto.PROXY, proxyproto.TCPv4, tcpAddr("192.0.2.7:1"), tcpAddr("192.0.2.25:25"))} {
		synctest.Test(t, func(t *testing.T) {
			dial, _ := proxied(t, Config{})
			conn, lines := dial()
			fmt.Fprint(conn, header+"HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"+strings.Repeat("x\r\n", 1000)+".\r\nQUIT\r\n")
			for _, code := range []string{"220", "250", "250", "250", "354", "250", "221"} {
				want(t, lines, code)
			}
			if _, err := lines.ReadByte(); err != io.EOF {
				t.Error(err)
			}
		})
	}
}

func TestProxyHeaderLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, last := proxied(t, Config{})
		conn, lines := dial()
		began := time.Now()
		fmt.Fprint(conn, "\r\n\r\n\x00\r\nQU") // version 2 may come in pieces
		if _, err := lines.ReadByte(); err != io.EOF {
			t.Error(err)
		}
		if d := time.Since(began); d != defaultProxy || last().Rule != ruleProxy {
			t.Errorf("%v, %+v", d, last())
		}
	})
}

// TLS goes over what is left behind the header, from the start or by STARTTLS.
func TestProxyUnderTLS(t *testing.T) {
	for _, role := range []policy.Role{policy.Port465, policy.Port587} {
		synctest.Test(t, func(t *testing.T) {
			s := mustServer(t, Config{Engine: discarding{}, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("::/0")},
				TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}})
			l := memnet.Listen(here)
			served := make(chan error, 1)
			go func() { served <- s.Serve(l, role) }()
			defer func() { s.Close(); <-served }()
			conn, err := l.Dial(there)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, "PROXY TCP4 192.0.2.7 192.0.2.25 56324 25\r\n")
			if role == policy.Port587 {
				lines := bufio.NewReader(conn)
				want(t, lines, "220 ")
				fmt.Fprint(conn, "HELO a\r\nSTARTTLS\r\n")
				want(t, lines, "250 ")
				want(t, lines, "220 ")
			}
			secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			lines := bufio.NewReader(secured)
			if role == policy.Port465 {
				want(t, lines, "220 ")
			}
			fmt.Fprint(secured, "EHLO a\r\n")
			want(t, lines, "250-smtp-relay.gmail.com at your service, [192.0.2.7]\r\n")
		})
	}
}

// Nobody else's header sets an address: it is a bad command, or two or three.
func TestProxyHeaderOfOthers(t *testing.T) {
	for _, header := range []string{"PROXY TCP4 192.0.2.7 192.0.2.25 56324 25\r\n", version2(t, proxyproto.PROXY, proxyproto.TCPv4, tcpAddr("10.11.12.13:1"), tcpAddr("192.0.2.25:25"))} {
		for _, from := range [][]netip.Prefix{nil, {netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::ffff:0:0/96")}} {
			synctest.Test(t, func(t *testing.T) {
				_, dial := dialled(t, Config{Engine: discarding{}, ProxyFrom: from})
				conn, lines := dial()
				want(t, lines, "220 ")
				fmt.Fprint(conn, header+"\r\nEHLO a\r\n")
				for {
					line, err := lines.ReadString('\n')
					if err != nil {
						t.Fatal(err)
					}
					if strings.HasPrefix(line, "250-smtp") {
						if line != "250-smtp-relay.gmail.com at your service, [2001:db8::1]\r\n" {
							t.Errorf("%q", line)
						}
						return
					}
					if line[0] != '5' {
						t.Fatalf("%q", line)
					}
				}
			})
		}
	}
}

// A server that drains, or is full, doesn't wait for a header.
func TestProxyAndShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, _ := proxied(t, Config{MaxSessions: 1})
		_, silent := dial()
		_, refused := dial()
		want(t, refused, "421 4.4.5 ")
		if _, err := silent.ReadByte(); err != io.EOF {
			t.Error(err)
		}
	})
}

// draining is a connection whose server is told to drain just before the n-th deadline is set.
type draining struct {
	net.Conn
	n     int
	drain func()
}

func (c *draining) SetReadDeadline(t time.Time) error {
	if c.n--; c.n == 0 {
		go c.drain()
		synctest.Wait() // it has interrupted
	}
	return c.Conn.SetReadDeadline(t)
}

// drainingListener accepts draining connections.
type drainingListener struct {
	net.Listener
	drain func()
}

func (l *drainingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &draining{Conn: conn, n: 1, drain: l.drain}, nil
}

// An interruption isn't lost, whenever it comes, and no header is blamed for it.
func TestProxyInterrupted(t *testing.T) {
	for name, late := range map[string]bool{"before the deadline is set": false, "while a header is awaited": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []Event // by one session, which is over before they are read
				s := mustServer(t, Config{Engine: discarding{}, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("::/0")},
					Events: func(e Event) { told = append(told, e) }})
				l := memnet.Listen(here)
				shut := func() { s.Shutdown(context.Background()) }
				accepted := net.Listener(&drainingListener{l, shut})
				if late {
					accepted = l
				}
				go s.Serve(accepted, policy.Port25)
				conn, err := l.Dial(there)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				began := time.Now()
				if late {
					synctest.Wait()
					go shut()
				}
				if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("%d octets, %v", n, err)
				}
				synctest.Wait()
				if d := time.Since(began); d >= defaultProxy {
					t.Errorf("it went on for %v", d)
				}
				if len(told) != 1 || told[0].Rule != "" || !strings.Contains(told[0].Cause, errDraining.Error()) {
					t.Errorf("%+v", told)
				}
			})
		})
	}
}

// What goes wrong behind a good header isn't the header's.
func TestProxyStageEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Event // by one session, which is over before they are read
		s := mustServer(t, Config{Engine: discarding{}, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("::/0")},
			TLS:    &tls.Config{Certificates: []tls.Certificate{certificate(t)}},
			Events: func(e Event) { told = append(told, e) }})
		l := memnet.Listen(here)
		go s.Serve(l, policy.Port465)
		conn, err := l.Dial(there)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "PROXY TCP4 192.0.2.7 192.0.2.25 56324 25\r\nEHLO a\r\n")
		synctest.Wait()
		conn.Close()
		s.Close()
		if len(told) != 1 || told[0].Stage != "" || !strings.Contains(told[0].Cause, "TLS handshake") {
			t.Errorf("%+v", told)
		}
	})
}
