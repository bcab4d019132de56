package memnet_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relayspec/relayspec/fakes/memnet"
)

var (
	server = netip.MustParseAddrPort("192.0.2.25:25")
	client = netip.MustParseAddrPort("198.51.100.1:1025")
)

// connect gives both ends of a connection.
func connect(t *testing.T, l *memnet.Listener) (near, far *memnet.Conn) {
	t.Helper()
	near, err := l.Dial(client)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return near, c.(*memnet.Conn)
}

// bubble runs test in virtual time, on a fresh connection.
func bubble(t *testing.T, test func(t *testing.T, near, far *memnet.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen(server)
		defer l.Close()
		l.Buffer = 8
		near, far := connect(t, l)
		defer near.Close()
		defer far.Close()
		test(t, near, far)
	})
}

func TestAddresses(t *testing.T) {
	bubble(t, func(t *testing.T, near, far *memnet.Conn) {
		peer, ok := far.RemoteAddr().(*net.TCPAddr)
		if !ok || peer.AddrPort() != client || near.RemoteAddr().String() != server.String() ||
			near.LocalAddr().String() != client.String() || far.LocalAddr().String() != server.String() {
			t.Error(near, far)
		}
	})
}

func TestWriteReturnsWhileThereIsRoom(t *testing.T) {
	bubble(t, func(t *testing.T, near, far *memnet.Conn) {
		if n, err := near.Write([]byte("12345678")); n != 8 || err != nil {
			t.Fatal(n, err)
		}
		near.SetWriteDeadline(time.Now().Add(time.Minute))
		began := time.Now()
		n, err := near.Write([]byte("9"))
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Minute {
			t.Error(n, err, time.Since(began))
		}
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Error(err)
		}
		if _, err := io.ReadFull(far, make([]byte, 8)); err != nil {
			t.Error(err)
		}
		near.SetWriteDeadline(time.Time{})
		if n, err := near.Write([]byte("9")); n != 1 || err != nil {
			t.Error(n, err)
		}
	})
}

func TestLongWriteArrives(t *testing.T) {
	bubble(t, func(t *testing.T, near, far *memnet.Conn) {
		data := bytes.Repeat([]byte("0123456789"), 1000)
		go func() {
			near.Write(data)
			near.CloseWrite()
		}()
		got, err := io.ReadAll(far)
		if err != nil || !bytes.Equal(got, data) {
			t.Error(len(got), err)
		}
	})
}

func TestHalfClose(t *testing.T) {
	bubble(t, func(t *testing.T, near, far *memnet.Conn) {
		near.Write([]byte("last"))
		near.CloseWrite()
		if got, err := io.ReadAll(far); string(got) != "last" || err != nil {
			t.Error(got, err)
		}
		if _, err := near.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Error(err)
		}
		if _, err := far.Write([]byte("back")); err != nil {
			t.Error(err)
		}
		far.Close()
		if got, err := io.ReadAll(near); string(got) != "back" || err != nil {
			t.Error(got, err)
		}
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestCloseWakes(t *testing.T) {
	bubble(t, func(t *testing.T, near, far *memnet.Conn) {
		failed := make(chan error, 2)
		go func() {
			_, err := far.Read(make([]byte, 1))
			failed <- err
		}()
		go func() {
			_, err := far.Write(make([]byte, 9))
			failed <- err
		}()
		synctest.Wait()
		near.Close()
		for range 2 {
			if err := <-failed; err != io.EOF && !errors.Is(err, syscall.EPIPE) {
				t.Error(err)
			}
		}
	})
}

// As with TCP: a write after the other end closed is lost, the next one knows.
func TestWriteToAClosedEnd(t *testing.T) {
	bubble(t, func(t *testing.T, near, far *memnet.Conn) {
		far.Close()
		if n, err := near.Write([]byte("lost")); n != 4 || err != nil {
			t.Error(n, err)
		}
		if _, err := near.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Error(err)
		}
	})
}

func TestDeadlineOfABlockedRead(t *testing.T) {
	bubble(t, func(t *testing.T, near, far *memnet.Conn) {
		failed := make(chan error)
		go func() {
			_, err := far.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		far.SetReadDeadline(time.Now().Add(-time.Second))
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		near.Write([]byte("x"))
		far.SetReadDeadline(time.Now().Add(time.Hour))
		far.SetReadDeadline(time.Time{})
		if n, err := far.Read(make([]byte, 5)); n != 1 || err != nil {
			t.Error(n, err)
		}
	})
}

func TestClosedListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen(server)
		failed := make(chan error)
		go func() {
			_, err := l.Accept()
			failed <- err
		}()
		synctest.Wait()
		l.Close()
		l.Close()
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := l.Dial(client); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
	})
}

func TestConnectionNobodyAcceptedIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen(server)
		near, err := l.Dial(client)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := near.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
	})
}
