//go:build !race

package mta

// underRace tells whether the race detector runs, which makes all of it several times as slow.
const underRace = false
