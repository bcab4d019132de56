package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// port looks at one port: its name, the connection, the greeting, EHLO, TLS, AUTH and an envelope.
func (e *examination) port(role target.Role) {
	v := &visit{examination: e, role: role, dialer: e.lenient(role)}
	steps := []func() bool{v.name, v.connect, v.greeting, v.helloClear, v.startTLS, v.helloTLS, v.auth, v.envelope}
	for _, step := range steps {
		if e.ctx.Err() != nil || !step() {
			break
		}
	}
	if v.conn != nil {
		v.conn.Quit()
		v.conn.Close()
	}
}

// lenient opens sessions to role whatever TLS it has: what it shows is looked at apart.
func (e *examination) lenient(role target.Role) *client.Dialer {
	d := *e.Dialers[role]
	d.TLS = d.TLS.Clone()
	if d.TLS == nil {
		d.TLS = &tls.Config{}
	}
	d.TLS.InsecureSkipVerify, d.TLS.MinVersion = true, tls.VersionTLS10
	return &d
}

// visit is one port being looked at.
type visit struct {
	*examination
	role   target.Role
	dialer *client.Dialer
	conn   *client.Conn
	clear  client.Capabilities // what was announced before TLS
}

func (v *visit) tell(name string, state State, found, todo string) {
	v.say(v.role, name, state, found, todo)
}

// name looks up the host.
func (v *visit) name() bool {
	host, _, err := net.SplitHostPort(v.dialer.Address)
	if err != nil {
		v.tell("address", Failure, err.Error(), fmt.Sprintf("Write host:port: ports: {%d: \"relay.example:%d\"}", v.role, v.role))
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		v.tell("name", OK, host+" is an address", "")
		return true
	}
	ctx, cancel := context.WithTimeout(v.ctx, v.patience())
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		v.tell("name", Failure, err.Error(), "Mend the name, or its A or AAAA record, or this machine's resolver")
		return false
	}
	var addresses []string
	for _, a := range found {
		addresses = append(addresses, a.Unmap().String())
	}
	v.tell("name", OK, host+" is "+strings.Join(addresses, ", "), "")
	return true
}

// patience is how long one answer is waited for.
func (v *visit) patience() time.Duration {
	if v.dialer.Timeout > 0 {
		return v.dialer.Timeout
	}
	return 20 * time.Second
}

// connect opens the connection, with TLS where the port begins with it.
func (v *visit) connect() bool {
	d, began := *v.dialer, time.Now()
	d.ImplicitTLS = false
	conn, err := d.Dial(v.ctx)
	if err != nil {
		v.tell("connect", Failure, client.Explain(err), v.unconnected(err))
		return false
	}
	v.conn = conn
	conn.Until(v.ctx)
	v.tell("connect", OK, fmt.Sprintf("%s answers %s", d.Address, took(began)), "")
	if !v.dialer.ImplicitTLS {
		return true
	}
	return v.handshake("The relay must begin this port with TLS (RFC 8314), or it is another port: write it as 25 or 587")
}

// unconnected says what to do when nobody can connect.
func (v *visit) unconnected(err error) string {
	var slow interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) && v.Bare:
		return "Start the relay, or name the port where it listens. It may listen on another address only"
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("Start the relay, or write the port where it listens: ports: {%d: \"host:port\"}. It may listen on another address only", v.role)
	case errors.As(err, &slow) && slow.Timeout():
		return "A firewall may drop it: many networks let nobody out to port 25. Try from the relay's own machine"
	}
	return "See that the relay's address can be reached from this machine"
}

func (v *visit) handshake(todo string) bool {
	began := time.Now()
	if err := v.conn.Handshake(v.ctx); err != nil {
		v.tell("TLS", Failure, client.Explain(err), todo)
		return false
	}
	state := v.conn.TLSState()
	found := fmt.Sprintf("%s %s %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), took(began))
	if state.Version < tls.VersionTLS12 {
		v.tell("TLS", Failure, found, "Have the relay offer TLS 1.2 or newer: older versions are forbidden (RFC 8996)")
	} else {
		v.tell("TLS", OK, found, "")
	}
	v.certificate(state)
	return true
}

// slow is how long a greeting may take before it is worth a word.
const slow = 5 * time.Second

// greeting reads what the relay says first.
func (v *visit) greeting() bool {
	began := time.Now()
	reply, err := v.conn.ReadReply()
	switch {
	case err != nil:
		v.tell("greeting", Failure, client.Explain(err), v.speechless(err))
		return false
	case reply.Code != 220:
		v.tell("greeting", Failure, reply.String(), "The relay turns this client away: see its log, and whether it takes mail from this address")
		return false
	case time.Since(began) > slow:
		v.tell("greeting", Warning, fmt.Sprintf("%s, %s", reply, took(began)), "The relay may look up this client's name in vain: give it a resolver that answers, or switch that off")
		return true
	}
	v.tell("greeting", OK, fmt.Sprintf("%s, %s", reply, took(began)), "")
	return true
}

// speechless says what to do about a relay that didn't greet.
func (v *visit) speechless(err error) string {
	silent := new(client.TimeoutError)
	if errors.As(err, &silent) && !v.dialer.ImplicitTLS {
		d := *v.dialer
		d.ImplicitTLS, d.Timeout = true, min(v.patience(), 2*time.Second)
		if conn, err := d.Dial(v.ctx); err == nil {
			conn.Close()
			return fmt.Sprintf("It speaks TLS from the start: write it in a profile as port 465: ports: {465: %q}", v.dialer.Address)
		}
	}
	return "See that an SMTP relay listens there, and nothing else, or name another port"
}

// hail says EHLO, and HELO to a relay that doesn't know it.
func (v *visit) hail(name string) bool {
	reply, err := v.conn.Hello(v.hello())
	if err == nil && (reply.Code == 500 || reply.Code == 502) {
		if reply, err = v.conn.Helo(v.hello()); err == nil && reply.Positive() {
			v.tell(name, Warning, "it knows HELO only", "A relay of today knows EHLO (RFC 5321 §2.2.1): without it there is neither TLS nor AUTH")
			return true
		}
	}
	switch {
	case err != nil:
		v.tell(name, Failure, client.Explain(err), "The relay ends the session at EHLO: see its log")
		return false
	case !reply.Positive():
		v.tell(name, Failure, fmt.Sprintf("EHLO %s is refused: %s", v.hello(), reply), "Write a name that the relay accepts: roles: {client: NAME}")
		return false
	}
	keywords := slices.Sorted(maps.Keys(v.conn.Capabilities()))
	v.tell(name, OK, cmp.Or(strings.Join(keywords, " "), "no extension"), "")
	return true
}

func (v *visit) helloClear() bool {
	if v.conn.TLS() {
		return true
	}
	if !v.hail("EHLO") {
		return false
	}
	v.clear = v.conn.Capabilities()
	return true
}

// startTLS begins TLS where the port doesn't begin with it.
func (v *visit) startTLS() bool {
	if v.conn.TLS() {
		return true
	}
	if !v.clear.Has("STARTTLS") {
		state, why := Warning, "mail comes in clear text"
		if v.role == target.Port587 || v.Roles.User.Address != "" {
			state, why = Failure, "mail and passwords come in clear text"
		}
		v.tell("STARTTLS", state, "it isn't offered: "+why, "Give the relay a certificate and its key, and switch STARTTLS on (Postfix: smtpd_tls_security_level = may)")
		return true
	}
	reply, err := v.conn.Cmd("STARTTLS")
	if err != nil || reply.Code != 220 {
		found := reply.String()
		if err != nil {
			found = client.Explain(err)
		}
		v.tell("STARTTLS", Failure, "it is offered and refused: "+found, "The relay may not be able to read its certificate or key: see its log")
		return err == nil
	}
	v.tell("STARTTLS", OK, reply.String(), "")
	return v.handshake("The relay agreed to TLS and can't do it: its certificate and key may not fit each other. See its log")
}

func (v *visit) helloTLS() bool {
	if !v.conn.TLS() {
		return true
	}
	if !v.hail("EHLO in TLS") {
		return false
	}
	if v.conn.Capabilities().Has("STARTTLS") {
		v.tell("STARTTLS in TLS", Warning, "it is offered in TLS, too", "A relay must not offer it there (RFC 3207 §4.2)")
	}
	return true
}

// auth looks at the mechanisms, and at the credentials of the user of the roles.
func (v *visit) auth() bool {
	if mechanisms := v.clear.Parameters("AUTH"); len(mechanisms) > 0 {
		v.tell("AUTH in clear", Warning, "offered before TLS: "+strings.Join(mechanisms, " "), "Offer it in TLS only (Postfix: smtpd_tls_auth_only = yes): passwords can be read on the way")
	}
	offered := v.conn.Capabilities().Parameters("AUTH")
	user := v.Roles.User
	switch {
	case user.Address == "" && len(offered) == 0:
		return true
	case len(offered) == 0:
		v.tell("AUTH", Failure, "no mechanism is offered, and roles.user is to authenticate", "Switch AUTH on for this port, or leave roles.user out")
		return true
	}
	v.tell("AUTH", OK, strings.Join(offered, " "), "")
	if user.Address == "" || user.Password == "" {
		return true
	}
	return v.credentials(offered, user)
}

func (v *visit) credentials(offered []string, user target.User) bool {
	if !v.conn.TLS() && !loopback(v.dialer.Address) {
		v.tell("credentials", Skipped, "a password isn't said in clear text to another machine", "Give the relay TLS")
		return true
	}
	if !slices.Contains(offered, "PLAIN") && !slices.Contains(offered, "LOGIN") {
		v.tell("credentials", Skipped, "neither PLAIN nor LOGIN is offered", "")
		return true
	}
	reply, err := v.conn.Auth(user.Address, user.Password)
	switch {
	case err != nil:
		v.tell("credentials", Failure, client.Explain(err), "The relay ends the session at AUTH: see its log")
		return false
	case reply.Code != 235:
		v.tell("credentials", Failure, fmt.Sprintf("%s is refused: %s", user.Address, reply), "Mend roles.user in the profile, or the account on the relay")
		return true
	}
	v.tell("credentials", OK, fmt.Sprintf("%s: %s", user.Address, reply), "")
	return true
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// recipient is the first recipient of the roles; "": there is none.
func (e *examination) recipient() string {
	if len(e.Roles.Recipients) == 0 {
		return ""
	}
	if domain, any := strings.CutPrefix(e.Roles.Recipients[0], "*@"); any {
		return "doctor@" + domain
	}
	return e.Roles.Recipients[0]
}

// wanting says what to do about a relay that wants TLS or AUTH before mail, and otherwise of one that refuses for another
// reason. Source: RFC 3207 §4, RFC 4954 §6.
func (e *examination) wanting(reply client.Reply, otherwise string) string {
	switch {
	case reply.Code != 530:
		return otherwise
	case e.Roles.Authenticate:
		return "It wants TLS or AUTH first: mend what is said of these above, or see the relay's log"
	}
	return "Where it wants AUTH, write roles: {authenticate: true} with roles.user: {address: ADDRESS, password: PASSWORD}; " +
		"where it wants TLS, have it offer STARTTLS on this port"
}

// envelope says MAIL and RCPT as the roles have it, and takes them back.
func (v *visit) envelope() bool {
	if v.Bare {
		v.tell("envelope", Skipped, "without a profile nobody knows who sends to whom", unwritten)
		return true
	}
	if v.Roles.Sender == "" || v.recipient() == "" {
		v.tell("envelope", Skipped, "no roles say who sends to whom", "Write roles: {sender: ADDRESS, recipients: [\"*@DOMAIN\"]}")
		return true
	}
	for _, line := range []string{"MAIL FROM:<" + v.Roles.Sender + ">", "RCPT TO:<" + v.recipient() + ">"} {
		reply, err := v.conn.Cmd(line)
		switch {
		case err != nil:
			v.tell("envelope", Failure, line+": "+client.Explain(err), "See the relay's log")
			return false
		case !reply.Positive():
			todo := v.wanting(reply, "Have the relay take it from this machine, or write others in roles.sender and roles.recipients")
			v.tell("envelope", Failure, fmt.Sprintf("%s is refused: %s", line, reply), todo)
			return false
		}
	}
	v.conn.Cmd("RSET")
	v.tell("envelope", OK, fmt.Sprintf("it takes mail from <%s> to <%s>", v.Roles.Sender, v.recipient()), "")
	if v.mail == 0 {
		v.examination.mail = v.role
	}
	return true
}
