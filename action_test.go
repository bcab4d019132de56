package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/relayspec/relayspec/reports"
)

// action is what these specs know of action.yml.
type action struct {
	Inputs map[string]struct {
		Default string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Value string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Steps []actionStep `yaml:"steps"`
	} `yaml:"runs"`
}

// actionStep is a step. One that uses another action isn't run here.
type actionStep struct {
	ID    string            `yaml:"id"`
	Uses  string            `yaml:"uses"`
	If    string            `yaml:"if"`
	Shell string            `yaml:"shell"`
	Env   map[string]string `yaml:"env"`
	Run   string            `yaml:"run"`
}

// job is a run of the action as GitHub's runner makes it, in a workspace of its own.
type job struct {
	inputs  map[string]string
	outputs map[string]string // "judge.gate" -> what the step said
	out     string            // of all steps
	code    int               // of the first step that failed
	summary string
}

// expression is ${{ inputs.x }}, ${{ steps.x.outputs.y }} or ${{ github.action_path }}.
var expression = regexp.MustCompile(`\$\{\{ *([a-z_.-]+) *\}\}`)

// fill fills the expressions of s in.
func (j *job) fill(s string) string {
	GinkgoHelper()
	return expression.ReplaceAllStringFunc(s, func(found string) string {
		name := expression.FindStringSubmatch(found)[1]
		if input, ok := strings.CutPrefix(name, "inputs."); ok {
			Expect(j.inputs).To(HaveKey(input))
			return j.inputs[input]
		}
		step, ok := strings.CutPrefix(name, "steps.")
		Expect(ok).To(BeTrue(), "the expression %s", found)
		return j.outputs[strings.Replace(step, ".outputs.", ".", 1)]
	})
}

// readAction reads action.yml.
func readAction() action {
	GinkgoHelper()
	data, err := os.ReadFile(filepath.Join(rootDir, "action.yml"))
	Expect(err).NotTo(HaveOccurred())
	var a action
	Expect(yaml.Unmarshal(data, &a)).To(Succeed())
	return a
}

// runAction runs the steps of action.yml that are scripts, one after another, in the working directory: those behind one
// that failed aren't run.
func runAction(inputs map[string]string) *job {
	GinkgoHelper()
	a, temp := readAction(), GinkgoT().TempDir()
	j := &job{inputs: map[string]string{}, outputs: map[string]string{}}
	for name, input := range a.Inputs {
		j.inputs[name] = input.Default
	}
	for name, value := range inputs {
		Expect(a.Inputs).To(HaveKey(name))
		j.inputs[name] = value
	}
	summary := filepath.Join(temp, "summary.md")
	for i, step := range a.Runs.Steps {
		if step.Run == "" || j.code != 0 {
			continue
		}
		Expect(step.Shell).To(Equal("bash"))
		Expect(step.If).To(BeEmpty(), "a script that isn't always run")
		output := filepath.Join(temp, fmt.Sprintf("output-%d", i))
		Expect(os.WriteFile(output, nil, 0o644)).To(Succeed())
		command := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", j.fill(step.Run))
		command.Env = append(os.Environ(), "CI=true", "GITHUB_ACTIONS=true", "GITHUB_ACTION_PATH="+rootDir,
			"GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+summary, "RUNNER_TEMP="+temp)
		for name, value := range step.Env {
			command.Env = append(command.Env, name+"="+j.fill(value))
		}
		out, err := command.CombinedOutput()
		j.out += string(out)
		if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
			j.code = ended.ExitCode()
		} else {
			Expect(err).NotTo(HaveOccurred())
		}
		j.keep(step.ID, output)
	}
	if data, err := os.ReadFile(summary); err == nil {
		j.summary = string(data)
	}
	return j
}

// keep reads what a step has written to GITHUB_OUTPUT.
func (j *job) keep(step, output string) {
	GinkgoHelper()
	data, err := os.ReadFile(output)
	Expect(err).NotTo(HaveOccurred())
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if name, value, ok := strings.Cut(line, "="); ok {
			j.outputs[step+"."+name] = value
		}
	}
}

// show prints what GitHub would show: annotations, the head of the summary, outputs and the exit code.
func (j *job) show(title string) {
	var shown []string
	for _, line := range strings.Split(j.out, "\n") {
		if strings.HasPrefix(line, "::error") || strings.HasPrefix(line, "::warning") || strings.HasPrefix(line, "::notice") {
			shown = append(shown, line)
		}
	}
	head, _, _ := strings.Cut(j.summary, "\n| Chapter")
	fmt.Fprintf(GinkgoWriter, "== %s\nannotations:\n%s\nsummary:\n%s\noutputs: %v\nexit code: %d\n", title, strings.Join(shown, "\n"), head, j.outputs, j.code)
}

var _ = Describe("The composite action", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	It("fails the build of a relay that fails, annotated and summarised, and keeps the report", func() {
		j := runAction(map[string]string{"target": sample("gosmtp"), "select": needy, "report": "out", "args": "--min-run\n1\n"})
		j.show("a relay that fails")
		Expect(j.code).To(Equal(1), j.out)
		Expect(j.outputs).To(And(
			HaveKeyWithValue("judge.exit-code", "1"), HaveKeyWithValue("judge.overall", "non-conformant"),
			HaveKeyWithValue("judge.gate", "not satisfied"), HaveKeyWithValue("judge.report", "out")))
		Expect(j.out).To(MatchRegexp(`(?m)^::error file=features/protocol/rfc5321-order\.feature,line=\d+,title=FAIL RFC5321-3\.3/\S+::\S.*wanted 503`))
		Expect(strings.Count(j.out, "\n::error ")).To(Equal(3))
		Expect(j.out).To(MatchRegexp(`(?m)^::notice title=relayspec::go-smtp sample is non-conformant; gate: not satisfied \(exit 1\)`))
		Expect(j.summary).To(And(HavePrefix("## ❌ SMTP relay conformance: non-conformant\n"), ContainSubstring("**Gate:** not satisfied (exit 1)")))
		Expect(runFrom("out").Gate.MinRun).To(Equal("1"))
	})

	It("lets a relay pass that fails as its baseline says", func() {
		kept := runAction(map[string]string{"target": sample("gosmtp"), "select": needy})
		Expect(kept.code).To(Equal(1), kept.out)
		Expect(relayspec("baseline", "update", "--baseline", "baseline.yaml", "--report", "relayspec-report").code).To(Equal(0))
		rewrite("baseline.yaml", func(text string) string { return strings.ReplaceAll(text, "TODO", "so it is") })
		j := runAction(map[string]string{"target": sample("gosmtp"), "select": needy, "baseline": "baseline.yaml"})
		j.show("a relay that fails as its baseline says")
		Expect(j.code).To(Equal(0), j.out)
		Expect(j.outputs).To(And(HaveKeyWithValue("judge.overall", "non-conformant"), HaveKeyWithValue("judge.gate", "satisfied")))
		Expect(j.out).NotTo(ContainSubstring("::error"))
	})

	It("lets a relay pass that keeps the rules", func() {
		j := runAction(map[string]string{"select": "SVC-PURPOSE"})
		j.show("a relay that passes")
		Expect(j.code).To(Equal(0), j.out)
		Expect(j.outputs).To(And(HaveKeyWithValue("judge.exit-code", "0"), HaveKeyWithValue("judge.overall", "partial"), HaveKeyWithValue("judge.gate", "satisfied")))
		Expect(j.out).NotTo(ContainSubstring("::error"))
		Expect(runFrom("relayspec-report").Overall).To(Equal(reports.Partial))
	})

	It("annotates a mistake, and tells nothing of an older report", func() {
		Expect(runAction(map[string]string{"select": "SVC-PURPOSE"}).code).To(Equal(0))
		Expect(os.WriteFile("target.yaml", []byte("name: mine\nprts: {}\n"), 0o644)).To(Succeed())
		j := runAction(map[string]string{"target": "target.yaml"})
		j.show("a profile with a mistake")
		Expect(j.code).To(Equal(2), j.out)
		Expect(j.out).To(MatchRegexp(`(?m)^::error title=relayspec::relayspec: target.yaml:1:1: .*%0A.*target.yaml:2:1: a profile has no key "prts"`))
		Expect(j.outputs).To(And(HaveKeyWithValue("judge.exit-code", "2"), HaveKeyWithValue("judge.overall", ""), Not(HaveKey("judge.report"))))
		j = runAction(map[string]string{"version": "--evil"})
		Expect(j.code).To(Equal(2))
		Expect(j.out).To(ContainSubstring("::error title=relayspec::the input version is neither"))
	})

	It("gives the outputs that it promises", func() {
		a := readAction()
		j := &job{inputs: map[string]string{}, outputs: map[string]string{"judge.overall": "1", "judge.gate": "2", "judge.exit-code": "3", "judge.report": "4"}}
		found := map[string]string{}
		for name, output := range a.Outputs {
			found[name] = j.fill(output.Value)
		}
		Expect(found).To(Equal(map[string]string{"overall": "1", "gate": "2", "exit-code": "3", "report": "4"}))
	})
})

var _ = Describe("The example for GitLab", func() {
	BeforeEach(func() { GinkgoT().Chdir(GinkgoT().TempDir()) })

	// job runs the script of a job, with relayspec of this tree.
	job := func(jobs map[string]any, name string, env ...string) (string, int) {
		GinkgoHelper()
		var script []string
		for _, line := range jobs[name].(map[string]any)["script"].([]any) {
			script = append(script, line.(string))
		}
		command := exec.Command("bash", "-e", "-o", "pipefail", "-c", strings.Join(script, "\n"))
		command.Env = append(os.Environ(), append(env, "PATH="+filepath.Join(tempDir(), "bin")+":"+os.Getenv("PATH"))...)
		out, err := command.CombinedOutput()
		if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
			return string(out), ended.ExitCode()
		}
		Expect(err).NotTo(HaveOccurred())
		return string(out), 0
	}

	It("deals the cases out and ends with the exit code of the whole", func() {
		build := exec.Command("go", "build", "-o", filepath.Join(tempDir(), "bin", "relayspec"), ".")
		build.Dir = rootDir
		built, err := build.CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(built))
		data, err := os.ReadFile(filepath.Join(rootDir, ".ci", "gitlab-example.yml"))
		Expect(err).NotTo(HaveOccurred())
		jobs := map[string]any{}
		Expect(yaml.Unmarshal(data, &jobs)).To(Succeed())

		profile, err := os.ReadFile(sample("gosmtp"))
		Expect(err).NotTo(HaveOccurred())
		relay := filepath.Dir(sample("gosmtp"))
		Expect(os.WriteFile("relay.yaml", []byte(strings.Replace(string(profile), "start:\n", "start:\n  dir: "+relay+"\n", 1)), 0o644)).To(Succeed())
		Expect(os.WriteFile("baseline.yaml", []byte("baseline: relayspec-baseline/1\nedition: 1\ntarget: go-smtp sample\nentries: []\n"), 0o644)).To(Succeed())
		for _, index := range []string{"1", "2", "3"} {
			out, code := job(jobs, "relay", "CI_NODE_INDEX="+index, "CI_NODE_TOTAL=3", "RELAYSPEC_SELECT="+needy+" or "+well)
			Expect(code).To(Equal(0), out)
		}
		out, code := job(jobs, "relay-report")
		Expect(code).To(Equal(1), out)
		Expect(filepath.Join("report", "junit.xml")).To(BeARegularFile())
		Expect(runFrom("report").Totals.Verdicts[reports.Fail]).To(Equal(3))
	})
})

// tempDir is a folder of the spec under way: where it works.
func tempDir() string {
	GinkgoHelper()
	dir, err := os.Getwd()
	Expect(err).NotTo(HaveOccurred())
	return dir
}
