package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sideBySide is a matrix of everything(), of a run of another target that has one rule more, and of one without cases.
func sideBySide() *Matrix {
	other, empty := everything(), aRun()
	other.Target.Name, other.Target.Version = "<b>other|relay</b>\x1b[2J", ""
	other.Rules = append(other.Rules[:1:1], append([]Rule{{ID: "LIM-NEW", Chapter: "1.2", Level: May, Sentence: "New", Verdict: Pass}}, other.Rules[1:]...)...)
	empty.Cases, empty.NotRun, empty.Trouble = nil, nil, "nobody listens there"
	for i := range empty.Rules {
		empty.Rules[i].Verdict, empty.Rules[i].Reason = "", ""
	}
	return NewMatrix([]MatrixSource{{everything(), "a"}, {other, "b c/#1"}, {empty, "d"}})
}

func TestMatrixHasEveryRuleAndEveryTarget(t *testing.T) {
	var got []string
	for _, row := range sideBySide().Rows {
		cells := make([]string, len(row.Cells))
		for i, c := range row.Cells {
			cells[i] = fmt.Sprintf("%s %d/%d", c.Verdict, c.Passed, c.Ran)
			if c.Verdict == "" {
				cells[i] = c.Reason
			}
		}
		got = append(got, row.ID+": "+strings.Join(cells, ", "))
	}
	want := []string{
		"LIM-A: FAIL 1/6, FAIL 1/6, not judged",
		"LIM-NEW: not in this report, PASS 0/0, not in this report",
		"LIM-B: ERROR 0/2, ERROR 0/2, not judged",
		"LIM-C: UNSUPPORTED(helo-suffix), UNSUPPORTED(helo-suffix), not judged",
		"LIM-D: not selected, not selected, not judged",
		"LIM-E: NOTE 0/1, NOTE 0/1, not in this report",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestMatrixTellsEqualTargetsApart(t *testing.T) {
	titles := func(sources ...MatrixSource) string {
		var found []string
		for _, c := range NewMatrix(sources).Columns {
			found = append(found, c.Title)
		}
		return strings.Join(found, "; ")
	}
	control := aRun()
	control.Target.Driver = "control"
	for _, tt := range []struct{ got, want string }{
		{titles(MatrixSource{aRun(), "x/a"}), "other 0.9"},
		{titles(MatrixSource{aRun(), "x/a"}, MatrixSource{control, "y/a"}), "other 0.9 (driver static); other 0.9 (driver control)"},
		{titles(MatrixSource{aRun(), "x/a"}, MatrixSource{aRun(), "x/b"}), "other 0.9 (in a); other 0.9 (in b)"},
		{titles(MatrixSource{aRun(), "x/a"}, MatrixSource{aRun(), "y/a"}), "other 0.9 (report 1); other 0.9 (report 2)"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

func TestMatrixLinksToTheTranscripts(t *testing.T) {
	dir := t.TempDir()
	report := filepath.Join(dir, "a # report")
	if err := WriteDir(report, everything()); err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := WriteMatrixHTML(&page, NewMatrix([]MatrixSource{{everything(), "a # report"}})); err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page.String(), -1)
	if len(links) < 3 {
		t.Fatalf("%d links", len(links))
	}
	for _, link := range links {
		name := strings.NewReplacer("%20", " ", "%23", "#").Replace(link[1])
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s leads nowhere: %v", link[1], err)
		}
	}
}

func TestMatrixPagesAreSafe(t *testing.T) {
	m := sideBySide()
	for name, write := range map[string]func(*bytes.Buffer) error{
		"html":     func(b *bytes.Buffer) error { return WriteMatrixHTML(b, m) },
		"markdown": func(b *bytes.Buffer) error { return WriteMatrixMarkdown(b, m) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\x00") || strings.Contains(out.String(), "<b>") || strings.Contains(out.String(), "|relay") && name == "markdown" {
			t.Errorf("%s lets markup or control characters through:\n%s", name, out.String())
		}
		if strings.Contains(out.String(), "<script") || strings.Contains(out.String(), "http:") || strings.Contains(out.String(), "https:") {
			t.Errorf("%s needs a script or the network", name)
		}
	}
}

func TestMatrixMarkdownHasMustRulesThatFail(t *testing.T) {
	var out bytes.Buffer
	if err := WriteMatrixMarkdown(&out, sideBySide()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n| LIM-A |"); got != 1 {
		t.Errorf("LIM-A stands there %d times:\n%s", got, out.String())
	}
	if strings.Contains(out.String(), "| LIM-B |") || strings.Contains(out.String(), "| LIM-C |") {
		t.Errorf("a rule stands there that no target fails:\n%s", out.String())
	}
}

func TestMatrixJSON(t *testing.T) {
	var out bytes.Buffer
	if err := WriteMatrixJSON(&out, sideBySide()); err != nil {
		t.Fatal(err)
	}
	read := &Matrix{}
	if err := json.Unmarshal(out.Bytes(), read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sideBySide(), read); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}
