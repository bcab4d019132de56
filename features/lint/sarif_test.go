package lint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/relayspec/relayspec/fakes/mta/settings"
)

// The schema of SARIF isn't ours to copy: a module of the proxy's has OASIS' file.
const (
	schemaModule = "github.com/securego/gosec/v2@v2.30.0"
	schemaFile   = "report/sarif/testdata/sarif-schema-2.1.0.json"
	schemaHash   = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
)

// schema has the module's file, in the shared cache of modules.
func schema(t *testing.T) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", schemaModule)
	download.Dir = t.TempDir()
	out, err := download.Output()
	var module struct{ Dir string }
	if err != nil || json.Unmarshal(out, &module) != nil || module.Dir == "" {
		t.Skipf("%s can't be had: %v %s", schemaModule, err, out)
	}
	text, err := os.ReadFile(filepath.Join(module.Dir, schemaFile))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != schemaHash {
		t.Fatalf("the schema has another content than when this was written: %x", sum)
	}
	return text
}

// written is the SARIF of a configuration with findings of each level.
func written(t *testing.T) []byte {
	t.Helper()
	s := documented()
	s.Relay.Value.Host, s.Relay.Via = "smtp-relay.google.com", []settings.Place{{File: "main.cf", Line: 1}}
	s.Caching, s.Recipients = at3(false), at3(101)
	s.Files = []string{"/etc/post fix/main.cf"}
	s.Hello = settings.Found[string]{Value: "localhost", Known: true}
	findings := Check(s)
	if len(findings) < 5 {
		t.Fatal(findings)
	}
	var b bytes.Buffer
	if err := WriteSARIF(&b, "v1.2.3", findings); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSARIFKeepsToItsSchema(t *testing.T) {
	standard, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema(t)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("sarif.json", standard); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"findings": written(t), "none": none(t)} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.Replace(written(t), []byte(`"level": "warning"`), []byte(`"level": "should"`), 1)))
	if err != nil {
		t.Fatal(err)
	}
	if compiled.Validate(wrong) == nil {
		t.Error("the schema takes a level that SARIF hasn't got: it checks nothing")
	}
}

// none is the SARIF of a configuration without findings.
func none(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteSARIF(&b, "v1.2.3", nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSARIFHasResultsWhereThereAreNone(t *testing.T) {
	if !bytes.Contains(none(t), []byte(`"results": []`)) {
		t.Errorf("%s", none(t))
	}
}

func TestSARIFSaysWhatTheFindingsSay(t *testing.T) {
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name, Version string
					Rules         []struct{ ID string }
				}
			}
			Results []struct {
				RuleID, Kind, Level string
				Message             struct{ Text string }
				Locations           []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
				RelatedLocations []any
			}
		}
	}
	if err := json.Unmarshal(written(t), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Version != "v1.2.3" {
		t.Fatalf("%+v", log)
	}
	run := log.Runs[0]
	ids, levels := map[string]bool{}, map[string]bool{}
	for _, r := range run.Tool.Driver.Rules {
		ids[r.ID] = true
	}
	for _, r := range run.Results {
		levels[r.Level+" "+r.Kind] = true
		if !ids[r.RuleID] {
			t.Errorf("%s isn't among the rules", r.RuleID)
		}
		where := r.Locations[0].PhysicalLocation
		switch r.RuleID {
		case "HOST-RELAY":
			if where.ArtifactLocation.URI != "main.cf" || where.Region.StartLine != 3 || len(r.RelatedLocations) != 1 {
				t.Errorf("HOST-RELAY stands at %+v, by %v", where, r.RelatedLocations)
			}
		case "HELO-UNIQUE":
			if where.ArtifactLocation.URI != "file:///etc/post%20fix/main.cf" || where.Region.StartLine != 1 {
				t.Errorf("what stands nowhere is at %+v", where)
			}
		}
	}
	for _, want := range []string{"error fail", "warning fail", "note fail", "none informational"} {
		if !levels[want] {
			t.Errorf("no result is %s: %v", want, levels)
		}
	}
}
