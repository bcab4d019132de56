package features

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/features/target"
)

// words fills in what a feature of the protocol leaves open in a line. Roles stand in braces, for they have other names
// on each relay:
//
//	{client}            a name for EHLO that the relay accepts
//	{sender}            an envelope sender whose mail it takes
//	{recipient}         a recipient that it takes mail to; {recipient2}, {recipient3} ... are others
//	{local of sender}, {domain of sender}, {upper sender}, {lower sender}: a part of a role, or its letters in one case
//	{user} {password} {bearer}    who may authenticate; {other} {expired} another user, a token that is good no more
//	{token}             what makes this scenario's messages known again; {message} a whole small message with it
//	{base64 TEXT}       TEXT in base64, its own braces filled in first
//	{length TEXT}       how many octets TEXT has, its own braces filled in first
//	{size}              the largest message, in octets, as EHLO announced it; {size+1}, {size-1}: one more, one less
//	{TEXT*N}            TEXT, N times
//	{CR} {LF} {CRLF} {NUL}    the octets of that name, where a table shows them better than an escape
//
// A backslash begins an escape: \r \n \t \0 \\ \xHH. Both are how a feature says what no editor shows.
type words struct {
	roles     target.Roles
	token     string
	announced client.Capabilities // of the last EHLO
	barred    bool                // it would take mail of the roles only if the client had authenticated
}

// fill gives text as octets to be sent. An error names what can't be filled in.
func (w words) fill(text string) (string, error) {
	filled, rest, err := w.until(text, 0)
	if err == nil && rest != "" {
		err = fmt.Errorf("%q has a } without its {", text)
	}
	return filled, err
}

// until reads text up to the end, or inside braces up to their }.
func (w words) until(text string, depth int) (filled, rest string, err error) {
	var b strings.Builder
	for text != "" {
		switch c := text[0]; {
		case c == '\\':
			octet, after, err := escape(text)
			if err != nil {
				return "", "", err
			}
			b.WriteByte(octet)
			text = after
		case c == '{':
			inner, after, err := w.until(text[1:], depth+1)
			if err != nil {
				return "", "", err
			}
			value, err := w.value(inner)
			if err != nil {
				return "", "", err
			}
			b.WriteString(value)
			text = after
		case c == '}' && depth > 0:
			return b.String(), text[1:], nil
		case c == '}':
			return b.String(), text, nil
		default:
			b.WriteByte(c)
			text = text[1:]
		}
	}
	if depth > 0 {
		return "", "", fmt.Errorf("a { has no }")
	}
	return b.String(), "", nil
}

// escape reads the escape that text begins with.
func escape(text string) (octet byte, rest string, err error) {
	if len(text) < 2 {
		return 0, "", fmt.Errorf("a backslash stands at the end")
	}
	switch text[1] {
	case 'r':
		return '\r', text[2:], nil
	case 'n':
		return '\n', text[2:], nil
	case 't':
		return '\t', text[2:], nil
	case '0':
		return 0, text[2:], nil
	case '\\':
		return '\\', text[2:], nil
	case 'x':
		if len(text) >= 4 {
			if value, err := strconv.ParseUint(text[2:4], 16, 8); err == nil {
				return byte(value), text[4:], nil
			}
		}
	}
	return 0, "", fmt.Errorf("nobody knows the escape %q", text[:2])
}

// value gives what stands for the words in a pair of braces.
func (w words) value(inner string) (string, error) {
	if at := strings.LastIndexByte(inner, '*'); at >= 0 {
		if n, err := strconv.Atoi(inner[at+1:]); err == nil && n >= 0 && n <= maxRepeat {
			return strings.Repeat(inner[:at], n), nil
		}
	}
	if text, ok := strings.CutPrefix(inner, "base64 "); ok {
		return base64.StdEncoding.EncodeToString([]byte(text)), nil
	}
	if text, ok := strings.CutPrefix(inner, "length "); ok {
		return strconv.Itoa(len(text)), nil
	}
	if difference, ok := strings.CutPrefix(inner, "size"); ok {
		return w.size(difference)
	}
	for _, p := range parts() {
		if name, ok := strings.CutPrefix(inner, p.word+" "); ok {
			value, err := w.role(name)
			return p.of(value), err
		}
	}
	return w.role(inner)
}

// size gives the announced maximum of a message with difference, "+1" or the like, added. A relay that announces none
// lacks what the scenario is about. Source: RFC 1870 §4 (nothing, or 0: no maximum).
func (w words) size(difference string) (string, error) {
	announced := w.announced.Parameters("SIZE")
	if len(announced) == 0 || announced[0] == "0" {
		return "", &Missing{target.ExtSize}
	}
	size, err := strconv.ParseInt(announced[0], 10, 64)
	if err != nil {
		return "", fmt.Errorf("SIZE %s in the reply to EHLO is no number of octets to reckon with", announced[0])
	}
	more, err := strconv.ParseInt(cmp.Or(difference, "0"), 10, 64)
	if err != nil || difference != "" && !strings.ContainsAny(difference[:1], "+-") {
		return "", fmt.Errorf("no role is called {size%s}", difference)
	}
	return strconv.FormatInt(size+more, 10), nil
}

// maxRepeat bounds {TEXT*N}.
const maxRepeat = 1 << 20

// part is a word that takes a part of a role.
type part struct {
	word string
	of   func(string) string
}

func parts() []part {
	return []part{
		{"local of", func(s string) string { local, _, _ := strings.Cut(s, "@"); return local }},
		{"domain of", func(s string) string { return s[strings.LastIndexByte(s, '@')+1:] }},
		{"upper", strings.ToUpper},
		{"lower", strings.ToLower},
	}
}

// rolePrefix begins the name of a role as what a target lacks.
const rolePrefix = "role "

// roleCapability is a role as what a target lacks: its profile binds nobody to it.
func roleCapability(name string) target.Capability { return target.Capability(rolePrefix + name) }

// withoutAUTH is a role that nobody plays who hasn't authenticated.
func withoutAUTH(name string) error { return &Missing{roleCapability(name + " without AUTH")} }

// role gives the value of a role. A role that nobody plays is *Missing.
func (w words) role(name string) (string, error) {
	if w.barred && (name == "sender" || strings.HasPrefix(name, "recipient")) {
		return "", withoutAUTH(name)
	}
	if number, ok := strings.CutPrefix(name, "recipient"); ok {
		return w.recipient(number)
	}
	value, known := map[string]string{
		"client": w.roles.Client, "sender": w.roles.Sender,
		"user": w.roles.User.Address, "password": w.roles.User.Password, "bearer": bearer(w.roles.User),
		"other": w.roles.Other.Address, "other password": w.roles.Other.Password, "other bearer": bearer(w.roles.Other),
		"expired": w.roles.Expired,
		"token":   w.token, "message": w.message(),
		"CR": "\r", "LF": "\n", "CRLF": "\r\n", "NUL": "\x00",
	}[name]
	switch {
	case !known:
		return "", fmt.Errorf("no role is called {%s}", name)
	case value == "":
		return "", &Missing{roleCapability(name)}
	}
	return value, nil
}

// recipient gives the number-th recipient; "" is the first.
func (w words) recipient(number string) (string, error) {
	n := 1
	if number != "" {
		var err error
		if n, err = strconv.Atoi(number); err != nil || n < 1 {
			return "", fmt.Errorf("no role is called {recipient%s}", number)
		}
	}
	for i, r := range w.roles.Recipients {
		if domain, ok := strings.CutPrefix(r, "*@"); ok {
			return fmt.Sprintf("r%d@%s", n, domain), nil
		}
		if i+1 == n {
			return r, nil
		}
	}
	return "", &Missing{roleCapability(fmt.Sprintf("recipient %d", n))}
}

// bearer is the good token of a user.
func bearer(u target.User) string {
	if len(u.Tokens) == 0 {
		return ""
	}
	return u.Tokens[0].Value
}

// message is a whole small message, with the token in its text. Its last line ends in CRLF.
func (w words) message() string {
	recipient, _ := w.recipient("")
	m := mail{sender: w.roles.Sender, recipients: []string{recipient}, token: w.token}
	return string(m.content())
}
