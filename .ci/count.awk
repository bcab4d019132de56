# Counts, in the JSON of `go test -v -json`, what ran: tests, Ginkgo specs, scenarios, fuzz seeds, and what was skipped and why.
# A suite says why a spec was skipped in a line "skipped spec: WHAT: WHY".
function field(name,   m) {
	if (match($0, "\"" name "\":\"[^\"]*\"")) {
		m = substr($0, RSTART, RLENGTH)
		sub("^\"" name "\":\"", "", m); sub("\"$", "", m)
		return m
	}
	return ""
}
/"Action":"(pass|fail|skip)"/ && /"Test":/ {
	test = field("Test"); action = field("Action")
	tests[action]++
	if (test ~ /^Fuzz[^\/]*\//) seeds++
	if (action == "skip") skipped = skipped "\n  " field("Package") " " test ": " reason[field("Package") test]
}
/"Action":"output"/ {
	text = field("Output")
	if (match(text, /Ran [0-9]+ of [0-9]+ Specs/)) { split(substr(text, RSTART, RLENGTH), w, " "); specs += w[2] }
	if (match(text, /[0-9]+ Skipped/)) { split(substr(text, RSTART, RLENGTH), w, " "); tests["skip"] += w[1]; untold += w[1] }
	if (sub(/^skipped spec: /, "", text)) { sub(/\\n$/, "", text); skipped = skipped "\n  " field("Package") " " text; untold-- }
	if (match(text, /[0-9]+ scenarios ran/)) { split(substr(text, RSTART, RLENGTH), w, " "); scenarios += w[1] }
	if (match(text, /_test\.go:[0-9]+: /)) { text = substr(text, RSTART + RLENGTH); sub(/\\n$/, "", text); reason[field("Package") field("Test")] = text }
}
END {
	printf "%d specs, %d scenarios, %d fuzz seeds\n", specs, scenarios, seeds
	if (untold > 0) skipped = skipped "\n  " untold " specs whose suite doesn't say why"
	if (skipped != "") print "not run:" skipped
	printf "%d passed, %d failed, %d skipped\n", tests["pass"], tests["fail"], tests["skip"]
}
