package static

import (
	"net/url"
	"slices"
	"strings"
)

// steered tells whether the profile names a driver, be it a wrong one.
func (c *checker) steered() bool { return c.has("exec") || c.has("control") }

// proxies are the words for a version of the PROXY protocol.
func proxies() []string { return []string{"v1", "v2"} }

// driver checks who steers the relay, and how sessions begin.
func (c *checker) driver() {
	c.word("proxy", c.Proxy, proxies())
	if c.has("exec") && c.has("control") {
		c.fault("control", "exec stands already at line %d, and one driver steers a relay; leave either out", c.at("exec").Line)
		return
	}
	if c.Exec != nil && c.wellFormed("exec") {
		c.program("exec", c.Exec.Command, c.Exec.Dir, c.Exec.Env)
	}
	if c.Control != nil && c.wellFormed("control") {
		c.control()
	}
}

// control checks where a relay is steered over HTTP.
func (c *checker) control() {
	c.required("control", "url", c.Control.URL, "url: http://127.0.0.1:8025, or http://{control} where start gets {control} too")
	c.only("control.url", c.Control.URL, "control")
	c.only("control.token", c.Control.Token, "token")
	if c.Control.URL == "" || !c.wellFormed("control.url") {
		return
	}
	at, err := url.Parse(strings.ReplaceAll(c.Control.URL, "{control}", "127.0.0.1:1"))
	switch {
	case err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https":
		c.fault("control.url", "control.url: %q is no address of a web server; write http://127.0.0.1:8025", c.Control.URL)
	case at.User != nil || at.RawQuery != "" || at.Fragment != "":
		c.fault("control.url", "control.url has more than scheme, host, port and path; write http://127.0.0.1:8025, and token: for the token")
	}
}

// only checks that nothing but {name} is to be filled in in the text at path.
func (c *checker) only(path, text, name string) {
	found := blank.FindAllString(text, -1)
	if i := slices.IndexFunc(found, func(word string) bool { return word != "{"+name+"}" }); i >= 0 {
		c.fault(path, "%s: nothing is filled in for %s; write {%s}, or what is meant", path, found[i], name)
	}
}
