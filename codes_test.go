package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/embedded"
	"github.com/relayspec/relayspec/reference/services"
	"github.com/relayspec/relayspec/reports/transcript"
)

// shownBy takes "CASE with NAME=VALUE" apart.
var shownBy = regexp.MustCompile(`^(\S+)(?: with (\S+)=(\S+))?$`)

var _ = Describe("codes", func() {
	accounts := func() []account {
		GinkgoHelper()
		rows, err := services.Codes()
		Expect(err).NotTo(HaveOccurred())
		service, err := services.Load(services.Default, nil)
		Expect(err).NotTo(HaveOccurred())
		var all []account
		for _, row := range rows {
			all = append(all, account{row, given(service, row.Replies)})
		}
		return all
	}

	It("accounts for every row, and its table in the tree is up to date", func() {
		var out, table, faults bytes.Buffer
		Expect(run([]string{"codes"}, nil, &out, &faults)).To(Equal(0), faults.String())
		Expect(out.String()).To(HaveSuffix(", 0 unaccounted for\n"))
		Expect(out.String()).To(ContainSubstring("58 codes: "))
		Expect(run([]string{"codes", "--markdown"}, nil, &table, &faults)).To(Equal(0), faults.String())
		kept, err := os.ReadFile("reference/services/codes.md")
		Expect(err).NotTo(HaveOccurred())
		Expect(table.String()).To(Equal(string(kept)), "make codes writes it anew")
	})

	It("shows what it says is shown", func() {
		for _, a := range accounts() {
			word, name, isWire := strings.Cut(a.Shown, " ")
			switch {
			case len(a.Replies) == 0:
			case isWire && word == "story":
				story, err := os.ReadFile(filepath.Join("reference/wire/testdata", name+".txt"))
				Expect(err).NotTo(HaveOccurred())
				Expect(string(story)).To(MatchRegexp(`(?m)^S: %d[ -]%s`, a.code(), regexp.QuoteMeta(a.prefix())), a.Shown)
			case isWire && word == "test":
				tests, err := filepath.Glob("reference/wire/*_test.go")
				Expect(err).NotTo(HaveOccurred())
				Expect(slices.ContainsFunc(tests, func(file string) bool {
					text, err := os.ReadFile(file)
					return err == nil && bytes.Contains(text, []byte("func "+name+"("))
				})).To(BeTrue(), a.Shown)
			default:
				Expect(heardIn(a.Shown)).To(ContainElement(HavePrefix(a.prefix())), a.Shown)
			}
		}
	})
})

// code is the code that the relay gives, which may be a newer one than the pages'.
func (a *account) code() int {
	var code int
	fmt.Sscan(a.Given[0], &code)
	return code
}

// prefix is how the first line of the reply begins on the wire, behind its code.
func (a *account) prefix() string {
	line := strings.SplitN(a.Given[0], " ", 2)[1]
	line, _, _ = strings.Cut(line, "{") // the session's values
	return strings.TrimSpace(line)
}

// heardIn runs a case and gives what the relay said in it, without the codes at the front of the lines.
func heardIn(shown string) []string {
	GinkgoHelper()
	match := shownBy.FindStringSubmatch(shown)
	Expect(match).NotTo(BeNil(), shown)
	suite, selection, err := loadSelected(match[1])
	Expect(err).NotTo(HaveOccurred())
	options := embedded.Options{}
	if match[2] != "" {
		options.Switches = map[string]string{match[2]: match[3]}
	}
	judged, err := features.Judge(context.Background(), features.Options{
		Suite: suite, Select: selection, KeepTranscripts: true, Workers: -1,
		Open: func(ctx context.Context) (target.Target, io.Closer, error) { return embedded.OpenWith(ctx, options) },
	})
	Expect(err).NotTo(HaveOccurred(), shown)
	var heard []string
	for _, c := range judged.Cases {
		for _, e := range c.Transcript {
			if e.Kind == transcript.Server && len(e.Text) > 4 {
				heard = append(heard, e.Text[4:])
			}
		}
	}
	return heard
}
