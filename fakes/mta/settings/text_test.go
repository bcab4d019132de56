package settings

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Garbage ends soon, with a fault; of a hundred megabytes only the first are read.
func TestGarbage(t *testing.T) {
	dir := t.TempDir()
	seed := rand.NewChaCha8([32]byte{1})
	noise, huge := filepath.Join(dir, "noise"), filepath.Join(dir, "main.cf")
	content := make([]byte, 7<<20)
	seed.Read(content) // never fails
	if err := os.WriteFile(noise, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 100<<20); err != nil { // 100 MB of NUL
		t.Fatal(err)
	}
	letters := filepath.Join(dir, "letters.txt")
	if err := os.WriteFile(letters, []byte(strings.Repeat("x = $x ${y} `define(` {a, : \n", 200_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		noise: "noise:1: has the octet", huge: "main.cf: has 100 MB, a configuration no more than 8 MB", letters: "letters.txt: no line tells",
		dir: "the folder has no file", filepath.Join(dir, "none"): "none: there is no such file", os.DevNull: "is not a file",
	} {
		if file == dir {
			file = t.TempDir()
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		_, _, err := Read(file)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", file, err, want)
		}
		if took, used := time.Since(began), (after.TotalAlloc-before.TotalAlloc)>>20; took > 20*time.Second || file == huge && used > 60 {
			t.Errorf("%s: %v and %d MB", file, took, used)
		}
	}
}

// A known name and much of what is nearly right end soon, too.
func TestLargeFiles(t *testing.T) {
	for name, line := range map[string]string{
		"main.cf": "x = $x ${y}\n", "sendmail.mc": "define(`a', `b')a(`c')\n", "sendmail.cf": "DXx\nO a=b\n", "gwia.cfg": "/mh-a\n",
		"a.ldf": "dn: a\n\n", "a.dxl": "<document/>\n", "c.yaml": "RelayHost: a\n---\n", "notes.ini": "a=b\n", "update-exim4.conf.conf": "a=b\n",
		"control/smtproutes": "a:b\n", "sa.txt": "mail:postfix:a = 1\n", "hub.txt": "AddressSpaces : {a}\nName : b\n\n", "metabase.txt": "A : (STRING) \"a\"\n",
	} {
		content := strings.Repeat(line, 1<<18/len(line))
		if name == "c.yaml" {
			content = content[:mostYAML-100]
		}
		if strings.HasSuffix(name, ".dxl") {
			content = "<database>" + content + "</database>"
		}
		began := time.Now()
		_, _, _ = Read(inFile(t, name, content)) // to end is all that is asked
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}
