package main

import (
	"net/netip"
	"strings"
)

// Limits of RFC 5321 §4.5.3.1, in octets.
const (
	maxLocal  = 64  // §4.5.3.1.1
	maxDomain = 255 // §4.5.3.1.2
	maxPath   = 256 // §4.5.3.1.3, with < and >
)

// path reads <...> at the beginning of s and gives the mailbox in it, without a source route, and what stands behind.
// Source: RFC 5321 §4.1.2 (Path), appendix C: a source route is taken, and not gone by.
func path(s string) (mailbox, rest string, ok bool) {
	if !strings.HasPrefix(s, "<") {
		return "", "", false
	}
	inner := s[1:]
	if strings.HasPrefix(inner, "@") {
		if inner, ok = cutRoute(inner); !ok {
			return "", "", false
		}
	}
	local, behind, ok := cutLocal(inner)
	if !ok {
		return "", "", false
	}
	domain, rest, ok := strings.Cut(behind, ">")
	if !ok || !isDomain(domain) && !isLiteral(domain) || len(s)-len(rest) > maxPath {
		return "", "", false
	}
	return local + "@" + domain, rest, true
}

// cutRoute takes @a,@b: off the front. Source: RFC 5321 §4.1.2 (A-d-l).
func cutRoute(s string) (string, bool) {
	route, rest, ok := strings.Cut(s, ":")
	if !ok {
		return "", false
	}
	for _, hop := range strings.Split(route, ",") {
		if !strings.HasPrefix(hop, "@") || !isDomain(hop[1:]) {
			return "", false
		}
	}
	return rest, true
}

// cutLocal takes the local part and its @ off the front. Source: RFC 5321 §4.1.2 (Local-part).
func cutLocal(s string) (local, rest string, ok bool) {
	if strings.HasPrefix(s, `"`) {
		end := closing(s)
		if end < 0 || !strings.HasPrefix(s[end+1:], "@") || end+1 > maxLocal {
			return "", "", false
		}
		return s[:end+1], s[end+2:], true
	}
	local, rest, ok = strings.Cut(s, "@")
	return local, rest, ok && isDotString(local) && len(local) <= maxLocal
}

// closing finds the quote that ends the quoted string s begins with, -1 when there is none. Source: RFC 5321 §4.1.2.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i
		case c == '\\':
			if i++; i == len(s) || s[i] < ' ' || s[i] > '~' {
				return -1
			}
		case c < ' ' || c > '~':
			return -1
		}
	}
	return -1
}

// isDotString tells whether s is atoms with dots between them. Source: RFC 5321 §4.1.2, RFC 5322 §3.2.3.
func isDotString(s string) bool {
	for _, atom := range strings.Split(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtext(r) }) {
			return false
		}
	}
	return true
}

func isAtext(r rune) bool {
	return isLetterOrDigit(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// isDomain tells whether s is labels with dots between them. Source: RFC 5321 §4.1.2 (Domain), RFC 1035 §2.3.4.
func isDomain(s string) bool {
	if len(s) > maxDomain {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(r rune) bool { return !isLetterOrDigit(r) && r != '-' }) {
			return false
		}
	}
	return true
}

// isLiteral tells whether s is an address literal. Source: RFC 5321 §4.1.3.
func isLiteral(s string) bool {
	inner, opened := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed {
		return false
	}
	tag, rest, tagged := strings.Cut(inner, ":")
	address, err := netip.ParseAddr(inner)
	if tagged && strings.EqualFold(tag, "IPv6") {
		address, err = netip.ParseAddr(rest)
		return err == nil && address.Is6() && address.Zone() == ""
	}
	return err == nil && address.Is4()
}
