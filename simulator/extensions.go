package simulator

import (
	"slices"
	"strings"

	"github.com/relayspec/relayspec/reference/policy"
)

// Extensions are what a service announces in reply to EHLO, by their keyword in lower case, in the order of the lines; then,
// where it has any, auth and its mechanisms as auth-plain.
func Extensions(s *policy.Service) []string {
	var all []string
	for _, line := range s.Capabilities {
		keyword, _, _ := strings.Cut(line, " ")
		all = append(all, strings.ToLower(keyword))
	}
	if len(s.Mechanisms) > 0 && !slices.Contains(all, "auth") {
		all = append(all, "auth")
	}
	for _, mechanism := range s.Mechanisms {
		all = append(all, "auth-"+strings.ToLower(mechanism))
	}
	return all
}
