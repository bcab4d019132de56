package yamlfile

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// list is a file of these tests.
type list struct {
	Name  string            `yaml:"name"`
	Count int               `yaml:"count" or:"any"`
	Words map[string]string `yaml:"words"`
	Items []item            `yaml:"items"`
	Kept  int               // no key of the file's
}

type item struct {
	Text string `yaml:"text"`
	On   *bool  `yaml:"on"`
}

func (i *item) Short(text string) { i.Text = text }

func form() Form { return Form{What: "a list", Empty: "write name:"} }

func TestReadKeepsWhereEachKeyStands(t *testing.T) {
	var into list
	f, read := Read("list.yaml", []byte("name: ${HOME} here\ncount: any\nitems:\n  - one\n  - text: two\n    on: false\n"), form(), &into)
	if !read || f.Faults() != nil {
		t.Fatal(f.Faults())
	}
	off := false
	want := list{Name: "${HOME} here", Items: []item{{Text: "one"}, {Text: "two", On: &off}}}
	if diff := cmp.Diff(want, into); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for path, want := range map[string]Place{
		"": {1, 1}, "name": {1, 7}, "items[1].on": {6, 9}, "items[1].absent": {5, 5}, "absent": {1, 1}, "items[0]": {4, 5},
	} {
		if got := f.At(path); got != want {
			t.Errorf("%q stands at %v, want %v", path, got, want)
		}
	}
}

func TestReadFillsInTheEnvironmentWhereItIsGiven(t *testing.T) {
	var into list
	filled := form()
	filled.Environment = func(name string) (string, bool) { return "the " + name, name == "HOME" }
	f, _ := Read("list.yaml", []byte("name: ${HOME} and $${HOME}\nwords: {a: \"${AWAY}\"}\n"), filled, &into)
	if into.Name != "the HOME and ${HOME}" {
		t.Errorf("name %q", into.Name)
	}
	const want = "list.yaml:2:12: words.a: the environment variable AWAY isn't set; export it, or write the value"
	if got := f.Faults().Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestReadCountsTheLinesOfEverySystem(t *testing.T) {
	f, _ := Read("l", []byte("name: a\r\n\r\n# more\r\ncount: []\r\n"), form(), &list{})
	if got := f.Faults(); len(got) != 1 || got[0].Line != 4 || got[0].Column != 8 {
		t.Errorf("faults %v", got)
	}
}

func TestReadTellsEveryFaultWithItsPlace(t *testing.T) {
	for text, want := range map[string][]string{
		"":                              {"l:1:1: the file is empty; write name:"},
		"{":                             {"l:1:1: this isn't YAML: "},
		"- a":                           {"l:1:1: a list is a list; write keys with values: name, count, words, items"},
		"name: a\n---\nname: b":         {"l:3:1: a second document begins here"},
		"nam: a":                        {`l:1:1: a list has no key "nam"; did you mean name?`},
		"zzzzzz: a":                     {`l:1:1: a list has no key "zzzzzz"; write one of name, count, words, items`},
		"name: a\nname: b":              {"l:2:1: name stands already at line 1; write it once"},
		"name: [a]\ncount: -1":          {"l:1:7: name is a list; write text", "l:2:8: count is out of range"},
		"count: many":                   {"l:1:8: count is another text than any; write any, or a number"},
		"items: a":                      {"l:1:8: items is text; write a list"},
		"items:\n  - on: 1\n  - {a: b}": {"l:2:9: items[0].on is a number; write true or false", `l:3:6: items[1] has no key "a"`},
		"words: a":                      {"l:1:8: words is text; write NAME: value"},
		"name: &a b":                    {"l:1:7: name is an anchor, an alias or a tag, which a list doesn't have; write text"},
	} {
		f, _ := Read("l", []byte(text), form(), &list{})
		got := strings.Split(f.Faults().Error(), "\n")
		if len(got) != len(want) {
			t.Errorf("%q: %d faults, want %d:\n%s", text, len(got), len(want), f.Faults())
			continue
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("%q:\ngot  %s\nwant %s", text, got[i], want[i])
			}
		}
	}
}

// sourced is a value that says where it comes from, as a profile of a sending server has them.
type sourced[T any] struct {
	Value T      `yaml:"value"`
	From  colour `yaml:"from"`
}

type colour string

func (colour) Words() []string { return []string{"red", "green"} }

type shapes struct {
	Wait  sourced[time.Duration]              `yaml:"wait"`
	Steps sourced[[]time.Duration]            `yaml:"steps"`
	Rows  []item                              `yaml:"rows"`
	Named map[colour]sourced[[]string]        `yaml:"named"`
	Grows sourced[float64]                    `yaml:"grows"`
	Most  sourced[int64]                      `yaml:"most"`
	Deep  map[string]map[string]sourced[bool] `yaml:"deep"`
}

func TestReadTakesGenericStructsAndMapsOfThem(t *testing.T) {
	const text = `
wait: {value: 0, from: red}
steps: {value: [1m, 0s, 5m], from: green}
rows: [{text: a}, b]
named:
  x: {value: [one, "2"], from: red}
grows: {value: 1.5, from: red}
most: {value: 7, from: red}
deep: {a: {b: {value: true, from: green}}}
`
	var into shapes
	whole := form()
	whole.ZeroTimes = true
	f, _ := Read("l", []byte(text), whole, &into)
	if f.Faults() != nil {
		t.Fatal(f.Faults())
	}
	want := shapes{
		Wait:  sourced[time.Duration]{0, "red"},
		Steps: sourced[[]time.Duration]{[]time.Duration{time.Minute, 0, 5 * time.Minute}, "green"},
		Rows:  []item{{Text: "a"}, {Text: "b"}},
		Named: map[colour]sourced[[]string]{"x": {[]string{"one", "2"}, "red"}},
		Grows: sourced[float64]{1.5, "red"},
		Most:  sourced[int64]{7, "red"},
		Deep:  map[string]map[string]sourced[bool]{"a": {"b": {true, "green"}}},
	}
	if diff := cmp.Diff(want, into); diff != "" {
		t.Errorf("shapes (-want +got):\n%s", diff)
	}
	if got, want := f.At("named.x.value"), (Place{6, 14}); got != want {
		t.Errorf("the value stands at %v, want %v", got, want)
	}
}

func TestReadFaultsWhatGenericStructsDoNotHave(t *testing.T) {
	for text, want := range map[string]string{
		"wait: {value: 0s}":             "l:1:15: wait.value is no length of time; write a number with its unit, such as 20s or 1m30s",
		"wait: {value: 1s, from: blue}": `l:1:25: wait.from is "blue"; write one of red, green`,
		"wait: {value: 1s, from: gren}": `l:1:25: wait.from is "gren"; did you mean green?`,
		"grows: {value: much}":          "l:1:16: grows.value is text; write a number, such as 1.5",
		"grows: {value: .nan}":          "l:1:16: grows.value is a number; write a number, such as 1.5",
		"most: {value: a}":              "l:1:15: most.value is text; write a whole number",
		"named: {x: {value: a}}":        "l:1:20: named.x.value is text; write a list: each item on its own line after a hyphen, or [a, b]",
		"named: {x: {}, x: {}}":         "l:1:16: named.x stands already at line 1; write it once",
		"deep: {a: b}":                  "l:1:11: deep.a is text; write NAME: value, a line each",
		"named: [a]":                    "l:1:8: named is a list; write NAME: value, a line each",
		"steps: {value: [1m, soon]}":    "l:1:21: steps.value[1] is no length of time; write a number with its unit, such as 20s or 1m30s",
	} {
		f, _ := Read("l", []byte(text), form(), &shapes{})
		if got := f.Faults().Error(); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
}
