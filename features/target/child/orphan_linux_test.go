package child_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/relayspec/relayspec/features/target/child"
)

// judge makes this program one that starts another, and waits to be killed.
const judge = "CHILD_TEST_JUDGE"

func TestMain(m *testing.M) {
	if os.Getenv(judge) == "" {
		os.Exit(m.Run())
	}
	if _, err := child.Start([]string{"sh", "-c", "echo $$; exec sleep 60"}, nil, "", func(line string) { fmt.Println(line) }); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	time.Sleep(time.Minute)
}

func TestAProgramEndsWithTheOneThatStartedIt(t *testing.T) {
	g := gomega.NewWithT(t)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), judge+"=yes")
	out, err := c.StdoutPipe()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(c.Start()).To(gomega.Succeed())
	started := pid(g, bufio.NewReader(out))
	g.Expect(runs(started)).To(gomega.BeTrue())
	g.Expect(c.Process.Kill()).To(gomega.Succeed())
	c.Wait() // by the signal
	g.Eventually(func() bool { return runs(started) }, "30s").Should(gomega.BeFalse())
}

func TestEndAllEndsWhatLeftItsGroup(t *testing.T) {
	g := gomega.NewWithT(t)
	lines := make(chan string, 1)
	p, err := child.Start([]string{"setsid", "sh", "-c", "setsid sleep 60 & echo $!; wait"}, nil, "", func(line string) { lines <- line })
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer p.Close()
	started := pid(g, bufio.NewReader(strings.NewReader(<-lines+"\n")))
	child.EndAll()
	g.Eventually(func() bool { return runs(started) }, "30s").Should(gomega.BeFalse())
	g.Eventually(p.Over(), "30s").Should(gomega.BeClosed())
}

func pid(g *gomega.WithT, from *bufio.Reader) int {
	line, err := from.ReadString('\n')
	g.Expect(err).NotTo(gomega.HaveOccurred())
	number, err := strconv.Atoi(strings.TrimSpace(line))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return number
}

// runs tells whether a process is there, and isn't one that has ended and waits to be buried.
func runs(process int) bool {
	if syscall.Kill(process, 0) != nil {
		return false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	return err == nil && !strings.Contains(string(status), ") Z ")
}
