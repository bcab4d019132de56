package policyd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// Bounds of a request. Postfix sends some 40 attributes, and no line over 2048 octets (line_length_limit).
const (
	longestLine    = 4 << 10
	mostAttributes = 200
)

// The states of the dialogue at which Postfix asks. Others are answered with DUNNO.
const (
	stateConnect = "CONNECT"
	stateHelo    = "HELO"
	stateEhlo    = "EHLO"
	stateMail    = "MAIL"
	stateRcpt    = "RCPT"
	stateData    = "DATA"
	stateEnd     = "END-OF-MESSAGE"
)

// request is what Postfix asks about.
type request struct {
	state      string
	instance   string // of the transaction
	client     netip.Addr
	clientPort string // "" from a Postfix before 3.0
	serverPort string // "" from a Postfix before 3.2
	helo       string
	extended   bool
	user       string // that authenticated
	tls        bool
	sender     policy.Address
	recipient  policy.Address
	recipients int // accepted so far; at DATA and later only
	size       int64
}

// errNoRequest tells that what came is no request.
var errNoRequest = errors.New("no policy request")

func noRequest(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errNoRequest, fmt.Sprintf(format, args...))
}

// readRequest reads name=value lines as far as the empty line. The error is io.EOF where the client has ended between two
// requests, errNoRequest for what is none, or what the connection says.
func readRequest(from *bufio.Reader) (request, error) {
	attributes := map[string]string{}
	for {
		line, err := readLine(from)
		switch {
		case err == io.EOF && len(attributes) > 0:
			return request{}, noRequest("the connection ended after %d attributes, without an empty line", len(attributes))
		case err != nil:
			return request{}, err
		case line == "":
			return parse(attributes)
		case len(attributes) >= mostAttributes:
			return request{}, noRequest("more than %d attributes", mostAttributes)
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" {
			return request{}, noRequest("%.80q is no name=value", line)
		}
		if _, twice := attributes[name]; twice {
			return request{}, noRequest("attribute %.80q is given twice", name)
		}
		attributes[name] = value
	}
}

// readLine gives a line without its end.
func readLine(from *bufio.Reader) (string, error) {
	line, err := from.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", noRequest("a line of more than %d octets", longestLine)
	case err == io.EOF && len(line) > 0:
		return "", noRequest("the connection ended in the line %.80q", line)
	case err != nil:
		return "", err
	}
	text := strings.TrimSuffix(string(line[:len(line)-1]), "\r")
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7F }) {
		return "", noRequest("control characters in %.80q", text)
	}
	return text, nil
}

// parse reads the attributes of a request.
func parse(attributes map[string]string) (request, error) {
	const kind = "smtpd_access_policy"
	if attributes["request"] != kind {
		return request{}, noRequest("request=%.80q, not %s", attributes["request"], kind)
	}
	r := request{
		state:      attributes["protocol_state"],
		instance:   attributes["instance"],
		clientPort: attributes["client_port"],
		serverPort: attributes["server_port"],
		helo:       attributes["helo_name"],
		extended:   attributes["protocol_name"] == "ESMTP",
		user:       attributes["sasl_username"],
		tls:        attributes["encryption_protocol"] != "",
		sender:     addressOf(attributes["sender"]),
		recipient:  addressOf(attributes["recipient"]),
	}
	if r.state == "" {
		return r, noRequest("protocol_state is missing")
	}
	var errs [3]error
	r.client, errs[0] = addrOf(attributes["client_address"])
	r.recipients, errs[1] = number[int]("recipient_count", attributes["recipient_count"])
	r.size, errs[2] = number[int64]("size", attributes["size"])
	return r, errors.Join(errs[:]...)
}

// addressOf reads an address as Postfix gives it: without quotes and brackets. A domain has no @, so the last one divides.
func addressOf(text string) policy.Address {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return policy.Address{Local: text}
	}
	return policy.Address{Local: text[:at], Domain: strings.Map(lower, text[at+1:])}
}

// lower is for ASCII alone: other letters of a domain stay. See policy.Address.
func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

// addrOf reads a client's address; a client without one, by Postfix's standard input, is nobody's.
func addrOf(text string) (netip.Addr, error) {
	if text == "" || text == "unknown" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return addr, noRequest("client_address=%.80q is no IP address", text)
	}
	return addr.Unmap().WithZone(""), nil
}

// number reads a count. Absent and empty: 0.
func number[T int | int64](name, text string) (T, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, noRequest("%s=%.80q is no number that can be", name, text)
	}
	return T(n), nil
}
