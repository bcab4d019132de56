package control_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/control"
)

func TestNotFoundIsAnUnknownVerbButForReset(t *testing.T) {
	g := gomega.NewWithT(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		w.Write([]byte(`{"title": "Not Found", "status": 404, "detail": "no customer has the ID acme"}`))
	}))
	defer server.Close()
	driver, err := control.New(control.Options{URL: server.URL})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(driver.Challenge(t.Context(), "no-such-verb")).To(gomega.MatchError(target.ErrUnsupported))
	err = driver.Reset(t.Context(), "acme")
	g.Expect(err).NotTo(gomega.MatchError(target.ErrUnsupported))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("no customer has the ID acme")))
}
