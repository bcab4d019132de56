package sender

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/reports"
)

// TestAuditFindsOut: two senders in front of one auditing relay, told apart by their names: one that calls itself localhost and
// sends again at once whatever was refused, and one that says nothing but its name.
func TestAuditFindsOut(t *testing.T) {
	suite, err := LoadAudit()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	verdicts := &tally{of: map[string]reports.Verdict{}}
	address, asked := make(chan string, 1), make(chan struct{}, 100)
	go obstinate(ctx, t, address, asked)
	came, err := Audit(ctx, AuditOptions{
		Suite: suite, Ports: []AuditPort{{Address: "127.0.0.1:0"}}, Least: time.Minute, Within: 2 * time.Minute, Senders: 1,
		Ready: func(all []string) { address <- all[0] },
		Awaits: func(a *Audited, what string) {
			if a.Hello == "localhost" && strings.HasPrefix(what, "send") {
				asked <- struct{}{}
			}
		},
		Found: func(a *Audited, c reports.Case, _, _ int) { verdicts.add(a, c) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(came) != 2 || !came[1].Run.Interrupted && !came[0].Run.Interrupted {
		t.Errorf("%d senders came; one was to be left in the middle", len(came))
	}
	for id, want := range map[string]reports.Verdict{
		"ERR-CUST-DAY/a-refusal-of-the-day-at-the-end-of-the-message-is-returned-to-its-sender":                 reports.Fail,
		"ERR-CUST-PEAK/a-refusal-of-the-peak-at-rcpt-is-tried-again-not-too-fast-and-arrives":                   reports.Fail,
		"ERR-CUST-PEAK/a-refusal-of-the-peak-at-the-end-of-the-message-is-tried-again-not-too-fast-and-arrives": reports.Fail,
		"HELO-FORBIDDEN/it-presents-neither":                                  reports.NonStrict,
		"HELO-UNIQUE/it-presents-its-own-name-or-its-domain":                  reports.NonStrict,
		"NULL-MULTI-RCPT/each-message-with-an-empty-sender-has-one-recipient": reports.Unsupported,
		"C-TESTMAIL/a-test-message-arrives-once":                              reports.Pass,
	} {
		if got := verdicts.of["localhost/"+id]; got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

// tally keeps verdicts.
type tally struct {
	mu sync.Mutex
	of map[string]reports.Verdict
}

func (v *tally) add(a *Audited, c reports.Case) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.of[a.Hello+"/"+c.ID] = c.Verdict
}

// obstinate sends a message whenever it is asked to, and again at once until it is taken.
func obstinate(ctx context.Context, t *testing.T, address <-chan string, asked <-chan struct{}) {
	to := <-address
	said(ctx, to, "other.example", client.Message{})
	for n := 0; ; n++ {
		m := client.Message{Sender: "anna@corp.example", Recipients: []string{fmt.Sprintf("r%d@example.net", n)}, Data: []byte(fmt.Sprintf(
			"From: anna@corp.example\r\nMessage-ID: <%d@corp.example>\r\nDate: %s\r\n\r\nHello.\r\n", n, time.Now().Add(-time.Second).Format(time.RFC1123Z)))}
		for tries := 0; tries < 5 && !said(ctx, to, "localhost", m); tries++ {
		}
		select {
		case <-asked:
		case <-ctx.Done():
			return
		}
	}
}

// said opens a session under a name and sends a message, if it has recipients; it tells whether that was taken.
func said(ctx context.Context, address, name string, m client.Message) bool {
	c, err := (&client.Dialer{Address: address, Timeout: 10 * time.Second}).Dial(ctx)
	if err != nil {
		return false
	}
	defer c.Close()
	if _, err := c.ReadReply(); err != nil {
		return false
	}
	if _, err := c.Hello(name); err != nil || len(m.Recipients) == 0 {
		return false
	}
	outcome, err := c.Send(m, client.Lockstep)
	return err == nil && outcome.Accepted
}
