package reports

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadJSONReadsBack(t *testing.T) {
	for name, run := range map[string]*Run{"short": aRun(), "full": everything()} {
		t.Run(name, func(t *testing.T) {
			var first, second bytes.Buffer
			if err := WriteJSON(&first, run); err != nil {
				t.Fatal(err)
			}
			read, err := ReadJSON(bytes.NewReader(first.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			// A transcript's secrets are marked by what stands in their place.
			if diff := cmp.Diff(written(run), read, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("run (-want +got):\n%s", diff)
			}
			if err := WriteJSON(&second, read); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first.String(), second.String()); diff != "" {
				t.Errorf("written again (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadJSONRefuses(t *testing.T) {
	var out bytes.Buffer
	if err := WriteJSON(&out, everything()); err != nil {
		t.Fatal(err)
	}
	whole := out.String()
	spoil := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%q isn't in the report", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	for name, test := range map[string]struct{ text, want string }{
		"nothing":          {"", "line 1: it is no JSON"},
		"half":             {whole[:len(whole)/2], "it is no JSON"},
		"no JSON":          {"{\n  \"schema\": nonsense\n}", "line 2: it is no JSON"},
		"two":              {whole + whole, "it is no JSON"},
		"another form":     {spoil(`"relayspec-report/1"`, `"relayspec-report/2"`), `"relayspec-report/2", this program reads "relayspec-report/1"`},
		"somebody else's":  {`{"stats": {}}`, `no member "schema" names it`},
		"a list":           {`[1]`, `no member "schema" names it`},
		"a number":         {`{"schema": 1}`, "at /schema: "},
		"unknown member":   {spoil(`"volume":`, `"loudness": 3, "volume":`), "at /: additional properties 'loudness' not allowed"},
		"unknown verdict":  {spoil(`"verdict": "NOTE"`, `"verdict": "NOT"`), "at /rules/4/verdict: value must be one of "},
		"unknown result":   {spoil(`"result": "passed"`, `"result": "won"`), "at /cases/0/steps/0/result: value must be one of "},
		"no entry":         {spoil(`"kind": "S"`, `"kind": "?"`), "/transcript/"},
		"broken quote":     {spoil(`"text": "250 reply a"`, `"text": "\"250"`), "Go-quoted"},
		"negative time":    {spoil(`"seconds": 1.235`, `"seconds": -1`), "at /seconds: "},
		"totals by hand":   {spoil(`"PASS": 1`, `"PASS": 100`), "at /totals: they don't count"},
		"no time of a day": {spoil(`"2026-11-23T12:00:00Z"`, `"yesterday"`), "at /started: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadJSON(strings.NewReader(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
			if other := strings.Contains(test.want, "schema\" names") || strings.Contains(test.want, "reads"); errors.Is(err, ErrSchema) != other {
				t.Errorf("error %v is ErrSchema: %v", err, !other)
			}
		})
	}
}
