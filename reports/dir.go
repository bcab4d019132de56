package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/relayspec/relayspec/reports/transcript"
)

// The files of a report's directory that something depends on.
const (
	jsonFile       = "report.json"
	transcriptsDir = "transcripts"
)

// Writer writes a run in one format.
type Writer func(io.Writer, *Run) error

// document is a file of a report's directory.
type document struct {
	name  string
	write Writer
}

// documents gives every format, report.json last: it stands only when all else does.
func documents() []document {
	return []document{
		{"report.txt", func(w io.Writer, run *Run) error { return WriteText(w, run, TextOptions{}) }},
		{"report.html", WriteHTML},
		{"summary.md", func(w io.Writer, run *Run) error { return WriteMarkdown(w, run, MarkdownOptions{}) }},
		{"junit.xml", WriteJUnit},
		{"cucumber.json", WriteCucumber},
		{"badge.json", WriteBadge},
		{jsonFile, WriteJSON},
	}
}

// WriteDir writes run to dir in every format: transcripts/CASE-ID.txt for every case that kept one, report.txt,
// report.html, summary.md, junit.xml, cucumber.json, badge.json, and report.json last.
//
// dir is made when it isn't there. An older report in it is replaced; each file appears whole or not at all, and
// report.json only when all else stands. A transcripts folder that no report of ours stands beside is left alone: an error.
func WriteDir(dir string, run *Run) error {
	if err := writeDir(dir, run); err != nil {
		return fmt.Errorf("write the report to %s: %w", dir, err)
	}
	return nil
}

// CheckDir tells before a run whether WriteDir could write to dir after it. It makes dir when it isn't there.
func CheckDir(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = ours(dir)
	}
	if err == nil {
		err = tryFile(dir)
	}
	if err != nil {
		return fmt.Errorf("a report can't be written to %s: %w", dir, err)
	}
	return nil
}

// tryFile makes a file in dir and removes it.
func tryFile(dir string) error {
	file, err := os.CreateTemp(dir, "try-*.tmp")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

func writeDir(dir string, run *Run) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	run = written(run)
	if err := replaceTranscripts(dir, run.Cases); err != nil {
		return err
	}
	for _, d := range documents() {
		if err := writeFile(filepath.Join(dir, d.name), func(w io.Writer) error { return d.write(w, run) }); err != nil {
			return err
		}
	}
	return nil
}

// replaceTranscripts writes the transcripts beside the old ones, then puts them in their place.
func replaceTranscripts(dir string, cases []Case) (err error) {
	place := filepath.Join(dir, transcriptsDir)
	if err := ours(dir); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(dir, transcriptsDir+"-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(fresh)
		}
	}()
	written := 0
	for _, c := range cases {
		if len(c.Transcript) == 0 {
			continue
		}
		if err := writeTranscript(fresh, c); err != nil {
			return err
		}
		written++
	}
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	if written == 0 {
		return os.Remove(fresh)
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	return os.Rename(fresh, place)
}

// ours refuses a directory whose transcripts folder isn't known to be a report's.
func ours(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, transcriptsDir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var old struct {
		Schema string `json:"schema"`
	}
	data, err := os.ReadFile(filepath.Join(dir, jsonFile))
	if err == nil {
		err = json.Unmarshal(data, &old)
	}
	if err != nil || !strings.HasPrefix(old.Schema, "relayspec-report/") {
		return fmt.Errorf("its %s folder isn't a report's and would be replaced: name another directory", transcriptsDir)
	}
	return nil
}

func writeTranscript(dir string, c Case) error {
	name := filepath.FromSlash(c.ID) + ".txt"
	if !filepath.IsLocal(name) {
		return fmt.Errorf("the case %q can't name a file", c.ID)
	}
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "# %s: %s\n# %s:%d\n", c.ID, c.Verdict, c.Feature, c.Line)
	if err := transcript.WriteEntries(&text, c.Transcript); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o644) // the folder is renamed as a whole
}
