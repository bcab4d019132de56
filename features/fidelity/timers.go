package fidelity

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/fakes/mta/schedule"
)

// The ways in which a transcript's note tells of timers that were set for its run.
var (
	minBackoff = regexp.MustCompile(`minimal_backoff_time=(\d+[smhd])`)
	maxBackoff = regexp.MustCompile(`maximal_backoff_time=(\d+[smhd])`)
	runDelay   = regexp.MustCompile(`queue_run_delay=(\d+[smhd])`)
	queueRun   = regexp.MustCompile(`-q(\d+[smhd])`)
	stagesRule = regexp.MustCompile(`(?:[FG],\d+[smhd](?:,\d+[smhd])(?:,[\d.]+)?(?:; ?)?)+`)
)

// timers reads from a note how a rule was changed for the run: the real timers would have taken days. nil: nothing can be
// read.
func timers(note string) func(*schedule.Rule) {
	var changes []func(*schedule.Rule)
	set := func(pattern *regexp.Regexp, to func(*schedule.Rule, time.Duration)) {
		if m := pattern.FindStringSubmatch(note); m != nil {
			d := duration(m[1])
			changes = append(changes, func(r *schedule.Rule) { to(r, d) })
		}
	}
	set(minBackoff, func(r *schedule.Rule, d time.Duration) { r.Min.Value = d })
	set(maxBackoff, func(r *schedule.Rule, d time.Duration) { r.Max.Value = d })
	set(runDelay, func(r *schedule.Rule, d time.Duration) { r.QueueRun.Value = d })
	set(queueRun, func(r *schedule.Rule, d time.Duration) { r.QueueRun.Value = d })
	if rule := stagesRule.FindString(note); rule != "" {
		stages := stages(rule)
		changes = append(changes, func(r *schedule.Rule) { r.Stages.Value = stages })
	}
	if len(changes) == 0 {
		return nil
	}
	return func(r *schedule.Rule) {
		for _, change := range changes {
			change(r)
		}
	}
}

// stages reads Exim's retry rule: F,24s,3s; G,192s,12s,1.5.
func stages(rule string) []schedule.Stage {
	var all []schedule.Stage
	for part := range strings.SplitSeq(rule, ";") {
		fields := strings.Split(strings.TrimSpace(part), ",")
		if len(fields) < 3 {
			continue
		}
		stage := schedule.Stage{Until: duration(fields[1]), Every: duration(fields[2])}
		if len(fields) > 3 {
			stage.Factor, _ = strconv.ParseFloat(fields[3], 64)
		}
		all = append(all, stage)
	}
	return all
}

// duration reads 5s, 15m, 2h or 4d.
func duration(text string) time.Duration {
	n, _ := strconv.Atoi(text[:len(text)-1]) // the pattern has digits here
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	return time.Duration(n) * units[text[len(text)-1]]
}
