package static

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// dialer opens sessions to role as the profile says.
func (r *Relay) dialer(role target.Role) *client.Dialer {
	t := r.profile.TLS
	any := t.Insecure || t.CA == "" && t.ServerName == "" && r.loopback
	return &client.Dialer{
		Address:     r.addresses[role],
		ImplicitTLS: role == target.Port465,
		TLS:         &tls.Config{RootCAs: r.profile.roots, ServerName: t.ServerName, InsecureSkipVerify: any, MinVersion: tls.VersionTLS12},
		Timeout:     r.profile.timeout(),
	}
}

// ask opens a session to role and keeps what the relay announces, in clear text and after STARTTLS.
func (r *Relay) ask(ctx context.Context, role target.Role) error {
	conn, err := r.greeted(ctx, role)
	if err == nil {
		defer conn.Close()
		err = r.hear(ctx, conn)
	}
	var faults Faults
	certificate := new(tls.CertificateVerificationError)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &faults):
		return faults
	case errors.As(err, &certificate):
		text := fmt.Sprintf("port %d, %s: the relay's certificate doesn't fit: %v; write tls: {ca: FILE, server-name: NAME} that do, or {insecure: true}",
			role, r.addresses[role], certificate.Err)
		return Faults{r.profile.fault(text, "tls.server-name", "tls.ca", "tls", fmt.Sprintf("ports.%d", role), "start")}
	}
	return fmt.Errorf("port %d, %s: %s", role, r.addresses[role], r.explain(ctx, role, err))
}

// greeted opens a session up to the greeting.
func (r *Relay) greeted(ctx context.Context, role target.Role) (*client.Conn, error) {
	conn, err := r.dialer(role).Dial(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := conn.ReadReply()
	if err == nil && reply.Code != 220 {
		err = fmt.Errorf("the relay turns everybody away: it greets with %s", reply)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// hear says EHLO, and once more behind STARTTLS. A relay without EHLO has no extensions. Source: RFC 5321 §3.2.
func (r *Relay) hear(ctx context.Context, conn *client.Conn) error {
	if err := r.hello(conn); err != nil {
		return err
	}
	if !conn.TLS() && conn.Capabilities().Has("STARTTLS") {
		reply, err := conn.StartTLS(ctx)
		if err == nil && reply.Code != 220 {
			err = fmt.Errorf("the relay announces STARTTLS and refuses it: %s", reply)
		}
		if err != nil {
			return err
		}
		if err := r.hello(conn); err != nil {
			return err
		}
	}
	_, err := conn.Quit()
	if client.Ended(err) {
		return nil // without a word of its own: that is for scenarios to judge
	}
	return err
}

func (r *Relay) hello(conn *client.Conn) error {
	reply, err := conn.Hello(r.Roles().Client)
	if err == nil && (reply.Code == 500 || reply.Code == 502) {
		reply, err = conn.Helo(r.Roles().Client)
	}
	if err == nil && !reply.Positive() {
		err = fmt.Errorf("the relay refuses EHLO %s: %s; write a name that it accepts in roles.client", r.Roles().Client, reply)
	}
	for keyword := range conn.Capabilities() {
		r.announce(strings.ToLower(keyword))
	}
	for _, mechanism := range conn.Capabilities().Parameters("AUTH") {
		r.announce("auth-" + strings.ToLower(mechanism))
	}
	return err
}

// announce notes an extension that is among the known ones.
func (r *Relay) announce(name string) {
	c := target.Capability(name)
	if slices.Contains(target.Extensions(), c) && !slices.Contains(r.announced, c) {
		r.announced = append(r.announced, c)
	}
}

// explain says what is wrong with the relay: first whether it ended, and where it said nothing, whether it waits for
// another protocol.
func (r *Relay) explain(ctx context.Context, role target.Role, err error) string {
	if r.process != nil {
		if ended := r.process.ended(); ended != nil {
			return ended.Error()
		}
	}
	words := client.Explain(err)
	silent := new(client.TimeoutError)
	if errors.As(err, &silent) && silent.Command == "" {
		if protocol := r.waitsFor(ctx, role); protocol != "" {
			return fmt.Sprintf("the relay speaks %s, not SMTP: %v", protocol, err)
		}
	}
	return words
}

// provocation is how long a silent relay may take to answer what it doesn't expect.
const provocation = 2 * time.Second

// waitsFor finds out whom a relay that doesn't greet waits for: another protocol's client speaks first.
func (r *Relay) waitsFor(ctx context.Context, role target.Role) string {
	ctx, cancel := context.WithTimeout(ctx, min(2*provocation, r.profile.timeout()))
	defer cancel()
	if role == target.Port465 {
		d := r.dialer(role)
		d.TLS.InsecureSkipVerify = true
		if encrypted, err := (&tls.Dialer{Config: d.TLS}).DialContext(ctx, "tcp", d.Address); err == nil {
			defer encrypted.Close()
			return protocolBehind(encrypted)
		}
		return ""
	}
	socket, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.addresses[role])
	if err != nil {
		return ""
	}
	defer socket.Close()
	if protocol := protocolBehind(socket); protocol != "" {
		return protocol
	}
	encrypted, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", r.addresses[role])
	if err != nil {
		return ""
	}
	encrypted.Close()
	return "TLS from the start"
}

// protocolBehind says EHLO, as no other protocol's client would, and looks at what comes.
func protocolBehind(socket net.Conn) string {
	if err := socket.SetDeadline(time.Now().Add(provocation)); err != nil {
		return ""
	}
	if _, err := socket.Write([]byte("EHLO client.example\r\n\r\n")); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	answer := make([]byte, 64)
	n, _ := socket.Read(answer) // what came before an error counts
	switch answer = answer[:n]; {
	case bytes.HasPrefix(answer, []byte("HTTP/")):
		return "HTTP"
	case len(answer) > 1 && answer[1] == 3 && (answer[0] == 0x15 || answer[0] == 0x16): // RFC 8446 §5.1
		return "TLS from the start"
	}
	return ""
}

// Alive implements target.Pulse.
func (r *Relay) Alive(ctx context.Context) error {
	if r.process != nil {
		if err := r.process.ended(); err != nil {
			return err
		}
	}
	role := r.first()
	conn, err := r.greeted(ctx, role)
	if err == nil {
		defer conn.Close()
		err = r.hello(conn)
	}
	if err != nil {
		return fmt.Errorf("port %d, %s: %s", role, r.addresses[role], r.explain(ctx, role, err))
	}
	conn.Quit()
	return nil
}

// first is the first port that is served.
func (r *Relay) first() target.Role {
	for _, role := range roles() {
		if r.addresses[role] != "" {
			return role
		}
	}
	return 0
}
