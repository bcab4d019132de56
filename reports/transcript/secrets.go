package transcript

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Secrets leaves credentials out of the texts that stand beside a transcript: what an assertion quotes, what a relay
// echoes. It knows a credential by its form, and those of given entries by their value. The zero value knows only forms.
type Secrets struct {
	values *strings.Replacer // nil: none is known
}

// What is shorter is taken for no credential by its value: it would be found in too many words. Octets.
const (
	minAnswer   = 6 // as it goes over the wire
	minPassword = 4 // what is in it
)

// SecretsOf gives the credentials that were said in entries: each answer to AUTH as it went over the wire, and the
// password, token or digest in it. A user's name is none.
func SecretsOf(entries []Entry) Secrets {
	found := map[string]bool{}
	sessions := map[string]*answers{}
	for _, e := range entries {
		if e.Kind != Client && e.Kind != Raw {
			continue
		}
		said := sessions[e.Session]
		if said == nil {
			said = &answers{found: found}
			sessions[e.Session] = said
		}
		for line := range strings.Lines(e.Text) {
			said.line(strings.TrimRight(line, "\r\n"), e.Secret)
		}
	}
	return secretsOf(found)
}

func secretsOf(found map[string]bool) Secrets {
	if len(found) == 0 {
		return Secrets{}
	}
	values := make([]string, 0, 2*len(found))
	for value := range found {
		values = append(values, value)
	}
	// A value that holds another goes first; the order is the same every time.
	slices.SortFunc(values, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, value := range values {
		pairs = append(pairs, value, redacted)
	}
	return Secrets{values: strings.NewReplacer(pairs...)}
}

// answers are what one session said to AUTH.
type answers struct {
	found     map[string]bool
	mechanism string // of the last AUTH
	said      int    // answers to it
	due       int    // that follow it in the same octets
}

func (a *answers) line(line string, secret bool) {
	words := strings.Fields(line)
	if len(words) > 1 && strings.EqualFold(words[0], "AUTH") {
		a.mechanism, a.said, a.due = strings.ToUpper(words[1]), 0, responsesTo(line)
		if len(words) > 2 {
			a.answer(strings.Join(words[2:], " "))
		}
		return
	}
	if secret || a.due > 0 {
		a.due = max(0, a.due-1)
		a.answer(line)
	}
}

// answer keeps what is secret in one answer.
func (a *answers) answer(line string) {
	a.said++
	if line == redacted || isCommand(line) {
		return
	}
	a.keep(line, minAnswer)
	if decoded, ok := decode(line); ok {
		a.keep(a.within(decoded), minPassword)
	}
}

// within gives what is secret in a decoded answer.
func (a *answers) within(decoded string) string {
	if token := tokenIn(decoded); token != "" {
		return token
	}
	if at := strings.LastIndexByte(decoded, 0); at >= 0 { // RFC 4616: authzid NUL authcid NUL passwd
		return decoded[at+1:]
	}
	switch a.mechanism {
	case "LOGIN": // the name, then the password
		if a.said == 1 {
			return ""
		}
	case "CRAM-MD5": // RFC 2195: the name, a blank, the digest
		return decoded[strings.LastIndexByte(decoded, ' ')+1:]
	}
	return decoded
}

// keep notes value, as it is and as it stands in a Go-quoted text.
func (a *answers) keep(value string, least int) {
	if len(value) < least || value == redacted {
		return
	}
	quoted := strconv.Quote(value)
	a.found[value], a.found[quoted[1:len(quoted)-1]] = true, true
	a.found[base64.StdEncoding.EncodeToString([]byte(value))] = true
}

// isCommand tells whether line is no answer but an SMTP command, sent where an answer was due.
func isCommand(line string) bool {
	verb, _, _ := strings.Cut(line, " ")
	verbs := []string{"HELO", "EHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "STARTTLS"}
	return slices.Contains(verbs, strings.ToUpper(verb))
}

// decode reads base64, padded or not.
func decode(word string) (string, bool) {
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(word, "="))
	return string(decoded), err == nil
}

// tokenIn gives the bearer token of a decoded XOAUTH2 or OAUTHBEARER message, "" when there is none. Source: RFC 7628 §3.1.
func tokenIn(decoded string) string {
	_, token, found := strings.Cut(decoded, "auth=Bearer ")
	if !found {
		return ""
	}
	token, _, _ = strings.Cut(token, "\x01")
	return token
}

// The forms of credentials in running text. What is secret is the last group of each.
var (
	sayAuth   = regexp.MustCompile(`(?i)(\bAUTH[ \t]+[A-Z0-9_-]+[ \t]+)([A-Z0-9+/]+={0,2})`)
	challenge = regexp.MustCompile(`(?m)(\b334[ -][^\n]*\n(?:[^\n]*[ :])?)([A-Za-z0-9+/]{4,}={0,2})[ \t\r]*$`)
	bearer    = regexp.MustCompile(`(?i)(\bBearer[ \t]+)([A-Z0-9._~+/-]+=*)`)
	base64ish = regexp.MustCompile(`()([A-Za-z0-9+/]{8,}={0,2})`)
	named     = regexp.MustCompile(`(?i)(\b(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key|(?:access|refresh|id)[_-]?token)` +
		`(?:["']?\s*[=:]\s*"|\s+"))([^"]+)`)
	assigned = regexp.MustCompile(`(?i)(\b(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key|(?:access|refresh|id)[_-]?token)` +
		`["']?\s*[=:]\s*)([^\s",;&]+)`)
	inURL = regexp.MustCompile(`(://[^\s/@:]+:)([^\s/@]+)@`)
)

// LeaveOut gives text without credentials: those that s knows by value, initial responses of AUTH, answers to 334, bearer
// tokens, the messages of PLAIN, XOAUTH2 and OAUTHBEARER wherever they stand, and what is called a password, a secret or a
// key. It changes nothing when it is applied to its own result.
func (s Secrets) LeaveOut(text string) string {
	if s.values != nil { // what was left out before stays as it is, also if a password is a part of the mark
		parts := strings.Split(text, redacted)
		for i, part := range parts {
			parts[i] = s.values.Replace(part)
		}
		text = strings.Join(parts, redacted)
	}
	if hinted(text) {
		text = leaveOut(text, sayAuth, encoded)
		text = leaveOut(text, challenge, nil)
		text = leaveOut(text, bearer, likeToken)
		text = leaveOut(text, named, nil)
		text = leaveOut(text, assigned, nil)
		text = leaveOut(text, inURL, nil)
	}
	if holdsMessage(text) {
		text = leaveOut(text, base64ish, saslMessage)
	}
	return text
}

// hinted tells quickly whether text may hold a form that has words of its own. Nearly every line of a transcript has none.
func hinted(text string) bool {
	lower := strings.ToLower(text)
	for _, hint := range []string{"auth", "334", "bearer", "pass", "pwd", "secret", "key", "token", "://"} {
		if strings.Contains(lower, hint) {
			return true
		}
	}
	return false
}

// holdsMessage tells quickly whether a word of text is a SASL message.
func holdsMessage(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !strings.ContainsRune(base64Letters, r) }) {
		if len(word) >= 8 && saslMessage(word) {
			return true
		}
	}
	return false
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// leaveOut redacts the second group of each match of form that secret takes; nil takes each.
func leaveOut(text string, form *regexp.Regexp, secret func(string) bool) string {
	matches := form.FindAllStringSubmatchIndex(text, -1)
	if matches == nil {
		return text
	}
	var b strings.Builder
	last := 0
	for _, m := range matches {
		from, to := m[4], m[5]
		if secret != nil && !secret(text[from:to]) {
			continue
		}
		b.WriteString(text[last:from])
		b.WriteString(redacted)
		last = to
	}
	b.WriteString(text[last:])
	return b.String()
}

// encoded tells whether word, said behind AUTH and a mechanism, is base64 rather than a word of a sentence.
func encoded(word string) bool {
	return strings.ContainsAny(word, "0123456789+/=") || word != strings.ToLower(word) && len(word) >= minAnswer
}

// likeToken tells whether word, said behind Bearer, is a token rather than a word of a sentence.
func likeToken(word string) bool {
	return len(word) >= 16 || strings.ContainsAny(strings.TrimRight(word, "."), "0123456789._~+/=")
}

// saslMessage tells whether word is the base64 of a SASL message with credentials in it.
func saslMessage(word string) bool {
	decoded, ok := decode(word)
	switch {
	case !ok:
		return false
	case tokenIn(decoded) != "":
		return true
	case strings.Count(decoded, "\x00") != 2 || strings.HasSuffix(decoded, "\x00"):
		return false
	}
	return plain(strings.Trim(strings.ReplaceAll(decoded, "\x00", "."), " "))
}
