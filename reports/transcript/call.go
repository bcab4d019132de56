package transcript

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
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

// named gives JSON with the names of the known credentials in the place of their values. A value stands in it as JSON
// writes it.
func (t *Transcript) named(text string) string {
	for _, value := range t.values() {
		var quoted bytes.Buffer
		encoder := json.NewEncoder(&quoted)
		encoder.SetEscapeHTML(false)
		if encoder.Encode(value) != nil {
			continue
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(quoted.String()), `"`), `"`)
		text = strings.ReplaceAll(text, inner, "{"+t.known[value]+"}")
	}
	return text
}

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
			found = append(found, Part{Base64: t.parts(decoded, false)})
			at += len(word)
			plain = at
			continue
		}
		at++
	}
	flush(len(octets))
	return found
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
