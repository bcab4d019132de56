package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/mta"
	mtamail "github.com/relayspec/relayspec/fakes/mta/mail"
	mtasession "github.com/relayspec/relayspec/fakes/mta/session"
	mtasettings "github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/reports/transcript"
)

// send is the command that is one fake sending server.
type send struct {
	As      string `placeholder:"SERVER" help:"The server to send as: ${servers}."`
	Profile string `placeholder:"FILE" help:"A profile of your own, in place of --as."`
	To      string `required:"" placeholder:"HOST:PORT" help:"The relay."`

	Count int      `default:"1" placeholder:"N" help:"Messages. Default: ${default}."`
	From  string   `default:"alice@corp.example" placeholder:"ADDRESS" help:"Envelope sender; <> for none. Default: ${default}."`
	Rcpt  []string `default:"bob@example.net" placeholder:"ADDRESS" help:"Envelope recipient; give it again for more. Default: ${default}."`
	Size  int      `default:"500" placeholder:"OCTETS" help:"How long each message is as it is submitted, its header of about 200 octets included. Default: ${default}."`
	Local bool     `help:"Submit by the server's own command, not over SMTP: it may add Date and Message-ID."`

	Host         string        `placeholder:"NAME" help:"What the server calls itself. Default: as it is configured, or mail.corp.example."`
	User         string        `placeholder:"NAME" help:"Authenticate as this user, where the server does that."`
	PasswordFile string        `placeholder:"FILE" help:"The user's password: the first line of this file."`
	TLS          string        `name:"tls" default:"" enum:",none,opportunistic,required" help:"When it encrypts: none, opportunistic or required. Default: as the server does."`
	CA           string        `name:"ca" placeholder:"FILE" help:"Certificates, in PEM, that the relay's may be issued by. Default: the system's."`
	Retry        string        `default:"documented" enum:"documented,vendor" help:"When it tries again: as the service's document has it set up, or as its vendor does: ${enum}."`
	Wait         time.Duration `placeholder:"DURATION" help:"Go on trying for so long, in real time. Default: each message once."`
	Queue        place         `placeholder:"DIR" help:"Keep the queue in this directory: what isn't delivered is tried by the next run that names it. Default: in memory."`

	Transcript     place `placeholder:"FILE" help:"Write what is said to this file, credentials left out."`
	JSON           bool  `name:"json" help:"Write the summary as JSON."`
	IOwnThisTarget bool  `name:"i-own-this-target" help:"Send to a relay that isn't on this machine. Say so only of your own."`
}

// Help teaches by example.
func (send) Help() string {
	return `Is one sending server in front of a relay: it queues messages and sends them as the real server does, with its connections,
the order and the grouping of its commands, its retries and its bounces. What isn't known of a server is assumed, and
the summary counts it.

  relayspec send --as postfix --to 127.0.0.1:2525                 one message, as Postfix
  relayspec send --as sendmail --to 127.0.0.1:2525 --count 1000   many
  relayspec send --config main.cf --to 127.0.0.1:2525             as a file of its own configuration says: which server it
                                                                  is, and what differs from its defaults
  relayspec send --as qmail --to 127.0.0.1:2525 --transcript said.txt    and write down what was said
  relayspec send --as exim --to 127.0.0.1:2525 --wait 2h --queue queue/  try again what is deferred, for two hours
  relayspec send --as domino --to 127.0.0.1:2525 --json | jq .deferred

Exit codes:
  130  interrupted; with --queue, what is left is tried by the next run
    2  a mistake in the command line, the profile or the configuration
    1  a recipient was refused, given up, or still waits for a next try when it ends
    0  all is delivered`
}

// Run sends.
func (c *send) Run(ctx context.Context, s *streams, config serverConfig) error {
	options, err := c.options(ctx, config, s.err)
	if err != nil {
		return err
	}
	log, closeLog, err := c.log()
	if err != nil {
		return err
	}
	options.Transcript = log
	tally := newTally(s.err, options.Profile, len(c.Rcpt)*c.Count)
	options.Observe, options.Trouble = tally.event, tally.trouble
	server, err := mta.New(options)
	if err != nil {
		return errors.Join(wrong(err, "relayspec send --help says what there is"), closeLog())
	}
	problem := c.submit(ctx, server)
	if problem == nil {
		problem = c.await(ctx, server)
	}
	left := tally.summary(server)
	problem = errors.Join(unlessInterrupted(ctx, problem), server.Close(), tally.failed(), closeLog())
	if err := left.write(s.out, c.JSON); err != nil {
		return &exit{1, err}
	}
	return ending(ctx, left, problem)
}

// unlessInterrupted is err, but nothing where the user has ended it all: that isn't news.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}

// ending is the exit code.
func ending(ctx context.Context, left *dispatch, problem error) error {
	switch {
	case problem != nil:
		return &exit{1, problem}
	case ctx.Err() != nil:
		return &exit{code: features.ExitInterrupted}
	case left.Bounced+left.Expired+left.Frozen+left.Deferred > 0:
		return &exit{code: 1}
	}
	return nil
}

// options are the server's. An error ends with what to do next.
func (c *send) options(ctx context.Context, config serverConfig, warn io.Writer) (o mta.Options, err error) {
	if err := c.check(ctx, config); err != nil {
		return o, err
	}
	o = mta.Options{
		Retry: mta.RetryChoice(c.Retry), Host: c.Host, Relay: c.To, User: c.User, Queue: string(c.Queue), Dial: c.dial,
	}
	if o.Setup, err = c.setup(config, warn); err != nil {
		return o, err
	}
	if o.Profile, err = c.profile(o.Setup); err != nil {
		return o, err
	}
	if c.TLS != "" {
		c.encrypt(&o)
	}
	if o.Password, err = c.password(); err != nil {
		return o, err
	}
	o.TLS, err = c.roots()
	return o, err
}

// encrypt has --tls win over the profile and the configuration.
func (c *send) encrypt(o *mta.Options) {
	o.Profile.Session.TLS.Policy = sourced.Value[mtasession.Policy]{
		Value: mtasession.Policy(c.TLS), Source: sourced.Documented, Note: "--tls",
	}
	if o.Setup != nil {
		o.Setup.TLS = mtasettings.Found[mtasettings.TLS]{Value: mtasettings.TLS(c.TLS), Known: true}
	}
}

// The bounds of what is sent.
const (
	mostMessages = 1_000_000
	mostOctets   = 100 << 20
)

// check refuses what makes no sense, and a relay that isn't on this machine unless the user says so.
func (c *send) check(ctx context.Context, config serverConfig) error {
	host, port, err := net.SplitHostPort(c.To)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}
	switch {
	case err != nil:
		return wrong(fmt.Errorf("--to %s: %w", c.To, err), "Write host:port, 127.0.0.1:2525 for instance")
	case len(c.Rcpt) == 0:
		return wrong(errors.New("--rcpt names nobody"), "Write local@domain, or leave it out")
	case c.Count < 0 || c.Count > mostMessages || c.Count == 0 && c.Queue == "":
		next := fmt.Sprintf("Give 1 to %d; with --queue also 0, to try only what is there", mostMessages)
		return wrong(fmt.Errorf("--count %d", c.Count), next)
	case c.Size < 0 || c.Size > mostOctets:
		return wrong(fmt.Errorf("--size %d", c.Size), fmt.Sprintf("Give at most %d", mostOctets))
	case c.Wait < 0:
		return wrong(fmt.Errorf("--wait %s is less than nothing", c.Wait), "Give a length of time, such as 30m, or leave it out")
	case c.As != "" && c.Profile != "":
		return wrong(errors.New("--as and --profile both say which server it is"), "Give one of them")
	case c.As == "" && c.Profile == "" && len(config) == 0:
		return wrong(errors.New("nothing says which server it is"), "Give --as and one of "+strings.Join(mta.Names(), ", "))
	case (c.User == "") != (c.PasswordFile == ""):
		return wrong(errors.New("--user and --password-file go together"), "Give both, or neither")
	}
	for _, address := range append([]string{c.From}, c.Rcpt...) {
		if strings.ContainsAny(address, "\r\n \t") {
			return wrong(fmt.Errorf("%q is no address", address), "Write local@domain")
		}
	}
	if c.IOwnThisTarget {
		return nil
	}
	if err := onThisMachine(ctx, host); err != nil {
		return wrong(fmt.Errorf("--to %s: %w", c.To, err), "Send to a relay on this machine, or say --i-own-this-target if it is yours")
	}
	return nil
}

// dial connects. A configuration may name other hosts, for some domains: they too must be on this machine.
func (c *send) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !c.IOwnThisTarget {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if err := onThisMachine(ctx, host); err != nil {
			return nil, fmt.Errorf("%w; --i-own-this-target lets it connect there", err)
		}
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// setup reads the configuration; nil: there is none.
func (c *send) setup(config serverConfig, warn io.Writer) (*mtasettings.Setup, error) {
	if len(config) == 0 {
		return nil, nil
	}
	setup, faults, err := mtasettings.ReadAs(c.As, config...)
	for _, f := range faults {
		fmt.Fprintln(warn, f)
	}
	if err != nil {
		return nil, wrong(err, "Mend these lines; relayspec lint reads the same files")
	}
	return setup, nil
}

// profile loads the server's profile.
func (c *send) profile(setup *mtasettings.Setup) (p *mta.Profile, err error) {
	switch {
	case c.Profile != "":
		p, err = mta.LoadFile(c.Profile)
	case c.As != "":
		p, err = mta.Load(c.As)
	default:
		p, err = mta.Load(setup.Server)
	}
	if err != nil {
		return nil, wrong(err, "relayspec send --help says which servers there are")
	}
	return p, nil
}

// password reads the first line of the file.
func (c *send) password() (string, error) {
	if c.PasswordFile == "" {
		return "", nil
	}
	file, err := os.Open(c.PasswordFile)
	if err != nil {
		return "", wrong(fmt.Errorf("--password-file: %w", err), "Name a file that can be read, with the password in its first line")
	}
	defer file.Close()
	line := bufio.NewScanner(io.LimitReader(file, 1<<16))
	line.Scan()
	if line.Err() != nil || line.Text() == "" {
		return "", wrong(fmt.Errorf("--password-file %s has no first line", c.PasswordFile), "Write the password into it")
	}
	return line.Text(), nil
}

// roots are the certificates that are trusted; nil: the system's.
func (c *send) roots() (*tls.Config, error) {
	if c.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.CA)
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(text) {
		err = fmt.Errorf("%s has no certificate in it", c.CA)
	}
	if err != nil {
		return nil, wrong(fmt.Errorf("--ca: %w", err), "Name a file of certificates in PEM")
	}
	return &tls.Config{RootCAs: pool}, nil
}

// log is what the sessions are written to; nil: nothing. close ends it, and tells whether it could be written.
func (c *send) log() (log *transcript.Transcript, end func() error, err error) {
	if c.Transcript == "" {
		return nil, func() error { return nil }, nil
	}
	file, err := os.Create(string(c.Transcript))
	if err != nil {
		return nil, nil, wrong(fmt.Errorf("--transcript: %w", err), "Name a file that can be written")
	}
	out := bufio.NewWriter(file)
	var failed error
	log = &transcript.Transcript{To: func(e transcript.Entry) {
		if failed == nil {
			failed = transcript.WriteEntries(out, []transcript.Entry{e})
		}
	}}
	return log, func() error { return errors.Join(failed, out.Flush(), file.Close()) }, nil
}

// submit gives the server its messages.
func (c *send) submit(ctx context.Context, server *mta.Server) error {
	sender := c.From
	if sender == "<>" {
		sender = ""
	}
	for n := 1; n <= c.Count; n++ {
		_, err := server.Submit(ctx, mtamail.Submission{
			Sender: sender, Recipients: c.Rcpt, Content: c.content(n), Local: c.Local,
			HelloName: "ws1.corp.example", Client: "ws1.corp.example",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// content is the n-th message, Size octets long where its header leaves that room.
func (c *send) content(n int) []byte {
	var b bytes.Buffer
	from := cmp.Or(strings.Trim(c.From, "<>"), "postmaster@corp.example")
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nSubject: message %d\r\n", from, c.Rcpt[0], n)
	if !c.Local {
		now := time.Now()
		fmt.Fprintf(&b, "Date: %s\r\nMessage-ID: <%d.%d@ws1.corp.example>\r\n", now.Format(time.RFC1123Z), now.UnixNano(), n)
	}
	b.WriteString("\r\n")
	for line := strings.Repeat("relayspec ", 6) + "relayspec"; b.Len()+2 < c.Size; {
		b.WriteString(line[:min(len(line), c.Size-b.Len()-2)])
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// await waits until each message was tried, and then, for as long as is asked for, until none waits any more.
func (c *send) await(ctx context.Context, server *mta.Server) error {
	over := time.Now().Add(c.Wait)
	for {
		if err := server.Wait(ctx); err != nil {
			return err
		}
		due, waits := server.NextDue()
		if !waits || due.After(over) {
			return nil
		}
		timer := time.NewTimer(max(time.Until(due), 20*time.Millisecond)) // the server's own loop tries them
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}
