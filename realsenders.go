package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/features/sender"
	"github.com/relayspec/relayspec/features/sender/real"
	"github.com/relayspec/relayspec/reports"
)

// isProfile tells whether --sender names the profile of a real server, not a fake.
func isProfile(name string) bool {
	return strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// profiles are those of real servers, in their order.
func (j *judging) profiles() []string {
	return slices.DeleteFunc(slices.Clone(j.Sender), func(name string) bool { return !isProfile(name) })
}

// shortOf is what the table calls a sender; a real one is called by its profile's folder.
func shortOf(name string) string {
	if !isProfile(name) {
		return name
	}
	folder, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		folder = filepath.Dir(name)
	}
	return realPrefix + filepath.Base(folder)
}

// realPrefix tells a real server from its fake.
const realPrefix = "real-"

// openSender opens a fake by its name, or a real server by its profile.
func openSender(ctx context.Context, name string) (sender.Sender, error) {
	if !isProfile(name) {
		return sender.OpenFake(name)
	}
	profile, err := real.Load(name)
	if err != nil {
		return nil, err
	}
	return real.Open(ctx, profile)
}

// unlike is a case that a real server and its fake, judged in one run, came to different verdicts in.
type unlike struct {
	fake       string
	id         string
	real, mock reports.Verdict
	why        string
}

// unlikeFakes compares real servers with their fakes, case by case, where both were judged.
func unlikeFakes(columns []sender.Column) (all []unlike) {
	for _, r := range columns {
		name, is := strings.CutPrefix(r.Name, realPrefix)
		i := slices.IndexFunc(columns, func(c sender.Column) bool { return c.Name == name })
		if !is || i < 0 {
			continue
		}
		fakes := map[string]reports.Verdict{}
		for _, c := range columns[i].Run.Cases {
			fakes[c.ID] = c.Verdict
		}
		for _, c := range r.Run.Cases {
			if fake := fakes[c.ID]; c.Verdict != fake {
				all = append(all, unlike{name, c.ID, c.Verdict, fake, cmp.Or(c.Reason, c.Got)})
			}
		}
	}
	return all
}

// writeUnlike writes in which cases real servers and their fakes differ, and that they don't where they don't.
func writeUnlike(w io.Writer, columns []sender.Column) {
	found := unlikeFakes(columns)
	for _, u := range found {
		fmt.Fprintf(w, "%s: the real one comes to %s, its fake to %s in %s: %s\n", u.fake, u.real, u.mock, u.id, u.why)
	}
	for _, r := range columns {
		name, is := strings.CutPrefix(r.Name, realPrefix)
		both := slices.ContainsFunc(columns, func(c sender.Column) bool { return c.Name == name })
		if is && both && !slices.ContainsFunc(found, func(u unlike) bool { return u.fake == name }) {
			fmt.Fprintf(w, "%s: the real one and its fake come to the same verdicts, case by case, in %d cases\n", name, len(r.Run.Cases))
		}
	}
}
