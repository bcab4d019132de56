package fidelity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/relayspec/relayspec/fakes/mta"
	"github.com/relayspec/relayspec/fakes/mta/sourced"
)

// Result is what came of one transcript.
type Result struct {
	File        string       `json:"file"`
	Server      string       `json:"server"`
	Case        string       `json:"case"`
	Title       string       `json:"title,omitempty"`
	Profile     string       `json:"profile,omitempty"` // of the fake that was played; "": there is none of this server
	Way         Way          `json:"way,omitempty"`
	Why         string       `json:"why,omitempty"` // it is compared so
	Decides     bool         `json:"decides"`       // differences of sequence, segment or connection count
	Recorded    int          `json:"recorded_connections"`
	Played      int          `json:"played_connections"`
	Differences []Difference `json:"differences,omitempty"`
	Notes       []string     `json:"notes,omitempty"`
	Error       string       `json:"error,omitempty"` // the transcript can't be read, or not be played
}

// Unfaithful tells whether a difference counts.
func (r *Result) Unfaithful() bool {
	return slices.ContainsFunc(r.Differences, func(d Difference) bool { return d.Counts })
}

// Share is how much of a profile rests on what.
type Share struct {
	Profile     string                 `json:"profile"`
	Title       string                 `json:"title"`
	Transcripts int                    `json:"transcripts"` // that were played with it
	Sources     map[sourced.Source]int `json:"sources"`     // values by their source
	Assumed     []string               `json:"assumed,omitempty"`
}

// Report is what came of a folder of transcripts.
type Report struct {
	Results []Result `json:"results"`
	Shares  []Share  `json:"profiles"`
}

// Broken counts the results of which a difference counts.
func (r *Report) Broken() int { return r.count((*Result).Unfaithful) }

// Failed counts the transcripts that could not be read or played.
func (r *Report) Failed() int { return r.count(func(r *Result) bool { return r.Error != "" }) }

func (r *Report) count(is func(*Result) bool) int {
	n := 0
	for i := range r.Results {
		if is(&r.Results[i]) {
			n++
		}
	}
	return n
}

// Options of Judge. Its zero value plays four transcripts at a time with the profiles of the program.
type Options struct {
	Own    []*mta.Profile      // play these in the place of the program's, by their names, or besides
	AtOnce int                 // transcripts that are played at one time; 0: 4
	Done   func(done, all int) // told after each; nil: nobody
}

// Judge plays every transcript against the fake of its server, and compares. What can't be read or played is a Result with
// an Error. Errors: a profile can't be loaded; ctx has ended: then the report has what was played before.
func Judge(ctx context.Context, files []string, o Options) (*Report, error) {
	profiles, err := o.profiles()
	if err != nil {
		return nil, err
	}
	report := &Report{Results: make([]Result, len(files))}
	each(len(files), o.atOnce(), func(i int) {
		if ctx.Err() != nil {
			return
		}
		if result := judge(ctx, files[i], profiles); ctx.Err() == nil {
			report.Results[i] = result
		}
	}, o.Done)
	report.Results = slices.DeleteFunc(report.Results, func(r Result) bool { return r.File == "" })
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		report.Shares = append(report.Shares, share(profiles[name], report.Results))
	}
	if ctx.Err() != nil {
		return report, context.Cause(ctx)
	}
	return report, nil
}

// profiles are all that may be played, by their names.
func (o Options) profiles() (map[string]*mta.Profile, error) {
	all := map[string]*mta.Profile{}
	for _, own := range o.Own {
		all[own.Name] = own
	}
	for _, name := range mta.Names() {
		if all[name] != nil {
			continue
		}
		profile, err := mta.Load(name)
		if err != nil {
			return nil, err
		}
		all[name] = profile
	}
	return all, nil
}

func (o Options) atOnce() int {
	if o.AtOnce > 0 {
		return o.AtOnce
	}
	return 4
}

// each does all n, so many at a time.
func each(n, atOnce int, do func(int), done func(done, all int)) {
	var wait sync.WaitGroup
	var mu sync.Mutex
	places := make(chan struct{}, atOnce)
	finished := 0
	for i := range n {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			do(i)
			mu.Lock()
			defer mu.Unlock()
			if finished++; done != nil {
				done(finished, n)
			}
		})
	}
	wait.Wait()
}

// judge plays one transcript and compares.
func judge(ctx context.Context, file string, profiles map[string]*mta.Profile) Result {
	recording, err := ReadFile(file)
	if err != nil {
		return Result{File: file, Error: err.Error()}
	}
	result := Result{
		File: file, Server: recording.Server, Case: recording.Case, Title: recording.Title,
		Decides: recording.decides(), Recorded: len(recording.Sessions),
	}
	profile := profileOf(recording.Server, profiles)
	if profile == nil {
		result.Notes = []string{fmt.Sprintf("there is no fake of %s: nothing is compared", recording.Server)}
		return result
	}
	result.Profile = profile.Name
	result.Way, result.Why = recording.way(recording.conversations())
	played, err := recording.Play(ctx, profile)
	if err != nil {
		result.Error = err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			result.Error = fmt.Sprintf("%s: the fake doesn't come to an end: %v", file, err)
		}
		return result
	}
	result.Played, result.Notes = len(played.Sessions), played.Notes
	result.Differences = Compare(recording, played, profile.Connections.AtOnce.Value)
	return result
}

// profileOf is what fakes the recorded server; nil: nothing does.
func profileOf(server string, profiles map[string]*mta.Profile) *mta.Profile {
	if server == "postfix-notls" && profiles[server] == nil {
		return profiles["osx"] // Mac OS X Server is a Postfix without TLS. Source: sending-servers.md §3.7
	}
	return profiles[server]
}

// share tells what a profile rests on.
func share(profile *mta.Profile, results []Result) Share {
	s := Share{Profile: profile.Name, Title: profile.Title, Sources: profile.Shares(), Assumed: profile.Assumed()}
	for _, r := range results {
		if r.Profile == profile.Name && r.Error == "" {
			s.Transcripts++
		}
	}
	return s
}
