package storm

import (
	"bytes"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// fuzzHeader begins a file that Go's fuzzing has written.
const fuzzHeader = "go test fuzz v1\n"

// ReadCorpus gives what the files of fsys hold, each a raw session, those in its folders too. Of a file that Go's fuzzing
// has written it gives each value that is text or octets. Files whose names begin with a dot are left out.
//
// Errors: those of fsys; a file of the fuzzing that can't be read, with its name and line.
func ReadCorpus(fsys fs.FS) ([][]byte, error) {
	var corpus [][]byte
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(text, []byte(fuzzHeader)) {
			corpus = append(corpus, text)
			return nil
		}
		values, err := fuzzValues(name, string(text))
		corpus = append(corpus, values...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the corpus: %w", err)
	}
	return corpus, nil
}

// fuzzValues gives the texts and octets of a file that Go's fuzzing has written: a value a line, as Go writes it.
func fuzzValues(name, text string) ([][]byte, error) {
	var values [][]byte
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		kind, quoted, _ := strings.Cut(line, "(")
		if kind != "[]byte" && kind != "string" {
			continue
		}
		value, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %s is no value of %s: %w", name, i+1, quoted, kind, err)
		}
		values = append(values, []byte(value))
	}
	return values, nil
}
