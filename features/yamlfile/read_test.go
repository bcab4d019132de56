package yamlfile

import (
	"strings"
	"testing"

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
