package lint

import (
	"fmt"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/reports"
)

// stage is a time that a client waits, with the least of RFC 5321 §4.5.3.2; 0: it has none.
type stage struct {
	name  string // as recipes' timeouts: section has it
	of    func(*settings.Timeouts) settings.Found[time.Duration]
	least time.Duration
}

func stages() []stage {
	type t = settings.Timeouts
	type found = settings.Found[time.Duration]
	return []stage{
		{"connect", func(o *t) found { return o.Connect }, 0},
		{"greeting", func(o *t) found { return o.Greeting }, 5 * time.Minute},
		{"hello", func(o *t) found { return o.Hello }, 0},
		{"mail", func(o *t) found { return o.Mail }, 5 * time.Minute},
		{"recipient", func(o *t) found { return o.Recipient }, 5 * time.Minute},
		{"data-init", func(o *t) found { return o.DataInit }, 2 * time.Minute},
		{"data-block", func(o *t) found { return o.DataBlock }, 3 * time.Minute},
		{"data-final", func(o *t) found { return o.DataFinal }, 10 * time.Minute},
		{"reset", func(o *t) found { return o.Reset }, 0},
		{"quit", func(o *t) found { return o.Quit }, 0},
		{"idle", func(o *t) found { return o.Idle }, 0},
	}
}

// timeouts are the rules that the defaults are enough: what is written and is less is told of.
func timeouts(l *look) {
	for _, s := range stages() {
		found, usual := s.of(&l.Timeouts), l.recipe.Timeouts[s.name]
		if !found.Known || !found.Written() || found.Value == 0 {
			continue
		}
		short := func(level reports.Level, least time.Duration, whose string) {
			text := fmt.Sprintf("the time-out %s is %s, shorter than %s of %s", s.name, span(found.Value), whose, span(least))
			l.weigh(level, at(found), text,
				"The document wants no time-out raised, and relies on the defaults; a server that waits less gives up while the relay still works, "+
					"and after the final dot it then sends the message twice", l.write("timeout-"+s.name, at(found)))
		}
		switch {
		case s.least > 0 && found.Value < s.least && found.Value < usual:
			short(should, s.least, "RFC 5321's least")
		case found.Value < usual:
			short(may, usual, "the default")
		}
	}
}

// dataFinal is SM-DATAFINAL-1H.
func dataFinal(l *look) {
	if f := l.Timeouts.DataFinal; !f.Known {
		l.silent("the files don't tell Timeout.datafinal")
	} else if f.Value > 0 && f.Value < time.Hour {
		l.tell(at(f), "Timeout.datafinal is "+span(f.Value),
			"The relay may take long to answer the final dot; a server that gives up before sends the message twice",
			l.write("timeout-data-final", at(f)))
	}
}

// groupwiseLeast is one of GW-TO-*: a field of the Internet Agent's page of time-outs, in the order of the document.
func groupwiseLeast(field int) func(*look) {
	return func(l *look) {
		t := &l.Timeouts
		f := []struct {
			name, write string
			found       settings.Found[time.Duration]
			least       time.Duration
		}{
			{"Commands", "timeout-commands", t.Mail, 5 * time.Minute},
			{"Data", "timeout-data", t.DataBlock, 3 * time.Minute},
			{"Connection Establishment", "timeout-connect", t.Connect, 2 * time.Minute},
			{"Initial Greeting", "timeout-greeting", t.Greeting, 5 * time.Minute},
			{"TCP Read", "timeout-tcp-read", t.TCPRead, 5 * time.Minute},
			{"Connection Termination", "timeout-quit", t.Quit, 15 * time.Minute},
		}[field]
		switch {
		case !f.found.Known:
			l.silent("the files don't tell the time-out %s", f.name)
		case f.found.Value < f.least:
			which := "is"
			if !f.found.Written() {
				which = "isn't set, and is"
			}
			l.tell(at(f.found), fmt.Sprintf("the time-out %s %s %s", f.name, which, span(f.found.Value)),
				fmt.Sprintf("The document wants %s before the relay host is set", span(f.least)), l.write(f.write, at(f.found)))
		}
	}
}

// threads is GW-THREADS. How many a server can bear no file tells; fewer than the default are told of.
func threads(l *look) {
	const usual = 8 // Source: sending-servers 3.5, documented by the vendor
	if n := l.Connections; n.Known && n.Written() && n.Value > 0 && n.Value < usual {
		l.tell(at(n), fmt.Sprintf("%d threads send, fewer than the default of %d", n.Value, usual),
			"The document wants as many as the server can bear; each sends a message over a connection of its own",
			l.write("threads", at(n)))
	}
}

// The times of qmail's recipe. Source: QM-TO-DEFAULT, QM-TO-MIN-900.
const (
	qmailUsual = 1200 * time.Second
	qmailFew   = 900 * time.Second
)

// qmailWaits are the two files: the one that the document means, which is the server side's, and the client's.
func (l *look) qmailWaits(tell func(file string, found settings.Found[time.Duration])) {
	tell("control/timeoutremote", l.Timeouts.DataFinal)
	tell("control/timeoutsmtpd", l.Timeouts.Inbound)
}

// qmailLeast is QM-TO-MIN-900.
func qmailLeast(l *look) {
	l.qmailWaits(func(file string, f settings.Found[time.Duration]) {
		if f.Known && f.Value < qmailFew {
			l.tell(at(f), fmt.Sprintf("%s says %s", file, span(f.Value)), waitsOf(file), "1200")
		}
	})
}

// qmailDefault is QM-TO-DEFAULT.
func qmailDefault(l *look) {
	l.qmailWaits(func(file string, f settings.Found[time.Duration]) {
		if f.Known && f.Value >= qmailFew && f.Value < qmailUsual {
			l.tell(at(f), fmt.Sprintf("%s says %s, less than the default of 1200 s", file, span(f.Value)), waitsOf(file), "1200")
		}
	})
	if stray, ok := l.other("/var/qmail/timeoutsmtpd"); ok {
		l.note(at(stray), "qmail doesn't read this file",
			"The document names it by mistake: the one that qmail reads is control/timeoutsmtpd, and it is about mail that comes in; "+
				"for mail that goes out it is control/timeoutremote", "echo 1200 >/var/qmail/control/timeoutremote")
	}
}

// waitsOf says what a file of qmail's rules.
func waitsOf(file string) string {
	if file == "control/timeoutsmtpd" {
		return "The document wants 900 s at least of this file, although it is about mail that comes in"
	}
	return "qmail gives up on a relay that takes longer to answer, and may then send the message twice"
}

// firstRetry is DOMINO-RETRY.
func firstRetry(l *look) {
	if len(l.Retry.Intervals) == 0 || !l.Retry.Intervals[0].Known {
		l.silent("the files don't tell the Initial Transfer Retry Interval")
	} else if f := l.Retry.Intervals[0]; f.Value < time.Minute {
		l.tell(at(f), "the Initial Transfer Retry Interval is "+span(f.Value),
			"The relay counts for ten minutes at a time: a server that tries again at once is refused again with 450",
			l.write("retry", at(f)))
	}
}

// ladder is EX2003-RETRY.
func ladder(l *look) {
	want := []time.Duration{time.Minute, time.Minute, 3 * time.Minute, 5 * time.Minute}
	var words []string
	wrong, where := len(l.Retry.Intervals) > len(want), spot{}
	for i, f := range l.Retry.Intervals {
		words = append(words, span(f.Value))
		if i < len(want) && f.Value != want[i] {
			wrong = true
		}
		where = at(f)
	}
	switch {
	case len(l.Retry.Intervals) < len(want):
		l.silent("the files don't tell the four retry intervals")
	case wrong:
		l.tell(where, "the retry intervals are "+strings.Join(words, ", "),
			"The document wants 1, 1, 3 and then 5 minutes, so that mail that met the relay's peak limit is soon tried again",
			l.write("retry", where))
	}
}
