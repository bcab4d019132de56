package wire

import (
	"crypto/tls"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

// A client that isn't ours, with STARTTLS and AUTH, two messages in one session.
func TestIndependentClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &scripted{}
		s, dial := dialled(t, Config{Engine: engine, Mechanisms: []string{"PLAIN"},
			TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}})
		conn, _ := dial()
		c, err := smtp.NewClientStartTLS(conn, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Auth(sasl.NewPlainClient("", "ann", "secret")); err != nil {
			t.Fatal(err)
		}
		const message = "Subject: x\r\n\r\n.dot\r\n..\r\n.\r\n\r\nend\r\n"
		for range 2 {
			if err := c.SendMail("ann@example.com", []string{"bob@example.net", "eve@example.net"}, strings.NewReader(message)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Quit(); err != nil {
			t.Fatal(err)
		}
		s.Close()
		one := taken{"ann@example.com", []string{"bob@example.net", "eve@example.net"}, message}
		if diff := cmp.Diff([]taken{one, one}, engine.taken, cmp.AllowUnexported(taken{})); diff != "" {
			t.Error(diff)
		}
	})
}
