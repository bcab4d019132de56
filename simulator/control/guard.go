package control

import (
	"crypto/subtle"
	"net/http"
	"strings"
)

// guard lets nobody in who doesn't bring the token. Source: RFC 6750 §2.1.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.knows(r.Header.Get("Authorization")) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, http.StatusUnauthorized, "the token is missing or wrong: send the header Authorization: Bearer TOKEN")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knows tells whether the header Authorization brings the token. It takes as long for a wrong one.
func (s *Server) knows(authorization string) bool {
	if s.options.Token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	same := subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(s.options.Token)) == 1
	return strings.EqualFold(scheme, "Bearer") && same
}
