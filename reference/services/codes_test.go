package services

import (
	"strings"
	"testing"
)

func TestCodesAreAccountedFor(t *testing.T) {
	codes, err := Codes()
	if err != nil {
		t.Fatal(err)
	}
	const rows = 58 // of relay-rules section 4
	if len(codes) != rows {
		t.Errorf("%d codes, want %d", len(codes), rows)
	}
}

func TestCodesAreReadStrictly(t *testing.T) {
	for line, want := range map[string]string{
		"550\t5.7.1\ttext\tyes\tH\tsyntax\tCASE":            "7 columns, want 8",
		"x\t5.7.1\ttext\tyes\tH\tsyntax\tCASE\t":            `"x" is no code`,
		"550\t5.7.1\ttext\tyes\tH\tnobody\tCASE\t":          `no reply is called "nobody"`,
		"550\t5.7.1\ttext\tyes\tH\t\t\t":                    "nothing says why not",
		"550\t5.7.1\ttext\tyes\tH\tsyntax\t\tthe newer one": "nothing shows it",
	} {
		_, err := parseCodes("# a comment\n" + line + "\n")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "codes.tsv:2: ") {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}
