package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/relayspec/relayspec/reference/mailbox"
	"github.com/relayspec/relayspec/reference/policy"
)

// mail is the command that looks at what a relay accepted.
type mail struct {
	List mailList `cmd:"" default:"withargs" help:"List the newest messages."`
	Show mailShow `cmd:"" help:"Show one message with its envelope."`
}

// Help teaches by example.
func (mail) Help() string {
	return `Looks at the mail that relayspec serve has accepted.

  relayspec mailbox                         the newest messages
  relayspec mailbox list --customer acme    of one customer
  relayspec mailbox show 20261123           one message; the beginning of its id will do
  relayspec mailbox list --json | jq .sender`
}

// mailList lists.
type mailList struct {
	Mail     string `default:"mail" placeholder:"DIR" help:"Where the mail is kept. Default: ${default}."`
	Limit    int    `default:"20" help:"At most so many, 1 to 10,000. Default: ${default}."`
	Customer string `placeholder:"ID" help:"Only of this customer."`
	Sender   string `placeholder:"ADDRESS" help:"Only from this envelope sender, given or rewritten."`
	To       string `placeholder:"ADDRESS" help:"Only to this recipient."`
	JSON     bool   `name:"json" help:"One JSON object a message."`
}

// mostListed bounds --limit, as mailbox.Filter does.
const mostListed = 10_000

// Run lists.
func (c *mailList) Run(ctx context.Context, s *streams) error {
	if c.Limit < 1 || c.Limit > mostListed {
		return wrong(fmt.Errorf("--limit %d", c.Limit), fmt.Sprintf("Give 1 to %d", mostListed))
	}
	box, err := openMail(c.Mail)
	if err != nil {
		return err
	}
	messages, err := box.List(ctx, mailbox.Filter{Limit: c.Limit, Customer: c.Customer, Sender: mailAddress(c.Sender), Recipient: mailAddress(c.To)})
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := lines(s.out)
		for _, m := range messages {
			if err := encoder.Encode(m); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tRECEIVED\tCUSTOMER\tSENDER\tRECIPIENTS\tOCTETS")
	for _, m := range messages {
		fmt.Fprintf(table, "%s\t%s\t%s\t<%s>\t%s\t%d\n", m.ID, m.Received.Format(time.RFC3339), m.Customer, m.Sender, briefly(m.Recipients), m.Size)
	}
	return table.Flush()
}

// mailShow shows.
type mailShow struct {
	ID   string `arg:"" help:"The message's id, or its beginning."`
	Mail string `default:"mail" placeholder:"DIR" help:"Where the mail is kept. Default: ${default}."`
	Raw  bool   `help:"Only the message as it was accepted, octet by octet."`
}

// Run shows.
func (c *mailShow) Run(s *streams) error {
	box, err := openMail(c.Mail)
	if err != nil {
		return err
	}
	m, content, err := box.Get(c.ID)
	if err != nil {
		return wrong(err, "See relayspec mailbox list --mail "+c.Mail)
	}
	defer content.Close()
	if !c.Raw {
		envelope, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s\n\n", envelope)
	}
	_, err = io.Copy(s.out, content)
	return err
}

// openMail opens a mailbox that is there: looking makes none.
func openMail(dir string) (*mailbox.Box, error) {
	const next = "Name the directory of relayspec serve --mail with --mail"
	if info, err := os.Stat(filepath.Join(dir, "new")); err != nil || !info.IsDir() {
		return nil, wrong(fmt.Errorf("there is no mailbox %s", dir), next)
	}
	box, err := mailbox.Open(dir)
	if err != nil {
		return nil, wrong(err, next)
	}
	return box, nil
}

// mailAddress reads an address. A domain has no @, so the last one divides.
func mailAddress(s string) policy.Address {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return policy.Address{Local: s}
	}
	return policy.Address{Local: s[:at], Domain: strings.ToLower(s[at+1:])}
}

// briefly names the first recipient and counts the others.
func briefly(recipients []policy.Address) string {
	if len(recipients) == 0 {
		return ""
	}
	if len(recipients) == 1 {
		return "<" + recipients[0].String() + ">"
	}
	return fmt.Sprintf("<%s> and %d more", recipients[0], len(recipients)-1)
}
