package features

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/reports"
)

// maxShards bounds how many parts a run is cut into.
const maxShards = 1000

// Shard is a part of the selected cases: the Number-th of Of, from 1. The zero value is all of them. Which case is in which
// part depends on nothing but the selection, so that runs on several machines together have each case once.
type Shard struct{ Number, Of int }

// ParseShard reads "2/3"; "" is no part.
func ParseShard(s string) (Shard, error) {
	if s == "" {
		return Shard{}, nil
	}
	number, of, _ := strings.Cut(s, "/")
	i, err := strconv.Atoi(number)
	n, errOf := strconv.Atoi(of)
	if err != nil || errOf != nil || i < 1 || i > n || n > maxShards {
		return Shard{}, fmt.Errorf("%q is no part: write 2/3 for the second of three, at most of %d", s, maxShards)
	}
	return Shard{i, n}, nil
}

// of takes the part of these cases of suite, which are ascending. Those that send volume, which take long, are dealt out
// first, each part in its turn, and then the others.
func (s Shard) of(suite *Suite, chosen []int) []int {
	if s.Of == 0 {
		return chosen
	}
	dealt := slices.Clone(chosen)
	slices.SortStableFunc(dealt, func(a, b int) int {
		switch {
		case suite.Cases[a].Volume == suite.Cases[b].Volume:
			return 0
		case suite.Cases[a].Volume:
			return -1
		}
		return 1
	})
	var mine []int
	for i := s.Number - 1; i < len(dealt); i += s.Of {
		mine = append(mine, dealt[i])
	}
	slices.Sort(mine)
	return mine
}

// report is s for a report, nil for all of the cases.
func (s Shard) report() *reports.Shard {
	if s.Of == 0 {
		return nil
	}
	return &reports.Shard{Number: s.Number, Of: s.Of}
}
