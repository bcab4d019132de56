package client

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/relayspec/relayspec/reports/transcript"
)

// What repeats itself in a message to many stands once in the transcript, and once more, for programs, in a call that says
// how often: recipients that are numbered, and replies that accept them.

// RecipientsCall is the verb of the call that stands for the RCPT commands behind the first one of a message.
const RecipientsCall = "recipients"

// RepliesCall is the verb of the call that stands for replies like the last one.
const RepliesCall = "replies"

// recipientsCall is its body.
type recipientsCall struct {
	Runs []run `json:"runs"`
}

// run is Count addresses: the first, and then those whose local parts end in the next numbers.
type run struct {
	First string `json:"first"`
	Count int    `json:"count"`
}

// repliesCall is its body.
type repliesCall struct {
	Count  int  `json:"count"`
	Differ bool `json:"differ,omitempty"` // in words: only the codes are the same
}

// Bounds of what a transcript may say that is to be made of it.
const (
	mostAlike = 10_000  // in one call
	mostMade  = 100_000 // in a whole transcript
)

// runsOf gives addresses as runs. ok: that is possible, and gives them back as they are.
func runsOf(addresses []string) (runs []run, ok bool) {
	for i, address := range addresses {
		if !utf8.ValidString(address) {
			return nil, false
		}
		if i > 0 && address != "" && nextAddress(addresses[i-1]) == address {
			runs[len(runs)-1].Count++
			continue
		}
		runs = append(runs, run{address, 1})
	}
	return runs, len(addresses) <= mostAlike
}

// nextAddress gives the address whose local part ends in the next number; "" where it ends in none, or in one that isn't
// written as numbers are.
func nextAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		at = len(address)
	}
	digits := at
	for digits > 0 && '0' <= address[digits-1] && address[digits-1] <= '9' {
		digits--
	}
	n, err := strconv.ParseUint(address[digits:at], 10, 32)
	if err != nil || strconv.FormatUint(n, 10) != address[digits:at] {
		return ""
	}
	return address[:digits] + strconv.FormatUint(n+1, 10) + address[at:]
}

// addresses gives them all.
func (r recipientsCall) addresses() ([]string, error) {
	var all []string
	for _, run := range r.Runs {
		if run.Count < 1 || run.Count > mostAlike-len(all) {
			return nil, fmt.Errorf("a run of %d recipients: want 1 to %d in all", run.Count, mostAlike)
		}
		address := run.First
		for i := range run.Count {
			if i == 0 {
				all = append(all, address)
				continue
			}
			if address = nextAddress(address); address == "" {
				return nil, fmt.Errorf("the recipients behind %q: want a number at the end of the local part", run.First)
			}
			all = append(all, address)
		}
	}
	return all, nil
}

// recordRecipients records those behind the first one.
func (c *Conn) recordRecipients(more []string) {
	if c.log == nil || len(more) == 0 {
		return
	}
	said := fmt.Sprintf("%d more RCPT", len(more))
	runs, ok := runsOf(more)
	if !ok {
		c.log.Note(c.name, transcript.LeftOut(said))
		return
	}
	c.log.Call(c.name, RecipientsCall, recipientsCall{runs})
	c.log.Note(c.name, said)
}

// alike is the reply that stands in the transcript, and how many have come since that say the same.
type alike struct {
	reply  Reply
	count  int
	differ bool
}

// recordAlike records a reply to RCPT: one that accepts like the one before is counted.
func (c *Conn) recordAlike(reply Reply) {
	a := &c.alike
	if reply.Positive() && reply.Code == a.reply.Code && reply.Enhanced() == a.reply.Enhanced() {
		a.count++
		a.differ = a.differ || !slices.Equal(reply.Lines, a.reply.Lines)
		return
	}
	c.recordCount()
	for _, line := range reply.Wire() {
		c.log.Server(c.name, line)
	}
	a.reply = reply
}

// recordCount records how many were alike. What comes next isn't like them.
func (c *Conn) recordCount() {
	if a := c.alike; a.count > 0 {
		c.log.Call(c.name, RepliesCall, repliesCall{a.count, a.differ})
	}
	c.alike = alike{}
}

// recipients takes the call of that verb.
func (p *planner) recipients(s *planned, call recipientsCall) error {
	addresses, err := call.addresses()
	if err != nil {
		return err
	}
	if !s.open { // said when the relay had closed the connection
		return nil
	}
	for _, address := range addresses {
		p.add(Step{Do: DoSay, Text: string(appendRcpt(nil, address))}, s.name)
	}
	return p.make(len(addresses))
}

// replies takes the call of that verb.
func (p *planner) replies(s *planned, call repliesCall) error {
	if call.Count < 1 || call.Count > mostAlike {
		return fmt.Errorf("%d replies: want 1 to %d", call.Count, mostAlike)
	}
	if s.heard != nil || s.said == nil {
		return errors.New("no whole reply stands before it")
	}
	if err := p.make(call.Count); err != nil {
		return err
	}
	for range call.Count {
		again := *s.said
		again.Marked, again.Differs = false, call.Differ
		s.heard = &again
		p.heardWhole(s)
	}
	return nil
}

// make counts the steps that are made of calls.
func (p *planner) make(n int) error {
	if p.made += n; p.made > mostMade {
		return fmt.Errorf("more than %d commands and replies are made of calls up to here", mostMade)
	}
	return nil
}
