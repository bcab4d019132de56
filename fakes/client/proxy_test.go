package client

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

// greetWhom greets every session with the address that its PROXY header gives, over listener.
func greetWhom(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			fmt.Fprintf(conn, "220 %s\r\n", conn.RemoteAddr())
			bufio.NewReader(conn).ReadString('\n')
		}()
	}
}

func TestASessionCanBeginWithAPROXYHeader(t *testing.T) {
	plain, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &proxyproto.Listener{
		Listener: plain, ReadHeaderTimeout: 5 * time.Second,
		ConnPolicy: func(proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) { return proxyproto.REQUIRE, nil },
	}
	defer listener.Close()
	go greetWhom(listener)
	for _, version := range []int{1, 2} {
		for _, source := range []string{"192.0.2.7", "2001:db8::7", ""} {
			d := &Dialer{Address: plain.Addr().String(), Proxy: version, Timeout: 5 * time.Second}
			want := "127.0.0.1"
			if source != "" {
				d.Source, want = netip.MustParseAddr(source), source
			}
			c, err := d.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			greeting, err := c.ReadReply()
			if err != nil {
				t.Fatal(err)
			}
			got, err := netip.ParseAddrPort(greeting.Text())
			if err != nil || got.Addr().String() != want {
				t.Errorf("version %d from %q: the server sees %q, want %s", version, source, greeting.Text(), want)
			}
			c.Close()
		}
	}
}
