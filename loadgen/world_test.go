//go:build unix

package loadgen_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reference/directory"
	"github.com/relayspec/relayspec/reference/policy"
)

// The size of the world: enough that no limit is met. A user may have 10,000 messages and as many distinct recipients a
// day (LIM-USER-MSGS, LIM-USER-UNIQ), a customer 319,444 recipients in 10 minutes (LIM-CUST-PEAK-MAX): 32 million each.
const (
	customers     = 100
	usersEach     = 32
	enoughForPeak = 40_000 // licences, at 9 recipients each
)

// hello is what the clients say in EHLO.
const hello = "mail.customer0.example"

// senderOf is the registered user who sends message n: all in turn.
func senderOf(n uint64) policy.Address {
	n %= customers * usersEach
	return policy.Address{Local: fmt.Sprintf("user%d", n/customers), Domain: fmt.Sprintf("customer%d.example", n%customers)}
}

// newWorld makes the directory: every sender is a registered user who may send from 127.0.0.1.
func newWorld() (*directory.Directory, error) {
	here := policy.Range{Description: "here", Prefix: netip.MustParsePrefix("127.0.0.1/32"), Enabled: true}
	var all []*policy.Customer
	for i := range customers {
		all = append(all, &policy.Customer{
			ID: fmt.Sprintf("customer%d", i), Licences: enoughForPeak, Edition: policy.Workspace, Paid: true,
			Domains: []string{fmt.Sprintf("customer%d.example", i)},
			Settings: []policy.Setting{{
				Description: "servers", Enabled: true, Senders: policy.RegisteredUsers, ByAddress: true,
				Addresses: policy.NewAddressList([]policy.Range{here}),
			}},
		})
	}
	var users []*policy.User
	for n := range uint64(customers * usersEach) {
		users = append(users, &policy.User{Address: senderOf(n), Customer: all[n%customers]})
	}
	return directory.New(all, users)
}

// recipientDomain is where all mail goes; recipientWidth is how long each address is.
const (
	recipientDomain = "destination.example"
	recipientWidth  = len("r000000000000@" + recipientDomain)
)

// recipients appends count addresses to list, from number first on: no two numbers have the same address.
// They share one string, so that making them costs the client little.
func recipients(list []string, first uint64, count int) []string {
	text := make([]byte, 0, count*recipientWidth)
	digits := fmt.Appendf(nil, "%012d", first)
	for range count {
		text = append(text, 'r')
		text = append(text, digits...)
		text = append(text, "@"+recipientDomain...)
		increment(digits)
	}
	joined := string(text)
	for i := range count {
		list = append(list, joined[i*recipientWidth:][:recipientWidth])
	}
	return list
}

// increment adds one to a decimal number.
func increment(digits []byte) {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i]++; digits[i] <= '9' {
			return
		}
		digits[i] = '0'
	}
}

// shape is what the messages of a line are like.
type shape struct {
	octets     int
	recipients int
}

func (s shape) String() string {
	size := fmt.Sprintf("%d KiB", s.octets>>10)
	if s.recipients == 1 {
		return size + ", 1 recipient"
	}
	return fmt.Sprintf("%s, %d new recipients", size, s.recipients)
}

// mail makes the messages of one server's line: every recipient of every message is new.
type mail struct {
	shape   shape
	data    []byte
	senders []string
	next    atomic.Uint64
}

func newMail(s shape) *mail {
	m := &mail{shape: s, data: content(s.octets)}
	for n := range uint64(customers * usersEach) {
		m.senders = append(m.senders, senderOf(n).String())
	}
	return m
}

// content is a message of so many octets, in lines as people write them.
func content(octets int) []byte {
	line := strings.Repeat("x", 76) + "\r\n"
	text := "Subject: load\r\n\r\n" + strings.Repeat(line, octets/len(line)+1)
	return append([]byte(text[:octets-2]), "\r\n"...)
}

// writer makes the messages of one connection; the one before stays as it is, for SendMany asks one ahead.
type writer struct {
	mail  *mail
	lists [2][]string
}

func (w *writer) message(i int) client.Message {
	n := w.mail.next.Add(1)
	list := &w.lists[i%2]
	*list = recipients((*list)[:0], n*uint64(w.mail.shape.recipients), w.mail.shape.recipients)
	return client.Message{Sender: w.mail.senders[n%uint64(len(w.mail.senders))], Recipients: *list, Data: w.mail.data}
}
