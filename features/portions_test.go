package features

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPortionsInWords(t *testing.T) {
	for what, want := range map[string]struct {
		Apart      time.Duration
		Messages   []int
		Recipients []int
	}{
		"20 messages, 9 in every 10 minutes":                      {10*time.Minute + tick, []int{9, 9, 2}, []int{9, 9, 2}},
		"18 messages, 9 in every 10 minutes":                      {10*time.Minute + tick, []int{9, 9}, []int{9, 9}},
		"5 messages, 9 in every 3 minutes":                        {3*time.Minute + tick, []int{5}, []int{5}},
		"to 1,250 different recipients, 810 in every 10 minutes":  {10*time.Minute + tick, []int{9, 5}, []int{810, 440}},
		"to 40 different recipients, 18 in every 10 minutes":      {10*time.Minute + tick, []int{1, 1, 1}, []int{18, 18, 4}},
		"to 1,000 different recipients, 1,000 in every 5 minutes": {5*time.Minute + tick, []int{10}, []int{1000}},
	} {
		_, s := stepping(bareTarget{})
		p, err := s.portions("anna@acme-t1.example", what)
		if err != nil {
			t.Errorf("%q: %v", what, err)
			continue
		}
		got := want
		got.Apart, got.Messages, got.Recipients = p.apart, nil, nil
		for _, mails := range p.mails {
			got.Messages = append(got.Messages, len(mails))
			got.Recipients = append(got.Recipients, recipientsIn(mails))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", what, diff)
		}
		if n := recipientsIn(p.all()); what[:3] == "to " && differentIn(p.all()) != n {
			t.Errorf("%q: %d different recipients of %d", what, differentIn(p.all()), n)
		}
	}
}

func TestNoPortionsAreAnError(t *testing.T) {
	_, s := stepping(bareTarget{})
	for _, what := range []string{"0 messages, 9 in every 10 minutes", "9 messages, 0 in every 10 minutes"} {
		if _, err := s.portions("anna@acme-t1.example", what); err == nil {
			t.Errorf("%q was taken", what)
		}
	}
}
