package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiffOfTheSame(t *testing.T) {
	d := NewDiff(everything(), everything())
	if !d.Same() || d.Worse() || d.Unlike != nil {
		t.Errorf("got %+v", d)
	}
	var out bytes.Buffer
	if err := WriteDiff(&out, d); err != nil || !strings.HasSuffix(out.String(), "\nthe same verdicts\n") {
		t.Errorf("got %v, %s", err, out.String())
	}
}

func TestDiffSaysWhatChanged(t *testing.T) {
	before, after := everything(), everything()
	after.Target.Name, after.Selection = "another", ""
	set := func(run *Run, id string, v Verdict) {
		for i := range run.Cases {
			if run.Cases[i].ID == id {
				run.Cases[i].Verdict, run.Cases[i].Reason, run.Cases[i].Got = v, "", ""
				return
			}
		}
		t.Fatalf("no case %s", id)
	}
	set(after, "LIM-A/passes", Fail)
	set(after, "LIM-A/fails", Pass)
	set(after, "LIM-B/misses", Unsupported)
	set(before, "LIM-B/lacks", Fail)
	after.NotRun = nil
	after.Cases = append(after.Cases, Case{ID: "LIM-Z/new", Rules: []string{"LIM-A"}, Verdict: Fail})
	after.Rules[0].Verdict = ""
	d := NewDiff(before, after)
	var out bytes.Buffer
	if err := WriteDiff(&out, d); err != nil {
		t.Fatal(err)
	}
	want := `before  other 0.9: non-conformant
after   another 0.9: non-conformant
unlike  target: other before, another after
unlike  selection: LIM-* before, everything after

Rules
  other   FAIL -> not judged            LIM-A

Cases
  worse   PASS -> FAIL                  LIM-A/passes
  worse   NONSTRICT -> UNSUPPORTED      LIM-B/misses
  new     FAIL                          LIM-Z/new
  other   FAIL -> UNPROVISIONABLE       LIM-B/lacks: clock
  gone    not judged                    LIM-C/late
  better  FAIL -> PASS                  LIM-A/fails

rules: 0 better, 0 worse, 1 other, 0 new, 0 gone; cases: 1 better, 2 worse, 1 other, 1 new, 1 gone
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if !d.Worse() {
		t.Error("nothing is worse")
	}
	var text bytes.Buffer
	if err := WriteDiffJSON(&text, d); err != nil {
		t.Fatal(err)
	}
	read := &Diff{}
	if err := json.Unmarshal(text.Bytes(), read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, read); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestDiffOfVerdicts(t *testing.T) {
	for _, tt := range []struct {
		before, after Verdict
		want          Change
	}{
		{Pass, Fail, Worse}, {Fail, Pass, Better}, {Pass, Error, Worse}, {Error, Pass, Better}, {Pass, "", Worse}, {"", Pass, Better},
		{Pass, NonStrict, Worse}, {NonStrict, Noted, Better}, {NonStrict, Fail, Worse}, {Fail, NonStrict, Better},
		{Fail, Error, Other}, {Error, Fail, Worse}, {Fail, Unsupported, Other}, {Unsupported, Error, Other},
		{Pass, "XFAIL", Worse}, {Fail, "XFAIL", Other},
	} {
		if got := moved(tt.before, tt.after); got != tt.want {
			t.Errorf("%s -> %s is %s, want %s", word(tt.before), word(tt.after), got, tt.want)
		}
	}
}

func TestDiffMarkdownIsSafe(t *testing.T) {
	after := everything()
	after.Target.Name, after.Cases[0].Verdict, after.Cases[0].Got = "<b>|`@x`\x1b", Fail, "|<i>`@y`|"
	var out bytes.Buffer
	if err := WriteDiffMarkdown(&out, NewDiff(everything(), after)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b", "|<i>", "`@y`|"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("%q stands in\n%s", bad, out.String())
		}
	}
}
