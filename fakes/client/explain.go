package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Explain says in plain words what a session's error means: that nobody listens, that the other side closed the
// connection or never answered, that it speaks another protocol. What err says itself stands behind; an error that has no
// plainer words is told as it is.
func Explain(err error) string {
	words := plainly(err)
	if words == "" {
		return err.Error()
	}
	return words + ": " + err.Error()
}

// plainly gives the words for err, "" where there are none.
func plainly(err error) string {
	var wrong *ProtocolError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		if protocol := protocolOf(string(record.RecordHeader[:])); protocol != "" {
			return fmt.Sprintf("the relay speaks %s, not TLS", protocol)
		}
		return "the relay speaks clear text where TLS was expected"
	case errors.As(err, &wrong):
		return wrong.plainly()
	case timedOut(err):
		return "the relay doesn't answer"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there"
	}
	return ""
}

// plainly gives the words for what came in place of a reply.
func (e *ProtocolError) plainly() string {
	switch protocol := protocolOf(e.Line); {
	case protocol != "":
		return fmt.Sprintf("the relay speaks %s, not SMTP", protocol)
	case Ended(e.Err) && e.Command == "":
		return "the relay closed the connection without a greeting"
	case Ended(e.Err):
		return "the relay closed the connection"
	case e.Err == nil:
		return "the relay's answer is no SMTP"
	}
	return ""
}

// protocolOf names the protocol that a line begins like, "" when it could be SMTP or anything. Sources: RFC 9112 §4,
// RFC 4253 §4.2, RFC 1939 §3, RFC 9051 §7.1, RFC 8446 §5.1 (alert and handshake records).
func protocolOf(line string) string {
	for _, p := range [...]struct{ beginning, name string }{
		{"HTTP/", "HTTP"}, {"SSH-", "SSH"}, {"+OK", "POP3"}, {"* OK", "IMAP"}, {"\x15\x03", "TLS"}, {"\x16\x03", "TLS"},
	} {
		if strings.HasPrefix(line, p.beginning) {
			return p.name
		}
	}
	return ""
}
