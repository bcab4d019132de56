package sender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/fakes/mta/settings"
	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/lint"
)

// configurationSteps judge how the server is configured.
func configurationSteps(sc *godog.ScenarioContext) {
	sc.Then(`^the configuration obeys ([A-Z0-9-]+)$`, obeys)
}

func obeys(ctx context.Context, rule string) error {
	p := of(ctx)
	files, remove, err := p.configuration(ctx)
	if err != nil {
		return err
	}
	defer remove()
	setups, warnings, err := settings.ReadAll(p.sender.Describe().Profile, files...)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if len(setups) == 0 {
		return errors.New("read the configuration: there is none of a server's in it")
	}
	for _, warning := range warnings {
		p.Transcript().Note("", warning.Error())
	}
	return p.judgeConfiguration(rule, setups)
}

// configuration has the sender write its own into a folder, which remove takes away.
func (p *play) configuration(ctx context.Context) (files []string, remove func(), err error) {
	configured, ok := p.sender.(Configured)
	if !ok {
		return nil, nil, &features.Missing{Capability: CanConfigure}
	}
	folder, err := os.MkdirTemp("", "relayspec-configuration-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() { _ = os.RemoveAll(folder) } // what is left is in the folder for what is temporary
	if files, err = configured.Configuration(ctx, p.setup, folder); err != nil {
		remove()
		return nil, nil, fmt.Errorf("write the configuration: %w", err)
	}
	return files, remove, nil
}

// judgeConfiguration holds what was read against one rule. What the files don't tell, nobody can judge.
func (p *play) judgeConfiguration(rule string, setups []*settings.Setup) error {
	options := lint.Options{RequireTLS: p.setup.TLS, Domains: []string{p.setup.Domain}}
	if p.anyAddress {
		options.Senders = lint.AnySender
	}
	for _, s := range setups { // where the files don't tell a name it is that of the machine
		if !s.Host.Known {
			s.Host = settings.Found[string]{Value: p.setup.Host, Known: true}
		}
		if !s.Hello.Known {
			s.Hello = s.Host
		}
	}
	outcome, known := outcomeOf(options.Examine(setups...), rule)
	switch {
	case !known:
		return fmt.Errorf("nothing looks for %s in the configuration of this server", rule)
	case outcome.State == lint.Unsaid:
		return fmt.Errorf("the configuration doesn't tell: %s", outcome.Unsaid)
	case outcome.State != lint.Broken:
		return nil
	}
	f := outcome.Findings[0]
	where := fmt.Sprintf("%s:%d: %s", filepath.Base(f.Place.File), f.Place.Line, f.Text)
	p.Transcript().Note("", where+": "+f.Why)
	return &features.Failure{Want: f.Why + ". Write: " + strings.TrimSpace(f.Instead), Got: where}
}

// outcomeOf gives the outcome for a rule. Of several configurations, hub's and edge's, one that breaks it decides; one that
// tells speaks for those that don't.
func outcomeOf(outcomes []lint.Outcome, rule string) (found lint.Outcome, known bool) {
	weight := []lint.State{lint.Unsaid, lint.Kept, lint.Noted, lint.Broken}
	for _, o := range outcomes {
		if o.Rule == rule && (!known || slices.Index(weight, o.State) > slices.Index(weight, found.State)) {
			found, known = o, true
		}
	}
	return found, known
}
