package session

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Fault is something wrong with a Manner, beyond the words that a value may be.
type Fault struct {
	Path string // in the section: replies.any.4yz
	Text string // what is wrong, and what to write instead
}

func (f Fault) Error() string { return f.Path + ": " + f.Text }

// Check tells what is wrong with a Manner that was read: without a fault sessions can go by it.
func (m *Manner) Check() []Fault {
	var faults []Fault
	fault := func(path, format string, args ...any) {
		faults = append(faults, Fault{path, fmt.Sprintf(format, args...)})
	}
	m.checkEnvelope(fault)
	m.checkGroups(fault)
	m.checkReplies(fault)
	return faults
}

// faulting notes a fault.
type faulting func(path, format string, args ...any)

func (m *Manner) checkEnvelope(fault faulting) {
	for _, count := range []struct {
		path  string
		count Count
	}{
		{"envelope.size", m.Envelope.Size.Value},
		{"envelope.size_queued", m.Envelope.SizeQueued.Value},
		{"envelope.size_bounce", m.Envelope.SizeBounce.Value},
	} {
		if err := count.count.Check(); err != nil {
			fault(count.path, "%v", err)
		}
	}
	for path, verb := range map[string]string{"envelope.mail": m.Envelope.Mail.Value, "envelope.rcpt": m.Envelope.Rcpt.Value} {
		want := map[string]string{"envelope.mail": "MAIL FROM:", "envelope.rcpt": "RCPT TO:"}[path]
		if !strings.EqualFold(verb, want) {
			fault(path, "%q; write %q, in capitals or not", verb, want)
		}
	}
}

func (m *Manner) checkGroups(fault faulting) {
	known := words(sayMail, sayRcpt, sayData, sayContent, sayBdat, sayRset, sayQuit)
	for i, group := range m.Grouping.Together.Value {
		path := fmt.Sprintf("grouping.together[%d]", i)
		words := strings.Fields(group)
		for _, w := range words {
			if !slices.Contains(known, w) {
				fault(path, "%q is no command; write some of %s", w, strings.Join(known, ", "))
			}
		}
		if at := slices.Index(words, string(sayData)); at >= 0 && at < len(words)-1 {
			fault(path, "%s follows data; nothing may, for its reply says whether the content is awaited", words[at+1])
		}
		if at := slices.Index(words, string(sayQuit)); at >= 0 && at < len(words)-1 {
			fault(path, "%s follows quit, which ends the session", words[at+1])
		}
	}
}

// keyForm is the form of the keys that are codes and classes.
var keyForm = regexp.MustCompile(`^([2-5]yz|[2-5]\d\d-?)$`)

func (m *Manner) checkReplies(fault faulting) {
	r := &m.Replies
	stages := map[string]Meanings{
		"greeting": r.Greeting, "hello": r.Hello, "starttls": r.StartTLS, "auth": r.Auth, "mail": r.Mail, "rcpt": r.Rcpt,
		"data": r.Data, "end_of_data": r.EndOfData, "any": r.Any,
	}
	named := []string{unconnected, dropped, timedOut, garbage, missing, other}
	for _, stage := range slices.Sorted(maps.Keys(stages)) {
		for _, key := range slices.Sorted(maps.Keys(stages[stage])) {
			path := "replies." + stage + "." + key
			if !keyForm.MatchString(key) && !slices.Contains(named, key) {
				fault(path, "no reply is called so; write a code, a class as 4yz, or one of %s", strings.Join(named, ", "))
			}
			if meaning := stages[stage][key].Value; !slices.Contains(Meaning("").Words(), string(meaning)) {
				fault(path, "%q; write one of %s", string(meaning), strings.Join(Meaning("").Words(), ", "))
			}
		}
	}
	for _, key := range []string{"4yz", "5yz", dropped, timedOut, garbage, other} {
		if _, ok := r.Any[key]; !ok {
			fault("replies.any", "it lacks %s, which nothing else may say", key)
		}
	}
}
