package features

import (
	"fmt"
	"strings"

	"github.com/cucumber/godog"

	"github.com/relayspec/relayspec/features/target"
)

// rows says what to do with the value of each row that a two-column table may have.
type rows map[string]func(value string) error

// fill gives each row of table to its handler. A nil table has no rows; a row that nobody knows is an error.
func fill(table *godog.Table, known rows) error {
	if table == nil {
		return nil
	}
	for _, row := range table.Rows {
		if len(row.Cells) != 2 {
			return fmt.Errorf("a row has %d cells, not 2", len(row.Cells))
		}
		name, value := row.Cells[0].Value, row.Cells[1].Value
		set, ok := known[name]
		if !ok {
			return fmt.Errorf("no row is called %q", name)
		}
		if err := set(value); err != nil {
			return fmt.Errorf("row %q: %w", name, err)
		}
	}
	return nil
}

// mentions reports whether table has a row called name.
func mentions(table *godog.Table, name string) bool {
	for _, row := range table.Rows {
		if len(row.Cells) > 0 && row.Cells[0].Value == name {
			return true
		}
	}
	return false
}

// customerRows are the rows of a customer's table.
func (s *scenario) customerRows(c *target.Customer) rows {
	return rows{
		"domains": func(v string) error { c.Domains = list(s.text(v)); return nil },
		"users":   func(v string) error { c.Users = s.users(v); return nil },
		"licences": func(v string) (err error) {
			c.Licences, err = count(v)
			return err
		},
		"billing": choice(map[string]func(){
			"paid":                  func() { c.Trial, c.Unpaid = false, false },
			"trial":                 func() { c.Trial, c.Unpaid = true, true },
			"trial, paid":           func() { c.Trial, c.Unpaid = true, false },
			"trial ended, not paid": func() { c.Trial, c.Unpaid = false, true },
			"not paid":              func() { c.Trial, c.Unpaid = false, true },
		}),
		"edition": choice(map[string]func(){
			"legacy free":      func() { c.Edition = "legacy-free" },
			"Google Workspace": func() { c.Edition = "workspace" },
		}),
	}
}

// settingRows are the rows of a relay setting's table.
func settingRows(st *target.Setting) rows {
	return rows{
		"allowed senders": choice(map[string]func(){
			"registered users": func() { st.Senders = target.RegisteredUsers },
			"my domains":       func() { st.Senders = target.MyDomains },
			"any":              func() { st.Senders = target.AnyAddress },
		}),
		"addresses": func(v string) error { st.Addresses = entries(v); st.ByAddress = v != "none"; return nil },
		"SMTP AUTH": choice(map[string]func(){
			"required":     func() { st.RequireAuth = true },
			"not required": func() { st.RequireAuth = false },
		}),
		"TLS": choice(map[string]func(){
			"required":     func() { st.RequireTLS = true },
			"not required": func() { st.RequireTLS = false },
		}),
		"enabled": choice(map[string]func(){
			"yes": func() { st.Disabled = false },
			"no":  func() { st.Disabled = true },
		}),
	}
}

// choice is a row whose value is one of a few words.
func choice(words map[string]func()) func(string) error {
	return func(v string) error {
		set, ok := words[v]
		if !ok {
			return fmt.Errorf("%q is not a choice", v)
		}
		set()
		return nil
	}
}

// users reads a list of registered users and gives each a password.
func (s *scenario) users(v string) []target.User {
	var users []target.User
	for _, address := range list(s.text(v)) {
		users = append(users, target.User{Address: address, Password: secretOf(address)})
	}
	return users
}

// secretOf is the password that a registered user gets.
func secretOf(address string) string { return "secret of " + address }

// entries reads "127.0.0.1, 127.0.5.0/29 (disabled)"; "none" is the empty list.
func entries(v string) []target.AddressEntry {
	var es []target.AddressEntry
	for i, item := range list(v) {
		if item == "none" {
			continue
		}
		bare, disabled := strings.CutSuffix(item, " (disabled)")
		es = append(es, target.AddressEntry{Description: fmt.Sprintf("entry %d", i+1), Range: bare, Disabled: disabled})
	}
	return es
}
