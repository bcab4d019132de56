// Package features is the judge: the documented rules as Gherkin features, and the run that holds a relay against them.
//
// It shares no code with the relay that it judges: expected numbers and replies stand in the features' text. A rule is a
// line of catalogue.tsv and a Rule: of a feature; a case is a scenario under it. Verdicts are decided here, from what
// godog's hooks tell; package reports counts and prints them.
//
// A relay of your own is judged by Run, in its go test; Judge is the run itself, and InitializeScenario is for godog alone.
//
// The chapter relay has the document's rules, protocol those of RFC 5321 and the extensions that a relay announces: there a
// client says raw lines (dialogue.go, words.go) and the answers are judged (answers.go), on any relay that can be reached.
//
// What the relay is and what is made of it are two things. Run.Overall says what it is: no baseline makes a relay conformant.
// Run.Gate says whether a build may go on (gate.go), given the failures that a baseline expects (baseline.go, expected.go,
// baselineupdate.go). Its code is the process's: 0 satisfied; 1 something that must hold doesn't, and isn't listed, or
// fails otherwise than listed; 3 nobody could tell; 4 nothing ran; 5 an entry of the baseline is true no more; 130
// interrupted. 2 is the command's: a mistake in the command line, the configuration, the profile or the baseline.
// Failures can be run again (rerun.go), and a run be cut into shards (shard.go) whose reports Merge puts together. What held
// only then is FLAKY, and satisfies the gate where it isn't strict; not so where the baseline lists it: it failed otherwise
// than listed, or nobody could tell, and then it held. The entry is neither true nor stale, and the code is 3.
//
// Start with relay/user-limits.feature, then Load (embedded.go), Judge (run.go) and trial.go, which gives a scenario its verdict.
package features
