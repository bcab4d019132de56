package transcript

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Call is one line of the file form, for programs: what was asked of the target beside the dialogue, or what a reader
// needs to say the next line of the session again.
//
//	+0.000000 @: world {"customers":[...]}
//	+0.000000 [1] @: connect {"port":587}
//	+0.002000 [1] @: secret [{"text":"AUTH PLAIN "},{"base64":[{"text":"\u0000anna@a.example\u0000"},{"secret":"password of anna@a.example"}]}]
//	+0.002000 [1] C: AUTH PLAIN [redacted]
//
// Credentials that Know named stand in it by their name, in braces within JSON texts, and never by their value.

// SecretCall is the verb of the call that says how a line with credentials is made: Parts. It stands before that line.
const SecretCall = "secret"

// Part is a piece of a line with credentials. Only one of its fields is set.
type Part struct {
	Text   string `json:"text,omitempty"`
	Octets []byte `json:"octets,omitempty"` // what is no UTF-8
	Base64 []Part `json:"base64,omitempty"` // in base64, joined
	Secret string `json:"secret,omitempty"` // the name of a credential
}

// Know gives a credential a name under which calls may speak of it: "password of anna@a.example". The value itself is
// never written.
func (t *Transcript) Know(value, name string) {
	if t == nil || value == "" || name == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[string]string{}
	}
	t.known[value] = name
}

// Call records what was asked of the target, or what is needed to replay session: body is written as JSON, each credential
// that is known by its name. What can't be written as JSON is a programmer's mistake: it is recorded as a note.
func (t *Transcript) Call(session, verb string, body any) {
	if t == nil {
		return
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		t.Note(session, fmt.Sprintf("%s can't be written: %v", verb, err))
		return
	}
	t.mu.Lock()
	written := t.named(strings.TrimSuffix(text.String(), "\n"))
	t.mu.Unlock()
	t.Add(Entry{Session: session, Kind: Call, Text: verb + " " + written})
}

// Verb gives what a Call asks, and its body.
func (e Entry) Verb() (verb string, body []byte) {
	verb, rest, _ := strings.Cut(e.Text, " ")
	return verb, []byte(rest)
}

// named gives JSON with the names of the known credentials in the place of their values. Keys stay as they are.
func (t *Transcript) named(text string) string {
	if len(t.known) == 0 {
		return text
	}
	words := t.wording()
	var b strings.Builder
	last := 0
	for _, at := range jsonText.FindAllStringIndex(text, -1) {
		from, to := at[0], at[1]
		var value string
		if strings.HasPrefix(text[to:], ":") || json.Unmarshal([]byte(text[from:to]), &value) != nil {
			continue
		}
		if named := words.of(value); named != value {
			b.WriteString(text[last:from])
			b.WriteString(inJSON(named))
			last = to
		}
	}
	b.WriteString(text[last:])
	return b.String()
}

// jsonText matches the texts of compact JSON; behind one that is a key stands a colon.
var jsonText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// inJSON gives text as JSON writes it.
func inJSON(text string) string {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text can always be written
	return strings.TrimSuffix(quoted.String(), "\n")
}

// wording puts the names of credentials, in braces, in their places.
type wording struct {
	whole          map[string]string // a text that is a credential
	parts, inNames *strings.Replacer // of other texts, and of names
}

func (t *Transcript) wording() wording {
	w := wording{whole: map[string]string{}}
	var parts, inNames []string
	for _, credential := range t.values() { // one that holds another first
		name := "{" + t.known[credential] + "}"
		credential = string([]rune(credential)) // as JSON writes what is no UTF-8
		w.whole[credential] = name
		parts = append(parts, credential, name)
		if len(credential) >= byChance || strings.ContainsAny(credential, ".@") {
			inNames = append(inNames, credential, name)
		}
	}
	w.parts, w.inNames = strings.NewReplacer(parts...), strings.NewReplacer(inNames...)
	return w
}

// of gives value without credentials: it is one, or holds some. A domain or an address isn't touched for a short credential
// that is one word in it, as corp is in corp.example: it would be another one.
func (w wording) of(value string) string {
	if name, ok := w.whole[value]; ok {
		return name
	}
	if isName(value) {
		return w.inNames.Replace(value)
	}
	return w.parts.Replace(value)
}

// byChance is how long a credential is that is a part of no name by chance. Octets.
const byChance = 16

// isName tells whether text can be nothing but a domain, an address of mail, or one of IP, with a port or a length or without.
func isName(text string) bool {
	if mailName.MatchString(text) {
		return true
	}
	if strings.Contains(text, "%") { // behind it an address may have anything
		return false
	}
	_, noAddress := netip.ParseAddr(text)
	_, noPort := netip.ParseAddrPort(text)
	_, noPrefix := netip.ParsePrefix(text)
	return noAddress == nil || noPort == nil || noPrefix == nil
}

// mailName matches a domain of two labels or more, and an address with such a domain.
var mailName = regexp.MustCompile(`^(?:[\pL\pN_.+*-]+@)?[\pL\pN_*-]+(?:\.[\pL\pN_-]+)+$`)

// Misnamed is the error of a call whose JSON has a credential's name where another text stood that held the same by chance:
// in a part of a text, or under a key that holds no credential. Then nobody knows what stood there. nil: there is none.
func Misnamed(body []byte) error {
	key := ""
	for _, at := range jsonText.FindAllIndex(body, -1) {
		var value string
		if json.Unmarshal(body[at[0]:at[1]], &value) != nil {
			continue
		}
		if bytes.HasPrefix(bytes.TrimLeft(body[at[1]:], " \t\r\n"), []byte(":")) {
			key = value
			continue
		}
		if m := credentialName.FindString(value); m != "" && (m != value || !slices.Contains([]string{"password", "value", "token"}, key)) {
			return fmt.Errorf("%q has a credential's name where none belongs: the credential was a part of another text by chance. "+
				"Record it anew with a credential that is no word", value)
		}
	}
	return nil
}

// credentialName matches the name of a credential in braces, as callers of Know choose it.
var credentialName = regexp.MustCompile(`\{(?:password|(?:expired )?token(?: [0-9]+)?) of [^{}]*\}`)

// values are the known credentials, one that holds another first.
func (t *Transcript) values() []string {
	values := make([]string, 0, len(t.known))
	for value := range t.known {
		values = append(values, value)
	}
	slices.SortFunc(values, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return values
}

// recipe is the call that says how e, which is secret, is made. ok is false where nothing is known: then nobody can tell
// what of e is a credential.
func (t *Transcript) recipe(e Entry) (call Entry, ok bool) {
	if len(t.known) == 0 || e.Kind != Client && e.Kind != Raw || e.Text == redacted || e.Redacted() == e.Text {
		return Entry{}, false
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(t.parts(e.Text, true)); err != nil {
		return Entry{}, false
	}
	return Entry{At: e.At, Session: e.Session, Kind: Call, Text: SecretCall + " " + strings.TrimSuffix(text.String(), "\n")}, true
}

// parts takes octets apart: the known credentials, and where encoded says so what is base64 of text that a reader may have
// to change.
func (t *Transcript) parts(octets string, encoded bool) []Part {
	found := []Part{}
	plain := 0 // where what hasn't been written begins
	flush := func(to int) {
		if plain < to {
			found = append(found, partOf(octets[plain:to]))
		}
	}
	values := t.values()
	for at := 0; at < len(octets); {
		if value := beginsWith(octets[at:], values); value != "" {
			flush(at)
			found = append(found, Part{Secret: t.known[value]})
			at += len(value)
			plain = at
			continue
		}
		word := base64Word(octets[at:])
		if decoded, ok := decodes(word); encoded && ok && t.telling(decoded) && (at == 0 || !isBase64(octets[at-1])) {
			flush(at)
			found = append(found, Part{Base64: t.message(decoded)})
			at += len(word)
			plain = at
			continue
		}
		at++
	}
	flush(len(octets))
	return found
}

// message takes a decoded text apart: in one of PLAIN the names before the password are left whole. Source: RFC 4616 §2.
func (t *Transcript) message(decoded string) []Part {
	fields, words := strings.Split(decoded, "\x00"), t.wording()
	if len(fields) != 3 || words.of(fields[0]) != fields[0] || words.of(fields[1]) != fields[1] {
		return t.parts(decoded, false)
	}
	names := fields[0] + "\x00" + fields[1] + "\x00"
	return append([]Part{partOf(names)}, t.parts(fields[2], false)...)
}

// telling tells whether a decoded text holds a credential, or a name.
func (t *Transcript) telling(decoded string) bool {
	if strings.ContainsAny(decoded, "@\x00") {
		return true
	}
	return slices.ContainsFunc(t.values(), func(value string) bool { return strings.Contains(decoded, value) })
}

func partOf(text string) Part {
	if utf8.ValidString(text) {
		return Part{Text: text}
	}
	return Part{Octets: []byte(text)}
}

// beginsWith gives the first of values that text begins with, "" where there is none.
func beginsWith(text string, values []string) string {
	for _, value := range values {
		if strings.HasPrefix(text, value) {
			return value
		}
	}
	return ""
}

// base64Word is the base64 that text begins with.
func base64Word(text string) string {
	end := 0
	for end < len(text) && isBase64(text[end]) {
		end++
	}
	return text[:end]
}

func isBase64(c byte) bool { return strings.IndexByte(base64Letters+"=", c) >= 0 }

// decodes gives what word encodes, where encoding it gives word again.
func decodes(word string) (string, bool) {
	if len(word) < 4 {
		return "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(word)
	if err != nil || base64.StdEncoding.EncodeToString(decoded) != word {
		return "", false
	}
	return string(decoded), true
}

// Join puts parts together: text gives what a text is to be, secret the value of a credential's name.
func Join(parts []Part, text func(string) string, secret func(name string) (string, error)) (string, error) {
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.Secret != "":
			value, err := secret(p.Secret)
			if err != nil {
				return "", err
			}
			b.WriteString(value)
		case p.Base64 != nil:
			inner, err := Join(p.Base64, text, secret)
			if err != nil {
				return "", err
			}
			b.WriteString(base64.StdEncoding.EncodeToString([]byte(inner)))
		case p.Octets != nil:
			b.Write(p.Octets)
		default:
			b.WriteString(text(p.Text))
		}
	}
	return b.String(), nil
}
