package reports

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/relayspec/relayspec/reports/transcript"
)

// aRun has a case of every kind.
func aRun() *Run {
	run := &Run{
		Schema: SchemaName, Tool: Tool{"relayspec", "1.2"},
		Target:  Target{Name: "other", Version: "0.9", Driver: "static", Capabilities: []string{"world"}},
		Started: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Duration: 1234567 * time.Microsecond,
		Volume: "normal", Selection: "LIM-*", Overall: NonConformant,
		Cases: []Case{
			{
				ID: "LIM-A/passes", Rules: []string{"LIM-A"}, Name: "Passes", Feature: "features/relay/a.feature", Line: 7,
				Level: Must, Source: "documented", Rule: "Ten are taken", Verdict: Pass, Evidence: Full, Duration: time.Second,
			},
			{
				ID: "LIM-A/fails", Rules: []string{"LIM-A", "ERR-A"}, Name: "Fails", Feature: "features/relay/a.feature", Line: 12,
				Level: Must, Source: "documented", Rule: "Ten are taken", Verdict: Fail, Evidence: Preloaded,
				Step: "Then the relay refuses it", Want: "550 5.4.5", Got: "250 fine\x1b[2J", Stages: []string{"data"}, Transcript: aTranscript(30, 12),
			},
			{
				ID: "LIM-B/errs", Rules: []string{"LIM-B"}, Name: "Errs", Feature: "features/relay/a.feature", Line: 20,
				Level: Should, Source: "observed", Rule: "Nine", Verdict: Error, Step: "When it dials", Reason: "connection refused\nat line two",
			},
			{
				ID: "LIM-B/lacks", Rules: []string{"LIM-B"}, Name: "Lacks", Feature: "features/relay/a.feature", Line: 25,
				Level: Should, Source: "observed", Rule: "Nine", Verdict: Unprovisioned, Reason: "clock",
			},
		},
		Rules: []Rule{
			{ID: "LIM-A", Chapter: "1.2", Line: "L19", Level: Must, Sentence: "Ten are taken", Verdict: Fail, Cases: 2, Ran: 2},
			{ID: "LIM-B", Chapter: "1.3", Line: "L20", Level: Should, Sentence: "Nine", Verdict: Error, Cases: 2, Ran: 1},
			{ID: "LIM-C", Chapter: "1.3", Line: "L21", Level: Must, Sentence: "Eight", Reason: "UNSUPPORTED(helo-suffix)", Cases: 1},
			{ID: "LIM-D", Chapter: "1.3", Line: "L22", Level: Must, Sentence: "Seven", Reason: "not selected"},
		},
		NotRun: []NotRun{{ID: "LIM-C/late", Reason: "interrupted"}},
	}
	run.Totals = Count(run.Cases, run.Rules, run.NotRun)
	return run
}

// aTranscript has n entries of which one is marked, and one is a credential.
func aTranscript(n, marked int) []transcript.Entry {
	var entries []transcript.Entry
	for i := range n {
		entries = append(entries, transcript.Entry{
			At: time.Duration(i) * time.Millisecond, Kind: transcript.Server, Text: "250 reply " + string(rune('a'+i)), Marked: i == marked,
		})
	}
	entries[n-1] = transcript.Entry{At: time.Second, Kind: transcript.Client, Text: "c2VjcmV0", Secret: true}
	return entries
}

func TestCount(t *testing.T) {
	want := Totals{
		Chosen: 5, Ran: 3, HeldBack: 1, NotRun: 1,
		Verdicts: map[Verdict]int{Pass: 1, Fail: 1, Error: 1, Unprovisioned: 1},
		Evidence: map[Evidence]int{Full: 1, Preloaded: 1},
		Must:     RuleTotals{All: 3, Judged: 1},
		Should:   RuleTotals{All: 1},
	}
	if diff := cmp.Diff(want, aRun().Totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

func TestWriteText(t *testing.T) {
	var out bytes.Buffer
	if err := WriteText(&out, aRun(), TextOptions{}); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "report.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s\nthe whole:\n%s", diff, out.String())
	}
}

func TestWriteTextIsSafeForATerminal(t *testing.T) {
	run := aRun()
	evil := "\x1b[31m\a\x9b"
	run.Target.Name, run.Cases[2].Reason, run.Rules[2].Reason, run.Trouble = evil, evil, evil, evil
	var out bytes.Buffer
	if err := WriteText(&out, run, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\a\u009b") {
		t.Errorf("control characters in\n%q", out.String())
	}
}

func TestWriteTextColour(t *testing.T) {
	var out bytes.Buffer
	if err := WriteText(&out, aRun(), TextOptions{Colour: true}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{red + "FAIL     " + plain, red + ">>" + plain, "Overall  " + red + "non-conformant" + plain} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%q", want, out.String())
		}
	}
}

// compiled is the schema, ready to validate.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// jsonOf is run as WriteJSON writes it, read again.
func jsonOf(t *testing.T, run *Run) map[string]any {
	t.Helper()
	var out bytes.Buffer
	if err := WriteJSON(&out, run); err != nil {
		t.Fatal(err)
	}
	var value map[string]any
	if err := json.Unmarshal(out.Bytes(), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestWriteJSONKeepsItsSchema(t *testing.T) {
	schema := compiled(t)
	empty := &Run{
		Schema: SchemaName, Tool: Tool{"relayspec", "devel"}, Target: Target{Capabilities: []string{}}, Volume: "large",
		Overall: Inconclusive, Interrupted: true, Trouble: "nothing selected", Totals: Count(nil, nil, nil),
	}
	for name, run := range map[string]*Run{"full": aRun(), "empty": empty} {
		if err := schema.Validate(jsonOf(t, run)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	schema := compiled(t)
	for name, spoil := range map[string]func(*Run){
		"another form":       func(r *Run) { r.Schema = "relayspec-report/2" },
		"unknown overall":    func(r *Run) { r.Overall = "fine" },
		"unknown verdict":    func(r *Run) { r.Cases[0].Verdict = "XPASS" },
		"fail without want":  func(r *Run) { r.Cases[1].Want = "" },
		"error, no reason":   func(r *Run) { r.Cases[2].Reason = "" },
		"case without rules": func(r *Run) { r.Cases[0].Rules = nil },
		"unknown count":      func(r *Run) { r.Totals.Verdicts["WHAT"] = 1 },
		"XFAIL, not listed":  func(r *Run) { r.Cases[1].Verdict, r.Cases[1].Found = XFail, Fail },
		"XFAIL that passes": func(r *Run) {
			r.Cases[1].Verdict, r.Cases[1].Found, r.Cases[1].Listed = XFail, Pass, &Listed{Entry: "*", Line: 1, Wants: "FAIL", Reason: "so"}
		},
		"XPASS that fails": func(r *Run) {
			r.Cases[1].Verdict, r.Cases[1].Found, r.Cases[1].Listed = XPass, Fail, &Listed{Entry: "*", Line: 1, Wants: "FAIL", Reason: "so"}
		},
		"FLAKY, run once":  func(r *Run) { r.Cases[1].Verdict, r.Cases[1].Found, r.Cases[1].Reason = Flaky, Pass, "so" },
		"PASS, found FAIL": func(r *Run) { r.Cases[0].Found = Fail },
		"unknown gate":     func(r *Run) { r.Gate = &Gate{Code: 7, Word: Satisfied, Reasons: []string{}} },
		"unknown state": func(r *Run) {
			r.Baseline = &Baseline{"b", "t", []Entry{{ID: "*", Line: 1, Verdict: Fail, Reason: "so", State: "odd", Text: "t"}}}
		},
		"stale without why": func(r *Run) {
			r.Baseline = &Baseline{"b", "t", []Entry{{ID: "*", Line: 1, Verdict: Fail, Reason: "so", State: Stale}}}
		},
		"rule unsupported": func(r *Run) { r.Rules[0].Verdict = Unsupported },
	} {
		t.Run(name, func(t *testing.T) {
			run := aRun()
			spoil(run)
			if schema.Validate(jsonOf(t, run)) == nil {
				t.Error("the schema took it")
			}
		})
	}
}

func TestWriteJSONLeavesCredentialsOut(t *testing.T) {
	var out bytes.Buffer
	if err := WriteJSON(&out, aRun()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "c2VjcmV0") {
		t.Error("a credential stands in the report")
	}
	if !strings.Contains(out.String(), `"seconds": 1.235`) {
		t.Errorf("the run's seconds are missing:\n%s", out.String())
	}
}

// files lists what is in dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWriteDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "report")
	if err := WriteDir(dir, aRun()); err != nil {
		t.Fatal(err)
	}
	formats := []string{"badge.json", "cucumber.json", "junit.xml", "report.html", "report.json", "report.txt", "summary.md"}
	want := append(slices.Clone(formats), "transcripts/LIM-A/fails.txt")
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	data, err := os.ReadFile(filepath.Join(dir, "transcripts", "LIM-A", "fails.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "c2VjcmV0") {
		t.Error("a credential stands in the transcript")
	}
	entries, err := transcript.Parse(bytes.NewReader(data))
	if err != nil || len(entries) != 30 || !entries[12].Marked {
		t.Errorf("%d entries read back, error %v", len(entries), err)
	}

	// A second report replaces the first, with what it left behind.
	run := aRun()
	run.Cases = slices.Delete(run.Cases, 1, 2)
	if err := WriteDir(dir, run); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(formats, files(t, dir)); diff != "" {
		t.Errorf("files after the second report (-want +got):\n%s", diff)
	}
}

func TestWriteDirLeavesOthersTranscriptsAlone(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "transcripts", "court.txt")
	if err := os.MkdirAll(filepath.Dir(precious), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(precious, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := WriteDir(dir, aRun())
	if err == nil || !strings.Contains(err.Error(), "isn't a report's") {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{"transcripts/court.txt"}, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestWriteDirThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := WriteDir(file, aRun())
	if err == nil || !strings.Contains(err.Error(), "write the report to "+file) {
		t.Errorf("error %v", err)
	}
	err = CheckDir(file)
	if err == nil || !strings.Contains(err.Error(), "a report can't be written to "+file) {
		t.Errorf("error %v", err)
	}
}

func TestCheckDirLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if err := CheckDir(dir); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWriteFileAppearsWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	run := aRun()
	run.Cases[1].ID = "../escape"
	if err := WriteDir(dir, run); err == nil || !strings.Contains(err.Error(), "can't name a file") {
		t.Errorf("error %v", err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
