package features

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNothingSelected is what a run answers when no case was selected.
var ErrNothingSelected = errors.New("nothing selected")

// Selection decides which cases a run takes.
type Selection func(*Case) bool

// ParseSelection reads a tag expression of Cucumber's grammar: and, or, not, parentheses, @tags. A word without @ is a
// glob over rule IDs and case IDs: LIM-* or LIM-USER-MSGS or */refuses-*; * stands for anything, ? for one character.
// The empty expression takes everything. An error names the column, from 1.
func ParseSelection(expression string) (Selection, error) {
	p := &selector{words: wordsOf(expression)}
	if len(p.words) == 1 { // only the end
		return func(*Case) bool { return true }, nil
	}
	selection, err := p.or()
	if err == nil && p.next().text != "" {
		err = p.unexpected("and, or, or the end")
	}
	if err != nil {
		return nil, fmt.Errorf("selection %q, %w", expression, err)
	}
	return selection, nil
}

// word is a word of an expression. The last one is the end: an empty text.
type word struct {
	text   string
	column int // from 1, in characters
	quoted bool
}

// wordsOf cuts an expression at blanks and parentheses; a backslash takes the meaning from the next character.
func wordsOf(expression string) []word {
	var words []word
	var text strings.Builder
	start, quoted := 0, false
	end := func() {
		if text.Len() > 0 {
			words = append(words, word{text.String(), start, quoted})
		}
		text.Reset()
		quoted = false
	}
	runes := []rune(expression)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == ' ' || r == '\t' || r == '\n':
			end()
			continue
		case r == '(' || r == ')':
			end()
			words = append(words, word{text: string(r), column: i + 1})
			continue
		}
		if text.Len() == 0 {
			start = i + 1
		}
		if r == '\\' && i+1 < len(runes) {
			i++
			r, quoted = runes[i], true
		}
		text.WriteRune(r)
	}
	end()
	return append(words, word{column: len(runes) + 1})
}

// selector is a parser by recursive descent: or, and, not, operand.
type selector struct{ words []word }

func (p *selector) next() word { return p.words[0] }

// take goes past the next word if it is the operator op.
func (p *selector) take(op string) bool {
	if p.next().text != op || p.next().quoted {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *selector) unexpected(want string) error {
	w := p.next()
	if w.text == "" {
		return fmt.Errorf("column %d: it ends where %s should be", w.column, want)
	}
	return fmt.Errorf("column %d: found %q where %s should be", w.column, w.text, want)
}

func (p *selector) or() (Selection, error) {
	left, err := p.and()
	for err == nil && p.take("or") {
		var right Selection
		one := left
		right, err = p.and()
		left = func(c *Case) bool { return one(c) || right(c) }
	}
	return left, err
}

func (p *selector) and() (Selection, error) {
	left, err := p.not()
	for err == nil && p.take("and") {
		var right Selection
		one := left
		right, err = p.not()
		left = func(c *Case) bool { return one(c) && right(c) }
	}
	return left, err
}

func (p *selector) not() (Selection, error) {
	if !p.take("not") {
		return p.operand()
	}
	inner, err := p.not()
	return func(c *Case) bool { return !inner(c) }, err
}

func (p *selector) operand() (Selection, error) {
	if p.take("(") {
		inner, err := p.or()
		if err == nil && !p.take(")") {
			err = p.unexpected("and, or, or )")
		}
		return inner, err
	}
	w := p.next()
	if w.text == "" || !w.quoted && slices.Contains([]string{")", "and", "or"}, w.text) {
		return nil, p.unexpected("a @tag, a rule or a case")
	}
	p.words = p.words[1:]
	if strings.HasPrefix(w.text, "@") {
		return func(c *Case) bool { return slices.Contains(c.Tags, w.text) }, nil
	}
	return func(c *Case) bool {
		return Glob(w.text, c.ID) || slices.ContainsFunc(c.Rules, func(id string) bool { return Glob(w.text, id) })
	}, nil
}

// Glob tells whether pattern fits the whole of s. * fits any characters, / as well; ? fits one.
func Glob(pattern, s string) bool {
	for len(pattern) > 0 && pattern[0] != '*' {
		if s == "" || pattern[0] != '?' && pattern[0] != s[0] {
			return false
		}
		pattern, s = pattern[1:], s[1:]
	}
	if pattern == "" {
		return s == ""
	}
	for i := range len(s) + 1 {
		if Glob(pattern[1:], s[i:]) {
			return true
		}
	}
	return false
}
