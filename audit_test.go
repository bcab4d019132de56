package main

import (
	"net"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("audit", func() {
	It("says so where another one has the port", func() {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		defer taken.Close()
		got := relayspec("audit", "--listen", taken.Addr().String())
		Expect(got.code).To(Equal(2))
		Expect(got.err).To(And(ContainSubstring("address already in use"), ContainSubstring("listen elsewhere with --listen ADDR")))
	})

	It("takes no bounds that leave nothing to wait for", func() {
		got := relayspec("audit", "--least", "2m", "--within", "1m")
		Expect(got.code).To(Equal(2))
		Expect(got.err).To(ContainSubstring("--within more than --least"))
	})

	It("says which real server can't be opened", func() {
		got := relayspec("conform", "--sender", "features/senders/nobody/sender.yaml")
		Expect(got.code).To(Equal(2))
		Expect(got.err).To(ContainSubstring("no such file: features/senders/nobody/sender.yaml"))
	})
})
