package client_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
)

func TestAWaitFailsWhenItsContextEnds(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0") // the system accepts; nobody says anything
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	d := &client.Dialer{Address: listener.Addr().String(), Timeout: time.Minute}
	conn, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	release := conn.Until(ctx)
	began := time.Now()
	if _, err := conn.ReadReply(); err == nil || time.Since(began) > 30*time.Second {
		t.Errorf("error %v after %s", err, time.Since(began))
	}
	if release() {
		t.Error("the watch was ended in time")
	}
}
