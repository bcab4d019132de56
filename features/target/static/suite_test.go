package static_test

import (
	"fmt"
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestStatic(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "features/target/static")
}

// asRelay makes the test binary be a relay that a profile starts; its value says what becomes of it.
const asRelay = "TEST_BINARY_IS_A_RELAY"

func TestMain(m *testing.M) {
	if what := os.Getenv(asRelay); what != "" {
		fmt.Fprintln(os.Stderr, "exit:", play(what))
		os.Exit(3)
	}
	os.Exit(m.Run())
}
