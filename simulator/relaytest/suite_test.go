package relaytest_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestRelaytest(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "relaytest")
}
