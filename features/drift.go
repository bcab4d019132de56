package features

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/reports"
)

// driftWithin bounds the look for drift. What wasn't seen by then isn't told.
const driftWithin = 20 * time.Second

// Drift compares what t declares, what it announces in reply to EHLO on each port, in clear text and in TLS, and what can
// be seen of it when it is tried over the wire. What doesn't agree is a row; nothing that is judged depends on it.
//
// It makes a customer where t has no roles of its own. A relay that doesn't answer gives fewer rows, and no error: that is
// for scenarios to meet.
func Drift(ctx context.Context, t target.Target) []reports.Drift {
	ctx, cancel := context.WithTimeout(ctx, driftWithin)
	defer cancel()
	namespace, err := newNamespace()
	if err != nil {
		return nil
	}
	l := &look{scenario: newScenario(judged{target: t, volume: VolumeLight, namespace: namespace + "drift"})}
	l.advertise(ctx)
	l.declare()
	if l.roles, err = l.cast(ctx); err == nil {
		l.try(ctx)
	}
	return l.rows()
}

// look is what is seen of a target's capabilities.
type look struct {
	*scenario
	roles      *target.Roles
	declared   map[target.Capability]reports.Seen
	advertised map[target.Capability]reports.Seen
	probed     map[target.Capability]reports.Seen
	said       map[target.Capability]string // what a probe heard
}

// seen is what a look showed.
func seen(is bool) reports.Seen {
	if is {
		return reports.Present
	}
	return reports.Absent
}

// declare takes down what the target says of itself.
func (l *look) declare() {
	declared := l.target.Describe().Capabilities
	if declarer, ok := l.target.(target.Declarer); ok {
		declared = declarer.Declared()
	}
	extends := func(c target.Capability) bool { return slices.Contains(target.Extensions(), c) }
	silent := !slices.ContainsFunc(declared, extends)
	l.declared = map[target.Capability]reports.Seen{}
	for _, c := range target.Known() {
		if !slices.Contains(declared, c) && (silent || !extends(c)) {
			continue // Unseen
		}
		l.declared[c] = seen(slices.Contains(declared, c))
	}
}

// advertise hears EHLO on each port, in clear text and in TLS.
func (l *look) advertise(ctx context.Context) {
	found := map[target.Capability]bool{}
	heard := false
	for _, port := range []target.Role{target.Port25, target.Port465, target.Port587} {
		if l.target.Address(port) == "" {
			continue
		}
		conn, err := l.begin(ctx, port, false)
		if err != nil {
			continue
		}
		heard = true
		note(found, conn.Capabilities())
		if !conn.TLS() && conn.Capabilities().Has("STARTTLS") && l.encrypt(ctx, conn) == nil {
			note(found, conn.Capabilities())
		}
		conn.Quit()
	}
	l.advertised = map[target.Capability]reports.Seen{}
	for _, c := range target.Extensions() {
		if heard {
			l.advertised[c] = seen(found[c])
		}
	}
}

// note takes down the extensions of a reply to EHLO.
func note(found map[target.Capability]bool, announced client.Capabilities) {
	for keyword := range announced {
		found[target.Capability(strings.ToLower(keyword))] = true
	}
	for _, mechanism := range announced.Parameters("AUTH") {
		found[target.Capability("auth-"+strings.ToLower(mechanism))] = true
	}
}

// begin opens a session up to EHLO, encrypted where it can be when secure says so.
func (l *look) begin(ctx context.Context, port target.Role, secure bool) (*client.Conn, error) {
	return l.beginAs(ctx, server{port: port}, l.name(), secure)
}

// name is what the look calls itself in EHLO.
func (l *look) name() string {
	if l.roles != nil {
		return l.roles.Client
	}
	if caster, ok := l.target.(target.Caster); ok && caster.Roles().Client != "" {
		return caster.Roles().Client
	}
	return l.text("client.elsewhere.example")
}

func (l *look) beginAs(ctx context.Context, sv server, name string, secure bool) (*client.Conn, error) {
	dialer, err := l.dialer(sv)
	if err != nil {
		return nil, err
	}
	conn, err := dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	conn.Until(ctx)
	for _, step := range []func() (client.Reply, error){conn.ReadReply, func() (client.Reply, error) { return conn.Hello(name) }} {
		reply, err := step()
		if err == nil && !reply.Positive() {
			err = fmt.Errorf("refused: %s", reply)
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
	}
	if secure && !conn.TLS() && conn.Capabilities().Has("STARTTLS") {
		if err := l.encrypt(ctx, conn); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// encrypt says STARTTLS and EHLO again.
func (l *look) encrypt(ctx context.Context, conn *client.Conn) error {
	reply, err := conn.StartTLS(ctx)
	if err == nil && reply.Code == 220 {
		reply, err = conn.Hello(l.name())
	}
	if err == nil && !reply.Positive() {
		err = fmt.Errorf("refused: %s", reply)
	}
	return err
}

// probe tries one capability and gives the reply that tells; an error: nothing was seen.
type probe func(ctx context.Context, l *look) (is bool, said string, err error)

// probes are what can be tried cheaply: nothing is relayed and no counter is used.
func probes() map[target.Capability]probe {
	return map[target.Capability]probe{
		target.ExtSize:         parameter("SIZE=1000"),
		target.Ext8BitMIME:     parameter("BODY=8BITMIME"),
		target.ExtSMTPUTF8:     parameter("SMTPUTF8"),
		target.ExtDSN:          parameter("RET=HDRS ENVID=drift"),
		target.ExtPipelining:   tryPipelining,
		target.ExtChunking:     tryChunking,
		target.ExtStartTLS:     tryStartTLS,
		target.ExtEnhanced:     tryEnhanced,
		target.AuthPlain:       mechanism("PLAIN"),
		target.AuthLogin:       mechanism("LOGIN"),
		target.AuthXOAuth2:     mechanism("XOAUTH2"),
		target.AuthOAuthBearer: mechanism("OAUTHBEARER"),
		target.Over100:         tryOver100,
		target.HeloSuffix:      tryHeloSuffix,
		target.SourceIPv4:      fromElsewhere("127.0.0.9"),
		target.SourceIPv6:      fromElsewhere("::1"),
	}
}

// try probes what is declared or announced.
func (l *look) try(ctx context.Context) {
	l.probed, l.said = map[target.Capability]reports.Seen{}, map[target.Capability]string{}
	all := probes()
	for _, c := range target.Known() {
		p := all[c]
		if p == nil || l.declared[c] != reports.Present && l.advertised[c] != reports.Present {
			continue
		}
		is, said, err := p(ctx, l)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			l.probed[c], l.said[c] = seen(is), said
		}
	}
}

// plainly opens a session for a probe, on the port that servers use that aren't told.
func (l *look) plainly(ctx context.Context, secure bool) (*client.Conn, error) {
	return l.begin(ctx, usualPort(l.target), secure)
}

// unknown tells whether a reply says that the command or its parameter isn't known. Source: RFC 5321 §4.2.2, RFC 4954 §4.
func unknown(reply client.Reply) bool {
	return slices.Contains([]int{500, 501, 502, 504, 555}, reply.Code)
}

// parameter tries MAIL with a parameter.
func parameter(words string) probe {
	return func(ctx context.Context, l *look) (bool, string, error) {
		conn, err := l.plainly(ctx, false)
		if err != nil {
			return false, "", err
		}
		defer conn.Close()
		reply, err := conn.Cmd("MAIL FROM:<" + l.roles.Sender + "> " + words)
		if err == nil && !reply.Positive() && !unknown(reply) {
			err = fmt.Errorf("refused for another reason: %s", reply)
		}
		return reply.Positive(), "MAIL with " + words + ": " + reply.String(), err
	}
}

// tryPipelining sends two commands in one segment.
func tryPipelining(ctx context.Context, l *look) (bool, string, error) {
	conn, err := l.plainly(ctx, false)
	if err != nil {
		return false, "", err
	}
	defer conn.Close()
	if err := conn.WriteRaw([]byte("RSET\r\nNOOP\r\n")); err != nil {
		return false, "", err
	}
	if _, err := conn.ReadReply(); err != nil {
		return false, "", err
	}
	reply, err := conn.ReadReply()
	if err != nil {
		return false, "the second of two commands in one segment isn't answered: " + client.Explain(err), nil
	}
	return true, reply.String(), nil
}

// tryChunking sends an empty chunk that isn't the last, and gives up. Source: RFC 3030 §2.
func tryChunking(ctx context.Context, l *look) (bool, string, error) {
	conn, err := l.plainly(ctx, false)
	if err != nil {
		return false, "", err
	}
	defer conn.Close()
	reply, err := l.transaction(conn, l.roles.Sender, 1)
	if err == nil && !reply.Positive() {
		err = fmt.Errorf("no transaction: %s", reply)
	}
	if err != nil {
		return false, "", err
	}
	if reply, err = conn.Cmd("BDAT 0"); err != nil {
		return false, "", err
	}
	conn.Cmd("RSET") // the connection is closed next
	return !unknown(reply), "BDAT: " + reply.String(), nil
}

// transaction begins one with so many recipients, and gives the first refusal or the last reply.
func (l *look) transaction(conn *client.Conn, sender string, recipients int) (client.Reply, error) {
	if l.roles.Authenticate {
		return client.Reply{}, errors.New("the relay relays only for who has authenticated")
	}
	reply, err := conn.Cmd("MAIL FROM:<" + sender + ">")
	w := words{roles: *l.roles, token: target.TokenMark + l.namespace}
	for i := 0; i < recipients && err == nil && reply.Positive(); i++ {
		var line string
		if line, err = w.fill(fmt.Sprintf("RCPT TO:<{recipient%d}>", i+1)); err == nil {
			reply, err = conn.Cmd(line)
		}
	}
	return reply, err
}

func tryStartTLS(ctx context.Context, l *look) (bool, string, error) {
	port := usualPort(l.target)
	if port == target.Port465 {
		return false, "", fmt.Errorf("port 465 is in TLS from the start")
	}
	conn, err := l.begin(ctx, port, false)
	if err != nil {
		return false, "", err
	}
	defer conn.Close()
	reply, err := conn.StartTLS(ctx)
	if err != nil {
		return false, "STARTTLS: " + reply.String() + ", then " + client.Explain(err), nil
	}
	return reply.Code == 220, "STARTTLS: " + reply.String(), nil
}

// tryEnhanced looks for the enhanced code of an ordinary reply. Source: RFC 2034 §4.
func tryEnhanced(ctx context.Context, l *look) (bool, string, error) {
	conn, err := l.plainly(ctx, false)
	if err != nil {
		return false, "", err
	}
	defer conn.Close()
	reply, err := conn.Cmd("MAIL FROM:<" + l.roles.Sender + ">")
	return reply.Enhanced() != "", "MAIL: " + reply.String(), err
}

// mechanism begins AUTH, encrypted where that can be, and cancels it.
func mechanism(name string) probe {
	return func(ctx context.Context, l *look) (bool, string, error) {
		conn, err := l.plainly(ctx, true)
		if err != nil {
			return false, "", err
		}
		defer conn.Close()
		reply, err := conn.Cmd("AUTH " + name)
		if err != nil {
			return false, "", err
		}
		if reply.Intermediate() {
			conn.WriteLine("*")
			return true, reply.String(), nil
		}
		if reply.Code == 501 { // it wants the response at once
			reply, err = conn.Cmd("AUTH " + name + " " + base64.StdEncoding.EncodeToString([]byte("\x00nobody@"+l.text("nowhere.example")+"\x00wrong")))
		}
		return !slices.Contains([]int{500, 502, 504}, reply.Code), "AUTH " + name + ": " + reply.String(), err
	}
}

// tryOver100 names 101 recipients.
func tryOver100(ctx context.Context, l *look) (bool, string, error) {
	if !strings.HasPrefix(l.roles.Recipients[0], "*@") {
		return false, "", fmt.Errorf("the roles name too few recipients")
	}
	conn, err := l.plainly(ctx, false)
	if err != nil {
		return false, "", err
	}
	defer conn.Close()
	reply, err := l.transaction(conn, l.roles.Sender, 101)
	return reply.Positive(), "101 recipients: " + reply.String(), err
}

// tryHeloSuffix presents a subdomain of the sender's domain, and sends from nobody.
func tryHeloSuffix(ctx context.Context, l *look) (bool, string, error) {
	_, domain, _ := strings.Cut(l.roles.Sender, "@")
	conn, err := l.beginAs(ctx, server{port: usualPort(l.target)}, "mta."+domain, false)
	if err != nil {
		return false, "", err
	}
	defer conn.Close()
	reply, err := l.transaction(conn, "", 1)
	return reply.Positive(), "EHLO mta." + l.plain(domain) + " and a message from <>: " + reply.String(), err
}

// fromElsewhere opens a session from another address.
func fromElsewhere(address string) probe {
	return func(ctx context.Context, l *look) (bool, string, error) {
		source, err := netip.ParseAddr(address)
		if err != nil {
			return false, "", err
		}
		conn, err := l.beginAs(ctx, server{port: usualPort(l.target), source: source}, l.name(), false)
		if err != nil {
			return false, "a session from " + address + ": " + client.Explain(err), nil
		}
		conn.Quit()
		return true, "", nil
	}
}

// rows are the capabilities of which not all looks agree.
func (l *look) rows() []reports.Drift {
	var rows []reports.Drift
	for _, c := range target.Known() {
		row := reports.Drift{
			Capability: string(c), Declared: l.declared[c], Advertised: l.advertised[c], Probed: l.probed[c],
		}
		if row.Text = l.account(c, row); row.Text != "" {
			rows = append(rows, row)
		}
	}
	return append(rows, doubted(l.target)...)
}

// doubted are the verbs of t that weren't seen to do anything so far, though it names them.
func doubted(t target.Target) []reports.Drift {
	doubter, ok := t.(target.Doubter)
	if !ok {
		return nil
	}
	var rows []reports.Drift
	for _, doubt := range doubter.Doubts() {
		row := reports.Drift{Capability: string(doubt.Verb), Declared: reports.Present, Text: doubt.Why}
		if doubt.Certain {
			row.Probed = reports.Absent
		}
		rows = append(rows, row)
	}
	return rows
}

// account says what a row means, and what to do; "": all agrees.
func (l *look) account(c target.Capability, row reports.Drift) string {
	said := l.plain(l.said[c])
	switch {
	case row.Declared == reports.Present && row.Advertised == reports.Absent && row.Probed == reports.Present:
		return "it works, but no reply to EHLO announces it: clients won't use it; announce it"
	case row.Declared == reports.Present && row.Advertised == reports.Absent:
		return "no reply to EHLO announces it: it is judged, for it is declared; switch it on, or declare it no more"
	case row.Probed == reports.Absent && row.Advertised == reports.Present:
		return "it is announced, and doesn't work: " + said + "; mend it, or announce it no more"
	case row.Probed == reports.Absent:
		return "it is declared, and wasn't to be seen: " + said + "; it is judged all the same: switch it on, or declare it no more"
	case row.Declared == reports.Absent && row.Advertised == reports.Present:
		return "it is announced, but not declared: it is judged where the driver takes what is announced for declared; declare it too"
	}
	return ""
}
