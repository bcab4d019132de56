package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"
)

// Capabilities are the extensions of an EHLO reply: keyword in upper case to its parameters, "" for none.
// Source: RFC 5321 §4.1.1.1.
type Capabilities map[string]string

// Has tells whether keyword was announced, whatever its case.
func (c Capabilities) Has(keyword string) bool {
	_, ok := c[strings.ToUpper(keyword)]
	return ok
}

// Parameters gives the parameters of keyword, as they were sent.
func (c Capabilities) Parameters(keyword string) []string {
	return strings.Fields(c[strings.ToUpper(keyword)])
}

// Capabilities gives what the last EHLO announced; nil before one, after HELO, a refusal and the TLS handshake.
func (c *Conn) Capabilities() Capabilities { return c.capabilities }

// Hello says EHLO name and keeps the capabilities. Source: RFC 5321 §4.1.1.1.
func (c *Conn) Hello(name string) (Reply, error) { return c.Cmd("EHLO " + name) }

// Helo says HELO name. Source: RFC 5321 §4.1.1.1.
func (c *Conn) Helo(name string) (Reply, error) { return c.Cmd("HELO " + name) }

// learn keeps what the reply to EHLO or HELO says of the relay; other commands teach nothing.
func (c *Conn) learn(line string, reply Reply) {
	verb, _, _ := strings.Cut(line, " ")
	extended := strings.EqualFold(verb, "EHLO")
	if !extended && !strings.EqualFold(verb, "HELO") {
		return
	}
	c.capabilities = nil
	if !reply.Positive() {
		return
	}
	c.open = false // RFC 5321 §4.1.4: as RSET
	if extended {
		c.capabilities = parseCapabilities(reply.Lines[1:])
	}
}

// parseCapabilities reads the lines behind the first of an EHLO reply. A keyword that comes twice adds its parameters.
func parseCapabilities(lines []string) Capabilities {
	capabilities := Capabilities{}
	for _, line := range lines {
		keyword, parameters, _ := strings.Cut(line, " ")
		keyword = strings.ToUpper(keyword)
		if before := capabilities[keyword]; before != "" {
			parameters = before + " " + parameters
		}
		if keyword != "" {
			capabilities[keyword] = parameters
		}
	}
	return capabilities
}

// StartTLS says STARTTLS and, on 220, does the handshake. What was known of the relay before is forgotten: say EHLO
// again. Any other reply is given back and the session goes on in clear text.
//
// Errors: as ReadReply's and Handshake's.
// Source: RFC 3207 §4.
func (c *Conn) StartTLS(ctx context.Context) (Reply, error) {
	reply, err := c.Cmd("STARTTLS")
	if err != nil || reply.Code != 220 {
		return reply, err
	}
	return reply, c.Handshake(ctx)
}

// Handshake does the TLS handshake and nothing before it: for a STARTTLS that was said some other way.
//
// Errors: octets in clear text that came before it and weren't read (a *ProtocolError); the handshake's own.
func (c *Conn) Handshake(ctx context.Context) error {
	if buffered := c.in.in.Buffered(); buffered > 0 {
		octets, _ := c.in.in.Peek(buffered)
		return c.failed(wrongLine(octets, "clear text stands before the TLS handshake"))
	}
	ctx, cancel := context.WithTimeout(ctx, c.link.timeout)
	defer cancel()
	encrypted := tls.Client(c.link.Conn, c.tls)
	c.link.SetDeadline(time.Time{}) // the context bounds the handshake
	if err := encrypted.HandshakeContext(ctx); err != nil {
		c.log.Note(c.name, "TLS handshake failed: "+err.Error())
		return fmt.Errorf("TLS handshake: %w", err)
	}
	state := encrypted.ConnectionState()
	c.link.Conn, c.state = encrypted, &state
	c.capabilities, c.open = nil, false
	c.log.Note(c.name, fmt.Sprintf("TLS established: %s %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)))
	return nil
}
