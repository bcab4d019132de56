package reports

import (
	"strings"
	"testing"
)

func TestEveryReportForPeopleHasTheDrift(t *testing.T) {
	for name, want := range map[string][]string{
		"report.txt":  {"\nDrift\n  size: declared yes, announced no, tried not seen: nobody announces it\n", "  auth-plain: declared not seen, announced yes, tried no: it doesn't work: 504 no <b>"},
		"summary.md":  {"| size | yes | no |  | nobody announces it |\n", "| auth-plain |  | yes | no | it doesn't work&#58; 504 no &#60;b&#62; really |\n"},
		"report.html": {"<code>size</code></th><td>yes</td><td>no</td><td></td><td>nobody announces it</td>", "504 no &lt;b&gt;"},
	} {
		write, known := formats()[name]
		if !known {
			t.Fatalf("no format is called %s: %v", name, formats())
		}
		out := rendered(t, write, everything())
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in\n%s", name, w, out)
			}
		}
		bare := everything()
		bare.Drift = nil
		if out := rendered(t, write, bare); strings.Contains(out, "Drift") {
			t.Errorf("%s speaks of drift where there is none", name)
		}
	}
}
