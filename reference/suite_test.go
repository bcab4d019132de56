package reference_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"
)

func TestReference(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "reference")
}

var _ = ReportAfterSuite("what was skipped", func(r Report) {
	for _, s := range r.SpecReports {
		if s.State == types.SpecStateSkipped && s.Failure.Message != "" { // not those that nobody asked for
			fmt.Printf("\nskipped spec: %s: %s\n", s.FullText(), s.Failure.Message)
		}
	}
})
