package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Script is how the relay answers. Its zero value offers no extension and accepts all. Rules of a stage are asked in
// order; the first that applies speaks, and where none does the relay accepts, or says what is out of place (503).
type Script struct {
	Name         string   `json:"name,omitempty"` // what it calls itself; "": smtp-relay.gmail.com
	Ext          []string `json:"ext"`            // what EHLO offers, in this order: "SIZE 1000", "STARTTLS", "AUTH PLAIN"
	AuthAfterTLS bool     `json:"auth_after_tls,omitempty"`
	// Certificate is what STARTTLS shows: "" or self-signed, trusted (of the Authority that the options name), expired,
	// wrong-name (these two are of the authority too). Options.TLS wins over it.
	Certificate Certificate `json:"certificate,omitempty"`
	MaxRcpt     int         `json:"max_rcpt,omitempty"` // recipients accepted in a transaction, the next gets 452 4.5.3; 0: no bound

	Greeting Rules `json:"greeting,omitempty"`       // matched against the sender's address
	EHLO     Rules `json:"ehlo,omitempty"`           // against the name; a reply of 250 stands in the place of Ext
	HELO     Rules `json:"helo,omitempty"`           // likewise
	StartTLS Rules `json:"starttls,omitempty"`       // against ""; a reply of 220 begins TLS
	Auth     Rules `json:"auth,omitempty"`           // against the mechanism, when the credentials are there
	Mail     Rules `json:"mail_rules,omitempty"`     // against the sender's address, "" for <>
	Rcpt     Rules `json:"rcpt_rules,omitempty"`     // against the recipient
	Data     Rules `json:"datacmd_rules,omitempty"`  // in reply to DATA, against each accepted recipient
	Content  Rules `json:"content_rules,omitempty"`  // when Octets of the content have come, against each accepted recipient
	End      Rules `json:"data_rules,omitempty"`     // at the end of the content, against each accepted recipient
	Reset    Rules `json:"rset,omitempty"`           // against ""
	Quit     Rules `json:"quit,omitempty"`           // against ""
	Others   Rules `json:"other_commands,omitempty"` // against the verb of a command that isn't known, NOOP and VRFY too
}

// Rules are asked in order. In JSON a string stands for one rule that always gives that reply.
type Rules []Rule

// Rule is an answer and when it is given. In JSON it is an object, or [match, reply] or [match, reply, times].
type Rule struct {
	Match string `json:"match,omitempty"` // a pattern as of path.Match, letters of either case alike; "": anything
	Skip  int    `json:"skip,omitempty"`  // how many that match are let past first
	Times *int   `json:"times,omitempty"` // how often it applies after these; nil: always
	Per   Scope  `json:"per,omitempty"`   // what Skip and Times count in; "": all that the relay hears

	// Reply has its lines separated by \n, each with its code. More than one reply may stand in it: they are sent out
	// of order, as it were. "": the relay accepts (after Delay), unless Silent or Close says otherwise.
	Reply  string   `json:"reply,omitempty"`
	Raw    bool     `json:"raw,omitempty"`    // Reply is octets, sent as they are
	Delay  Duration `json:"delay,omitempty"`  // before the answer
	Silent bool     `json:"silent,omitempty"` // there is no answer; what follows is answered again
	Close  bool     `json:"close,omitempty"`  // the connection is closed behind the reply; without one: dropped
	Reset  bool     `json:"reset,omitempty"`  // and the client's kernel is told that it is gone (RST), where it is TCP
	Octets int      `json:"octets,omitempty"` // of Content rules: how much of the content is taken before
	Early  bool     `json:"early,omitempty"`  // of Auth rules: it speaks before the credentials are asked for
}

// Scope is what a rule counts in.
type Scope string

// The scopes.
const (
	PerRelay       Scope = ""
	PerSession     Scope = "session"
	PerTransaction Scope = "transaction"
)

// Duration is written as Go writes it ("500ms"); a bare number is seconds.
type Duration time.Duration

// Certificate names what a relay shows when TLS begins.
type Certificate string

// The certificates.
const (
	SelfSigned Certificate = "self-signed"
	Trusted    Certificate = "trusted"
	Expired    Certificate = "expired"
	WrongName  Certificate = "wrong-name"
)

// DefaultName is what a relay calls itself where its script says nothing.
const DefaultName = "smtp-relay.gmail.com"

// Always gives rules that answer everything with reply, lines separated by \n.
func Always(reply string) Rules { return Rules{{Reply: reply}} }

// Refuse gives a rule: what match (a pattern; "": anything) gets reply, the first times of them; times 0: always.
func Refuse(match, reply string, times int) Rule {
	r := Rule{Match: match, Reply: reply}
	if times > 0 {
		r.Times = &times
	}
	return r
}

// ReadScript reads a script from JSON. What it doesn't know is an error that says what there is.
func ReadScript(r io.Reader) (*Script, error) {
	s := &Script{}
	if err := strictly(r, s); err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	return s, nil
}

// ParseScript is ReadScript of text.
func ParseScript(text string) (*Script, error) { return ReadScript(strings.NewReader(text)) }

// strictly decodes one JSON value and nothing behind it.
func strictly(r io.Reader, into any) error {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return known(err, into)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the JSON value: expected one value")
	}
	return nil
}

// known adds what could be written to an error about a key that isn't known.
func known(err error, into any) error {
	if !strings.Contains(err.Error(), "unknown field") || strings.Contains(err.Error(), "known are") {
		return err
	}
	return fmt.Errorf("%w; known are %s", err, strings.Join(keysOf(into), ", "))
}

// keysOf are the keys that a struct has in JSON.
func keysOf(of any) []string {
	var keys []string
	for field := range reflect.TypeOf(of).Elem().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		keys = append(keys, name)
	}
	return keys
}

// Keys are the keys that a script has in JSON.
func Keys() []string { return keysOf(&Script{}) }

// Check says what in s can't be played: a pattern, a reply without a code, a scope or certificate that isn't known.
func (s *Script) Check() error {
	if !slices.Contains([]Certificate{"", SelfSigned, Trusted, Expired, WrongName}, s.Certificate) {
		return fmt.Errorf("certificate %q: expected self-signed, trusted, expired or wrong-name", s.Certificate)
	}
	if s.MaxRcpt < 0 {
		return fmt.Errorf("max_rcpt %d: expected 0 or more", s.MaxRcpt)
	}
	for name, rules := range s.stages() {
		for i, rule := range rules {
			if err := rule.check(); err != nil {
				return fmt.Errorf("%s, rule %d: %w", name, i+1, err)
			}
		}
	}
	return nil
}

// stages gives all rules by their keys.
func (s *Script) stages() map[string]Rules {
	return map[string]Rules{
		"greeting": s.Greeting, "ehlo": s.EHLO, "helo": s.HELO, "starttls": s.StartTLS, "auth": s.Auth, "mail_rules": s.Mail,
		"rcpt_rules": s.Rcpt, "datacmd_rules": s.Data, "content_rules": s.Content, "data_rules": s.End,
		"rset": s.Reset, "quit": s.Quit, "other_commands": s.Others,
	}
}

func (r *Rule) check() error {
	if _, err := path.Match(r.Match, ""); err != nil {
		return fmt.Errorf("match %q: %w", r.Match, err)
	}
	if !slices.Contains([]Scope{PerRelay, PerSession, PerTransaction}, r.Per) {
		return fmt.Errorf("per %q: expected session or transaction, or nothing for the whole relay", r.Per)
	}
	if r.Skip < 0 || r.Octets < 0 || r.Delay < 0 || r.Times != nil && *r.Times < 0 {
		return errors.New("skip, times, octets and delay are 0 or more")
	}
	if r.Raw || r.Reply == "" {
		return nil
	}
	for line := range strings.SplitSeq(r.Reply, "\n") {
		if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
			return fmt.Errorf("reply %q: each line begins with a code of three digits; raw sends octets as they are", line)
		}
	}
	return nil
}

// Matches tells whether r is about subject, which is what its stage matches against.
func (r Rule) Matches(subject string) bool {
	if r.Match == "" || r.Match == "*" {
		return true
	}
	matched, err := path.Match(strings.ToLower(r.Match), strings.ToLower(subject))
	return err == nil && matched
}

// UnmarshalJSON reads a reply, or a list of rules.
func (r *Rules) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte(`"`)) {
		var reply string
		if err := json.Unmarshal(text, &reply); err != nil {
			return err
		}
		*r = Always(reply)
		return nil
	}
	var rules []Rule
	if err := strictly(bytes.NewReader(text), &rules); err != nil {
		return err
	}
	*r = rules
	return nil
}

// UnmarshalJSON reads [match, reply], [match, reply, times] or an object.
func (r *Rule) UnmarshalJSON(text []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		type plain Rule
		return strictly(bytes.NewReader(text), (*plain)(r))
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	if len(parts) != 2 && len(parts) != 3 {
		return fmt.Errorf("%s: expected [match, reply] or [match, reply, times]", text)
	}
	for i, into := range []any{&r.Match, &r.Reply, &r.Times}[:len(parts)] {
		if err := json.Unmarshal(parts[i], into); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// UnmarshalJSON reads "500ms", or seconds.
func (d *Duration) UnmarshalJSON(text []byte) error {
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err == nil {
		*d = Duration(seconds * float64(time.Second))
		return nil
	}
	var written string
	if err := json.Unmarshal(text, &written); err != nil {
		return fmt.Errorf("%s: expected a time such as \"500ms\", or seconds", text)
	}
	parsed, err := time.ParseDuration(written)
	*d = Duration(parsed)
	return err
}

// MarshalJSON writes it as UnmarshalJSON reads it.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }
