package reports

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	source "github.com/yuin/goldmark/text"
	"golang.org/x/net/html"

	"github.com/relayspec/relayspec/reports/transcript"
)

// saying is everything with s wherever a relay, a target or a feature may say something.
func saying(s string) *Run {
	say := func(string) string { return s }
	run := mapping{text: say, line: say, said: same, name: same}.run(everything())
	run.Trouble, run.Interrupted = s, true
	for i := range run.Cases {
		c := &run.Cases[i]
		for j := range c.Transcript {
			if e := &c.Transcript[j]; !e.Secret {
				e.Text, e.Session = s, s
			}
		}
	}
	return run
}

// hostile tries to end whatever it stands in, and to begin something else.
const hostile = "\x1b[2J\x00\a\u009b\u202e\ufffe\xff " +
	`</code></pre></td></details></style></title><script>alert(1)</script><img src=x onerror=alert(1)>" onclick="x' ]]> --> ` +
	"``` `` ` ```` ~~~ | \\| \\ **b** _i_ ~~s~~ [l](http://evil.example) ![i](x) <http://evil.example> $x$ :tada: " +
	`@here @org/team #1 https://evil.example www.evil.example mail@evil.example &lt; &#60; {{.}} {{template "x"}} %s`

// formats gives every format with its name.
func formats() map[string]Writer {
	found := map[string]Writer{"annotations": WriteAnnotations}
	for _, d := range documents() {
		found[d.name] = d.write
	}
	return found
}

// rendered is run in a format.
func rendered(t *testing.T, write Writer, run *Run) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, run); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// elements gives the tags of a page with their attributes, what is said between them left out.
func elements(t *testing.T, page string) []string {
	t.Helper()
	var found []string
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			return found
		case html.TextToken:
		case html.CommentToken:
			t.Fatalf("a comment: %s", z.Raw())
		default:
			found = append(found, string(z.Raw()))
		}
	}
}

func TestNoTextBecomesMarkupInThePage(t *testing.T) {
	benign := elements(t, rendered(t, WriteHTML, saying("fine")))
	got := elements(t, rendered(t, WriteHTML, saying(hostile)))
	if diff := cmp.Diff(benign, got); diff != "" {
		t.Errorf("tags (-with a harmless text +with a hostile one):\n%s", diff)
	}
	if len(benign) < 300 {
		t.Errorf("only %d tags: the run has too little to show", len(benign))
	}
}

// nodes gives the kinds of a Markdown document's nodes; of raw HTML also what it says.
func nodes(written string) []string {
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()
	var found []string
	document := parser.Parse(source.NewReader([]byte(written)))
	ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text: // how many pieces a text has tells nothing
		case *ast.RawHTML:
			found = append(found, "html "+string(n.Segments.Value([]byte(written))))
		case *ast.HTMLBlock:
			found = append(found, "html "+string(n.Lines().Value([]byte(written))))
		default:
			found = append(found, n.Kind().String())
		}
		return ast.WalkContinue, nil
	})
	return found
}

func TestNoTextBecomesMarkupInTheSummary(t *testing.T) {
	write := formats()["summary.md"]
	benign, got := rendered(t, write, saying("fine")), rendered(t, write, saying(hostile))
	if diff := cmp.Diff(nodes(benign), nodes(got)); diff != "" {
		t.Errorf("nodes (-with a harmless text +with a hostile one):\n%s\n%s", diff, got)
	}
	// What isn't code must not mention anybody.
	parser := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser()
	ast.Walk(parser.Parse(source.NewReader([]byte(got))), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if words, ok := n.(*ast.Text); ok && entering && n.Parent().Kind() != ast.KindCodeSpan {
			if said := string(words.Value([]byte(got))); strings.Contains(said, "@") {
				t.Errorf("a mention can be made of %q", said)
			}
		}
		return ast.WalkContinue, nil
	})
}

func TestNoTextEndsAnAnnotation(t *testing.T) {
	const bad = "50 %0A,title=x::\r\n::error::forged\n##[error]forged"
	benign := strings.Split(rendered(t, WriteAnnotations, saying("fine")), "\n")
	got := strings.Split(rendered(t, WriteAnnotations, saying(bad)), "\n")
	if len(got) != len(benign) {
		t.Fatalf("%d lines, not %d:\n%s", len(got), len(benign), strings.Join(got, "\n"))
	}
	for i := range got {
		head, _, _ := strings.Cut(strings.TrimPrefix(got[i], "::"), "::")
		want, _, _ := strings.Cut(strings.TrimPrefix(benign[i], "::"), "::")
		if head != want {
			t.Errorf("the command %q, want %q", head, want)
		}
	}
}

func TestNoTextBecomesMarkupInJUnit(t *testing.T) {
	shape := func(s string) []string {
		var found []string
		decoder := xml.NewDecoder(strings.NewReader(rendered(t, WriteJUnit, saying(s))))
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				return found
			}
			if err != nil {
				t.Fatal(err)
			}
			switch token := token.(type) {
			case xml.StartElement:
				names := ""
				for _, a := range token.Attr {
					names += " " + a.Name.Local
				}
				found = append(found, token.Name.Local+names)
			case xml.Comment, xml.Directive:
				t.Errorf("%T in it", token)
			}
		}
	}
	if diff := cmp.Diff(shape("fine"), shape(hostile)); diff != "" {
		t.Errorf("elements (-with a harmless text +with a hostile one):\n%s", diff)
	}
}

func TestNoControlCharacterIsShown(t *testing.T) {
	run := saying(hostile)
	for name, write := range formats() {
		if name == "report.json" { // JSON escapes them, and gives them back
			continue
		}
		out := rendered(t, write, run)
		if name == "cucumber.json" {
			out = unembedded(t, out)
		}
		for i, r := range out {
			if r != '\n' && (unicode.IsControl(r) || r == '\u202e' || r == '\ufffe') {
				t.Errorf("%s: %U in %q", name, r, out[max(0, i-40):i+10])
				break
			}
		}
	}
}

// unembedded is Cucumber JSON as its viewers show it: strings decoded, and what is embedded too.
func unembedded(t *testing.T, out string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(out), &value); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for key, item := range v {
				if data, ok := item.(string); ok && key == "data" {
					decoded, err := base64.StdEncoding.DecodeString(data)
					if err != nil {
						t.Fatal(err)
					}
					item = string(decoded)
				}
				walk(item)
			}
		default:
			fmt.Fprintln(&b, v)
		}
	}
	walk(value)
	return b.String()
}

// The credentials of TestNoCredentialIsWritten.
const (
	aPassword = `hun"ter2 & <co>`
	aToken    = "ya29.a0AfH6SMB-secret"
	anAnswer  = "plainly wrong answer"
)

func TestNoCredentialIsWritten(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	payload := b64("\x00anna@acme.example\x00" + aPassword)
	oauth := b64("user=anna@acme.example\x01auth=Bearer " + aToken + "\x01\x01")
	secrets := []string{aPassword, b64(aPassword), payload, aToken, b64(aToken), oauth, anAnswer}
	everywhere := fmt.Sprintf("the relay said 535 to %s", strings.Join(secrets, ", then ")) +
		"; AUTH PLAIN dGhlIHVua25vd24gb25l; Authorization: Bearer 0123.unknown; password=unknown-one; smtp://anna:unknown2@127.0.0.1"
	secrets = append(secrets, "dGhlIHVua25vd24gb25l", "0123.unknown", "unknown-one", "unknown2",
		"hun&#34;ter2", `hun\"ter2`, "hun&quot;ter2") // as it would be escaped

	run := saying(everywhere)
	dialogue := []transcript.Entry{
		{Kind: transcript.Client, Text: "AUTH PLAIN " + payload},
		{Kind: transcript.Server, Text: "535 5.7.8 " + aPassword + " isn't it"},
		{Kind: transcript.Client, Text: "AUTH XOAUTH2"},
		{Kind: transcript.Server, Text: "334 "},
		{Kind: transcript.Client, Text: oauth, Secret: true},
		{Kind: transcript.Client, Text: "AUTH LOGIN"},
		{Kind: transcript.Client, Text: b64("anna@acme.example"), Secret: true},
		{Kind: transcript.Client, Text: anAnswer, Secret: true},
		{Kind: transcript.Raw, Text: "AUTH LOGIN\r\n" + b64("anna@acme.example") + "\r\n" + b64(aPassword) + "\r\n"},
		{Kind: transcript.Note, Text: everywhere},
		{Kind: transcript.Server, Text: everywhere, Marked: true},
	}
	run.Cases[1].Transcript = append(dialogue, run.Cases[1].Transcript...)

	dir := t.TempDir()
	if err := WriteDir(dir, run); err != nil {
		t.Fatal(err)
	}
	outputs := readAll(t, dir)
	if len(outputs) < len(documents())+1 {
		t.Fatalf("only %d files", len(outputs))
	}
	for name, out := range outputs {
		if name == "cucumber.json" {
			out += unembedded(t, out)
		}
		for _, secret := range secrets {
			if at := strings.Index(out, secret); at >= 0 {
				t.Errorf("%s: %q stands in %q", name, secret, out[max(0, at-60):min(len(out), at+60)])
			}
		}
		if !strings.Contains(out, "[redacted]") && name != "badge.json" {
			t.Errorf("%s: nothing was left out", name)
		}
		if !strings.Contains(out, "the relay said 535") && name != "badge.json" {
			t.Errorf("%s: what isn't secret was left out, too", name)
		}
	}
}
