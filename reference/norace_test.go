//go:build !race

package reference_test

// underRace tells whether the race detector runs, whose own records make stacks and heap larger.
const underRace = false
