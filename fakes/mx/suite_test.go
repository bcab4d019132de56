package mx_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestMX(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "fakes/mx")
}
