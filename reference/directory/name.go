package directory

import (
	"strings"
	"unicode/utf8"

	"github.com/relayspec/relayspec/reference/policy"
)

// Bounds of names, in octets.
const (
	maxDomain  = 253 // RFC 1035 §2.3.4 without the length octets and the root
	maxLabel   = 63  // RFC 1035 §2.3.4
	maxLocal   = 64  // RFC 5321 §4.5.3.1.1
	maxAddress = maxLocal + 1 + maxDomain
	maxID      = 128
)

// appendLower adds s to dst with ASCII letters in lower case. Other letters stay: Unicode folding would make
// different addresses equal.
func appendLower(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendKey adds what a is found under.
func appendKey(dst []byte, a policy.Address) []byte {
	dst = appendLower(dst, a.Local)
	dst = append(dst, '@')
	return appendLower(dst, policy.ToASCII(trimDot(a.Domain)))
}

func lower(s string) string { return string(appendLower(nil, s)) }

// canonical is the form that a domain is registered and found under: A-labels, lower case, no dot at the end.
func canonical(domain string) string { return lower(policy.ToASCII(trimDot(domain))) }

func trimDot(domain string) string { return strings.TrimSuffix(domain, ".") }

// domainFault says why name, in lower case, can't be a registered domain; empty: it can.
func domainFault(name string) string {
	labels := strings.Split(name, ".")
	switch {
	case name == "":
		return "the domain is empty; write a name such as acme.example"
	case strings.HasPrefix(name, "["):
		return "an address literal is no domain; write a name such as acme.example"
	case len(name) > maxDomain:
		return "the domain is longer than 253 octets; write a shorter one"
	case len(labels) < 2:
		return "domain " + quote(name) + " has fewer than two labels; write it in full, such as acme.example"
	case strings.Trim(labels[len(labels)-1], "0123456789") == "":
		return "domain " + quote(name) + " ends in a number, as an IP address does; write a name such as acme.example"
	}
	for _, label := range labels {
		if fault := labelFault(label); fault != "" {
			return "bad domain " + quote(name) + ": " + fault
		}
	}
	return ""
}

// labelFault says what is wrong with a label. Source: RFC 5321 §2.3.5 (letters, digits, hyphens), RFC 5890 §2.3.2.1.
func labelFault(label string) string {
	switch {
	case label == "":
		return "a label is empty; take the extra dot out"
	case len(label) > maxLabel:
		return "a label is longer than 63 octets; write a shorter one"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "a label begins or ends with a hyphen; take it out"
	}
	for _, c := range label {
		switch {
		case c >= 0x80:
			return "it has letters outside ASCII that no domain has; write it as it is registered, or its xn-- form"
		case !isLetterOrDigit(byte(c)) && c != '-':
			return "it has a " + quote(string(c)) + "; use letters, digits, hyphens and dots only"
		}
	}
	return ""
}

func isLetterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// parseAddress reads a user's address. A user's local part is a dot-string: the console offers no other.
func parseAddress(s string) (a policy.Address, fault string) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return a, "address " + quote(s) + " has no @; write user@domain"
	}
	a = policy.Address{Local: s[:at], Domain: canonical(s[at+1:])}
	if fault := localFault(a.Local); fault != "" {
		return a, "bad address " + quote(s) + ": " + fault
	}
	if fault := domainFault(a.Domain); fault != "" {
		return a, "bad address " + quote(s) + ": " + fault
	}
	return a, ""
}

// atext are the signs beside letters and digits that an atom may have. Source: RFC 5322 §3.2.3.
const atext = "!#$%&'*+-/=?^_`{|}~"

func localFault(local string) string {
	switch {
	case local == "":
		return "nothing stands before the @; write user@domain"
	case !utf8.ValidString(local):
		return "what stands before the @ isn't UTF-8; write it in UTF-8"
	case len(local) > maxLocal:
		return "more than 64 octets stand before the @; write a shorter one"
	case strings.HasPrefix(local, "."), strings.HasSuffix(local, "."), strings.Contains(local, ".."):
		return "a dot stands first, last or twice; take it out"
	}
	for i := 0; i < len(local); i++ {
		if c := local[i]; c < 0x80 && !isLetterOrDigit(c) && c != '.' && strings.IndexByte(atext, c) < 0 {
			return "it has a " + quote(string(rune(c))) + " before the @; take it out"
		}
	}
	return ""
}
