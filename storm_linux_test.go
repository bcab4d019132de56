package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/fakes/client"
	"github.com/relayspec/relayspec/loadgen/storm"
)

var fullStorm = flag.Bool("storm.full", false, "TestStorm: 10,000 garbage, 10,000 idle and 1,000 slow sessions, in place of a tenth of each")

// stormWorld has one customer, so large that no limit is met, who may send from this machine, and one whose domains the
// garbage goes by, so that it gets as far as to messages.
const stormWorld = `customers:
  - id: storm
    licences: 40000
    domains: [storm.example]
    settings:
      - {description: this machine, senders: my-domains, addresses: [127.0.0.0/17]}
  - id: garbage
    licences: 40000
    domains: [example.com]
    settings:
      - {description: this machine, senders: my-domains, addresses: [127.0.0.0/17]}
`

// The memory that a storm may take, above what the relay has before it.
//
// The target for 10,000 idle sessions is 150 MiB of heap and stacks, so 15.7 thousand octets each (half-open ones read
// 11 thousand). What the system sees is more: the collector lets the heap grow to twice of what lives before it collects,
// and gives pages back late. Twice the target is the bound. A slow session within a message has read and write buffers
// and a file besides, and so have the garbage sessions that are under way: 64 KiB each, 64 at once.
const (
	perIdle    = 2 * 150 << 20 / 10_000
	perBusy    = 64 << 10
	atOnce     = 64
	raceFactor = 8 // the race detector's records; see the Go documentation: 5 to 10 times the memory
)

// process watches the relay from outside.
type process struct {
	t   *testing.T
	pid int
}

// resident is the memory that it has in the machine, in octets.
func (p process) resident() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		p.t.Error(err)
		return 0
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		p.t.Errorf("no VmRSS in %s", status)
		return 0
	}
	kib, _ := strconv.Atoi(string(found[1]))
	return kib << 10
}

// files is how many descriptors it has open.
func (p process) files() int {
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid))
	if err != nil {
		p.t.Error(err)
	}
	return len(open)
}

// highest samples the resident memory until the function it gives is called, which tells the most that was there.
func (p process) highest() func() int {
	stop, most := make(chan struct{}), 0
	var sampling sync.WaitGroup
	sampling.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, p.resident())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return func() int {
		close(stop)
		sampling.Wait()
		return most
	}
}

// stormOptions are a storm as large as it is asked for.
func stormOptions(t *testing.T) storm.Options {
	o := storm.Options{
		Hello: "mail.storm.example", Garbage: 1000, Idle: 1000, Slow: 100, AtOnce: atOnce, Corpus: garbage(t), Every: 10 * time.Millisecond,
		Drip: 200 * time.Millisecond, Seed: uint64(time.Now().UnixNano()),
	}
	if *fullStorm {
		o.Garbage, o.Idle, o.Slow, o.Drip = 10_000, 10_000, 1_000, time.Second
	}
	for i := range 200 { // so many clients, should the relay bound what each may hold
		o.Sources = append(o.Sources, netip.AddrFrom4([4]byte{127, 0, byte(1 + i/100), byte(1 + i%100)}))
	}
	return o
}

// garbage is the corpus of raw sessions, and what the relay's fuzz targets begin with and found.
func garbage(t *testing.T) [][]byte {
	t.Helper()
	wire := filepath.Join(rootDir, "reference", "wire")
	var all [][]byte
	for _, dir := range []string{"corpus", "fuzz"} {
		corpus, err := storm.ReadCorpus(os.DirFS(filepath.Join(wire, "testdata", dir)))
		if err != nil && (dir != "fuzz" || !errors.Is(err, fs.ErrNotExist)) { // fuzzing may have found nothing yet
			t.Fatal(err)
		}
		all = append(all, corpus...)
	}
	seeds := fuzzSeeds(t, wire)
	if len(all) < 50 || len(seeds) < 20 {
		t.Fatalf("%d raw sessions and %d seeds: there were more of both", len(all), len(seeds))
	}
	return append(all, seeds...)
}

// fuzzSeeds gives each text that stands in a fuzz target of a package: its seeds, most of all.
func fuzzSeeds(t *testing.T, dir string) (seeds [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			function, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(function.Name.Name, "Fuzz") {
				continue
			}
			ast.Inspect(function, func(n ast.Node) bool {
				if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
					if seed, err := strconv.Unquote(text.Value); err == nil {
						seeds = append(seeds, []byte(seed))
					}
				}
				return true
			})
		}
	}
	return seeds
}

// allowFiles makes room for so many descriptors in this process and those that it starts.
func allowFiles(t *testing.T, n int) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur >= uint64(n) {
		return
	}
	limit.Cur, limit.Max = uint64(n), max(limit.Max, uint64(n))
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("a storm of this size needs %d open files: %v; raise the limit with ulimit -n, or be root", n, err)
	}
}

// TestStorm: beside sessions that say garbage, nothing, or an octet now and then, a client that works meets no error and
// the relay's memory stays bounded; after it every session is gone, and a second storm takes no more than the first.
func TestStorm(t *testing.T) {
	o := stormOptions(t)
	t.Logf("seed %d, %d raw sessions", o.Seed, len(o.Corpus))
	allowFiles(t, o.Idle+2*(o.Slow+o.AtOnce)+500) // a message that is under way has a file
	dir := t.TempDir()
	write(t, filepath.Join(dir, "world.yaml"), stormWorld)
	relay := shipTo(t, dir, "--world", "world.yaml", "--events", "off", "--drain", "1s",
		"--port25", "127.0.0.1:0", "--port465", "127.0.0.1:0", "--port587", "off")
	o.Address, o.TLSAddress = relay.port(25), relay.port(465)
	s := &stormed{T: t, WithT: NewWithT(t), relay: process{t, relay.pid}}
	s.round(o)
	s.round(o)
	s.Expect(s.most[1]).To(BeNumerically("<", s.most[0]+s.most[0]/5+16<<20), "memory goes on growing")
	s.Expect(relay.kept()).To(Equal(s.accepted), "each message is kept, in the order in which it was sent")
}

// stormed is a relay that storms go over.
type stormed struct {
	*testing.T
	*WithT
	relay    process
	accepted int   // messages of the working client, over all rounds
	most     []int // octets of resident memory, a round
}

// round lets a storm go over the relay and looks at what it left.
func (s *stormed) round(o storm.Options) {
	first := s.accepted
	o.Message = func(i int) client.Message {
		text := fmt.Appendf(nil, "Subject: storm %d\r\n\r\nhello\r\n", first+i)
		return client.Message{Sender: "works@storm.example", Recipients: []string{"bob@example.net"}, Data: text}
	}
	filesBefore, before := s.relay.files(), s.relay.resident()
	highest, held := s.relay.highest(), 0
	o.Held = func() { held = s.relay.files() - filesBefore }
	r, err := storm.Run(context.Background(), o)
	most := highest()
	s.Logf("round %d\n%s\nthe relay's resident memory: %s before, %s at most, %s after; %d more descriptors while all was held",
		len(s.most)+1, &r, mib(before), mib(most), mib(s.relay.resident()), held)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(r.Working.Err).NotTo(HaveOccurred())
	s.Expect(r.Working.Accepted).To(BeNumerically(">", 0))
	s.Expect(r.Garbage.Faults()).To(BeZero(), "odd: %q, not accepted: %v", r.Garbage.Odd, r.Garbage.Err)
	s.Expect(r.Idle.Served).To(Equal(r.Idle.Asked))
	s.Expect(r.Slow).To(Equal(storm.Held{Opened: o.Slow}))
	s.Expect(held).To(BeNumerically(">=", o.Idle+o.Slow), "the relay holds every session")
	s.Eventually(s.relay.files, patience, often).Should(BeNumerically("<=", filesBefore), "every session is gone")
	s.Expect(most).To(BeNumerically("<", before+mostTaken(o)), "%s and no more", mib(before+mostTaken(o)))
	s.accepted += r.Working.Accepted
	s.most = append(s.most, most)
}

// mostTaken bounds the memory that a storm takes.
func mostTaken(o storm.Options) int {
	octets := o.Idle*perIdle + (o.Slow+o.AtOnce)*perBusy
	if underRace {
		octets *= raceFactor
	}
	return octets
}

func mib(octets int) string { return fmt.Sprintf("%.1f MiB", float64(octets)/(1<<20)) }

// port is where a port is served.
func (s *shipped) port(number int) string {
	s.t.Helper()
	found := regexp.MustCompile(fmt.Sprintf(`port %d: (\S+)`, number)).FindStringSubmatch(s.err.String())
	if found == nil {
		s.t.Fatalf("port %d isn't told in %s", number, s.err)
	}
	return found[1]
}

// kept counts the messages of the storm that were kept, as long as they follow each other.
func (s *shipped) kept() int {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "mail", "new", "*.eml")) // sorted: in the order of receipt
	if err != nil {
		s.t.Fatal(err)
	}
	n := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			s.t.Fatal(err)
		}
		_, rest, ours := strings.Cut(string(text), "Subject: storm ")
		if !ours { // garbage can be a message, too
			continue
		}
		if !strings.HasPrefix(rest, fmt.Sprintf("%d\r\n", n)) {
			s.t.Errorf("in place of message %d is kept\n%s", n, text)
			return n
		}
		n++
	}
	return n
}
