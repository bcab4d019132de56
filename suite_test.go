package main

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestRelayspec(t *testing.T) {
	t.Setenv("GITHUB_ACTIONS", "") // what is told of annotations is told by a flag
	RegisterFailHandler(Fail)
	RunSpecs(t, "relayspec")
}
