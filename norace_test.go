//go:build !race

package main

// underRace tells whether the race detector runs, whose own records make a process several times as large.
const underRace = false
