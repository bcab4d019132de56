package client

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/reports/transcript"
)

// Auth says AUTH with PLAIN and gives the relay's verdict; with LOGIN where the relay announced that and not PLAIN.
func (c *Conn) Auth(user, password string) (Reply, error) {
	offered := strings.ToUpper(c.capabilities["AUTH"])
	announces := func(mechanism string) bool { return slices.Contains(strings.Fields(offered), mechanism) }
	if announces("LOGIN") && !announces("PLAIN") {
		return c.AuthLogin(user, password)
	}
	return c.AuthPlain(user, password)
}

// AuthPlain says AUTH PLAIN with its initial response and gives the relay's verdict. Source: RFC 4616 §2, RFC 4954 §4.
func (c *Conn) AuthPlain(user, password string) (Reply, error) {
	response := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	return c.Cmd("AUTH PLAIN " + response) // the transcript leaves initial responses out
}

// AuthLogin says AUTH LOGIN, then user and password as the relay asks for them, and gives its verdict. A reply other
// than 334 in between is the verdict. LOGIN has no RFC; every relay asks for the user first.
func (c *Conn) AuthLogin(user, password string) (Reply, error) {
	reply, err := c.Cmd("AUTH LOGIN")
	for _, answer := range []string{user, password} {
		if err != nil || reply.Code != 334 {
			return reply, err
		}
		reply, err = c.secret(base64.StdEncoding.EncodeToString([]byte(answer)))
	}
	return reply, err
}

// secret sends line, which is never shown, and reads the reply.
func (c *Conn) secret(line string) (Reply, error) {
	c.said(transcript.Entry{Kind: transcript.Client, Text: line, Secret: true})
	c.out.WriteString(line)
	c.out.WriteString("\r\n")
	if err := c.flush(); err != nil {
		return c.lastWord(err)
	}
	return c.ReadReply()
}
