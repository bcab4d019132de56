package mutants

import (
	"bytes"
	"net"
)

// acceptingAuth accepts AUTH PLAIN in clear text, before the relay sees it: its own wire never reads credentials there.
func acceptingAuth(l net.Listener) net.Listener { return &authListener{l} }

type authListener struct{ net.Listener }

func (l *authListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &authConn{conn}, nil
}

// authConn answers for the relay. In TLS no record begins with AUTH.
type authConn struct{ net.Conn }

func (c *authConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !bytes.HasPrefix(p[:n], []byte("AUTH PLAIN ")) {
			return n, err
		}
		if _, err := c.Write([]byte("235 2.7.0 Accepted\r\n")); err != nil {
			return 0, err
		}
	}
}
