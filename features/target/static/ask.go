package static

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
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
		Proxy:       r.profile.proxy(),
		TLS:         &tls.Config{RootCAs: r.profile.roots, ServerName: t.ServerName, InsecureSkipVerify: any, MinVersion: tls.VersionTLS12},
		Timeout:     r.profile.timeout(),
	}
}

// ask opens a session to role and keeps what the relay announces, in clear text and after STARTTLS.
func (r *Relay) ask(ctx context.Context, role target.Role) error {
	conn, err := r.greeted(ctx, role)
	if err == nil {
		defer conn.Close()
		err = r.hear(ctx, conn, role)
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
	conn.Until(ctx)
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

// hear says EHLO, and once more behind STARTTLS, and authenticates where sessions are to. A relay without EHLO has no
// extensions. Source: RFC 5321 §3.2.
func (r *Relay) hear(ctx context.Context, conn *client.Conn, role target.Role) error {
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
	if r.profile.Roles.Authenticate && role == r.first() {
		if err := r.prove(conn, role); err != nil {
			return err
		}
	}
	_, err := conn.Quit()
	if client.Ended(err) {
		return nil // without a word of its own: that is for scenarios to judge
	}
	return err
}

// prove authenticates as every session for mail will. What the profile promises of it and isn't so is a fault.
func (r *Relay) prove(conn *client.Conn, role target.Role) error {
	user := r.profile.Roles.User
	if !conn.Capabilities().Has("AUTH") {
		text := fmt.Sprintf("roles.authenticate: port %d announces no AUTH; switch it on there, or leave roles.authenticate out", role)
		return Faults{r.profile.fault(text, "roles.authenticate")}
	}
	reply, err := conn.Auth(user.Address, user.Password)
	if err == nil && !reply.Positive() {
		text := fmt.Sprintf("roles.authenticate: port %d refuses %s: %s; mend roles.user, or the account on the relay", role, user.Address, reply)
		return Faults{r.profile.fault(text, "roles.authenticate")}
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
		if ended := r.process.EndedSoon(); ended != nil {
			return ended.Error()
		}
	}
	words := client.Explain(err)
	silent := new(client.TimeoutError)
	if errors.As(err, &silent) && silent.Command == "" {
		protocol := r.waitsFor(ctx, role)
		if role == target.Port465 && protocol == "TLS from the start" {
			protocol = "" // as it should
		}
		if protocol != "" {
			return fmt.Sprintf("the relay speaks %s, not SMTP: %v", protocol, err)
		}
	}
	return words
}

// waitsFor finds out whom a relay that doesn't greet waits for: another protocol's client speaks first. "": nobody knows.
func (r *Relay) waitsFor(ctx context.Context, role target.Role) string {
	wait := min(2*time.Second, r.profile.timeout()) // for each of two tries
	d := &tls.Dialer{NetDialer: &net.Dialer{Timeout: wait}, Config: &tls.Config{InsecureSkipVerify: true}}
	encrypted, err := d.DialContext(ctx, "tcp", r.addresses[role])
	if err == nil {
		defer encrypted.Close()
		return cmp.Or(answers(encrypted, wait), "TLS from the start")
	}
	socket, err := d.NetDialer.DialContext(ctx, "tcp", r.addresses[role])
	if err != nil {
		return ""
	}
	defer socket.Close()
	return answers(socket, wait)
}

// answers says EHLO before any greeting, as no client of another protocol would, and names the protocol of what comes.
func answers(socket net.Conn, wait time.Duration) string {
	if err := socket.SetDeadline(time.Now().Add(wait)); err != nil {
		return ""
	}
	if _, err := io.WriteString(socket, "EHLO client.example\r\n\r\n"); err != nil {
		return ""
	}
	answer := make([]byte, 64)
	n, _ := socket.Read(answer) // what came before an error counts
	if strings.HasPrefix(string(answer[:n]), "HTTP/") {
		return "HTTP"
	}
	return ""
}

// Alive implements target.Pulse.
func (r *Relay) Alive(ctx context.Context) error {
	if r.process != nil {
		if err := r.process.Ended(); err != nil {
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
