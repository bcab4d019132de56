package api_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestClientIsUpToDate generates the client anew and compares.
func TestClientIsUpToDate(t *testing.T) {
	fresh := filepath.Join(t.TempDir(), "client.gen.go")
	generate := exec.Command("go", "tool", "oapi-codegen", "-config", "config.yaml", "-o", fresh, "../../../../simulator/control/openapi.yaml")
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("generate the client: %v\n%s", err, out)
	}
	want, err := os.ReadFile(fresh)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("client.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the client isn't what its document says: go generate ./features/target/control/api (-generated +there):\n%s", diff)
	}
}
