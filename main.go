// Command relayspec judges SMTP relays by the documented rules of an SMTP relay service, and is such a relay itself.
//
// Each subcommand is a struct in a file of its own. Start with cli in this file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/relayspec/relayspec/fakes/island"
	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target/child"
)

func main() {
	island.Land()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// cli is the command line. A new command is a field here and a struct with a Run method in a file of its own.
type cli struct {
	Config []string `sep:"none" placeholder:"FILE" help:"Read flags from this YAML file. Default: ${config}, if it is there. Flags and environment win over it. Of send: what the sending server's administrator configured, main.cf for instance; give it again for more files."`

	Conform  conform      `cmd:"" help:"Judge a relay by the documented rules."`
	Target   inspect      `cmd:"" help:"Check the profile of a relay, open it, and say what was found."`
	Report   report       `cmd:"" help:"Write a kept report again, in other formats."`
	Baseline baseline     `cmd:"" help:"Keep the list of failures that are expected of a relay."`
	Matrix   matrix       `cmd:"" help:"Put kept reports side by side: targets and rules."`
	Diff     diff         `cmd:"" help:"Compare two kept reports."`
	Replay   replay       `cmd:"" help:"Play a kept transcript again, and compare what the relay answers."`
	Doctor   diagnose     `cmd:"" help:"Look at a relay before it is judged: what is wrong, and what to do."`
	Record   record       `cmd:"" help:"Write down what a sending server and its relay say."`
	Send     send         `cmd:"" help:"Send as one of the documented servers does: a fake Postfix, Exchange, qmail ..."`
	Fidelity faithful     `cmd:"" help:"Measure the fakes of sending servers by transcripts of the real ones."`
	Audit    audit        `cmd:"" help:"Judge real sending servers that are pointed at this program."`
	List     list         `cmd:"" help:"List the cases that judge a relay."`
	Codes    codes        `cmd:"" help:"Account for the error codes that the service is known for."`
	Trace    trace        `cmd:"" help:"Show which rule is judged by which scenario, and which isn't judged yet."`
	Selftest selftest     `cmd:"" help:"Judge the judge: broken relays must be told from compliant ones."`
	Lint     check        `cmd:"" help:"Say what of a sending server's configuration differs from the document."`
	Recipe   instructions `cmd:"" help:"Print how a sending server is set up, step by step, with what the document gets wrong."`
	Serve    serve        `cmd:"" help:"Run the reference relay."`
	Policyd  policyd      `cmd:"" help:"Decide for a Postfix, as its policy service."`
	Mailbox  mail         `cmd:"" help:"Look at the mail that the relay accepted."`
	Password password     `cmd:"" help:"Hash a password for a world file."`
	Version  version      `cmd:"" help:"Say what this program was built from."`
}

// streams are the process's, or a test's.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// exitUsage is the exit code for a mistake in the command line or the configuration.
const exitUsage = 2

// exit ends the program with a code of its own. err is printed unless it is nil.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// run is the program without its process: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := interruptible()
	defer stop()
	err := command(ctx, args, &streams{stdin, stdout, stderr})
	var ended *exit
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &ended):
		fmt.Fprintf(stderr, "relayspec: %v\n", err)
		return 1
	case ended.err != nil:
		fmt.Fprintf(stderr, "relayspec: %v\n", ended.err)
	}
	return ended.code
}

// interruptible gives a context that ends at the first Ctrl-C or SIGTERM. At the second the program ends at once, with
// whatever it has started.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	over := make(chan struct{})
	go func() {
		for range 2 {
			select {
			case <-signals:
			case <-over:
				return
			}
			if ctx.Err() != nil {
				child.EndAll()
				os.Exit(features.ExitInterrupted)
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
		close(over)
	}
}

// command parses args and runs the command they name.
func command(ctx context.Context, args []string, s *streams) (err error) {
	defer func() { // kong ends the process after --help
		switch ended := recover().(type) {
		case nil:
		case *exit:
			err = ended
		default:
			panic(ended)
		}
	}()
	commands := &cli{}
	parser, err := kong.New(commands,
		kong.Name("relayspec"),
		kong.Description(description),
		kong.Vars{"config": defaultConfig, "servers": strings.Join(mta.Names(), ", ")},
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { panic(&exit{code: code}) }),
		kong.DefaultEnvars("RELAYSPEC"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return usage(err)
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(serverConfigOf(parsed))
	if apart, err := callsForIsland(parsed.Selected()); err != nil {
		return err
	} else if apart {
		return runOnIsland(ctx, args, s)
	}
	return parsed.Run(s)
}

const description = `Judge an SMTP relay by the documented rules of an SMTP relay service.

  relayspec conform                      judge the relay that comes with this program
  relayspec conform --select 'LIM-*'     only the rules about limits
  relayspec list --select @needs.clock   the cases that move the relay's clock
  relayspec trace                        which rule is judged by what`

// usage is a mistake in the command line: it says what was wrong and what to do next.
func usage(err error) error {
	var parse *kong.ParseError
	where := "relayspec --help"
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Command() != "" {
		name, _, _ := strings.Cut(parse.Context.Command(), " <")
		where = "relayspec " + name + " --help"
	}
	var next *advice
	if errors.As(err, &next) {
		return &exit{exitUsage, err}
	}
	return &exit{exitUsage, fmt.Errorf("%w\nSee %s", err, where)}
}

// advice is a mistake that already ends with what to do next.
type advice struct {
	err  error
	next string
}

func (a *advice) Error() string { return fmt.Sprintf("%v\n%s", a.err, a.next) }
func (a *advice) Unwrap() error { return a.err }
