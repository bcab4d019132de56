package settings

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// controlFiles are those of qmail's folder control that are looked at.
func controlFiles() []string {
	return []string{"smtproutes", "me", "helohost", "timeoutremote", "timeoutconnect", "timeoutsmtpd", "concurrencyremote",
		"queuelifetime", "defaultdomain", "defaulthost", "locals", "rcpthosts", "virtualdomains", "plusdomain"}
}

// home is the folder that has control/, as far as a file's path tells.
func home(file string) string {
	dir := filepath.Dir(file)
	if filepath.Base(dir) == "control" {
		return filepath.Dir(dir)
	}
	return dir
}

// control is the folder control: each file's lines that say something.
type control struct {
	r     *reading
	files map[string][]setting
}

// readQmail reads the files of one qmail. A timeoutsmtpd beside control/ is one that qmail never reads.
func readQmail(r *reading, files []source) []*Setup {
	c := &control{r: r, files: map[string][]setting{}}
	s := &Setup{Server: "qmail"}
	folder := slices.ContainsFunc(files, func(f source) bool { return filepath.Base(filepath.Dir(f.file)) == "control" })
	for _, f := range c.all(files, folder) {
		s.Files = append(s.Files, f.file)
		name := strings.ToLower(f.name())
		if c.stray(f, folder) {
			name = "/var/qmail/timeoutsmtpd"
			r.warn(Place{File: f.file}, "qmail never reads this file: it reads control/timeoutsmtpd, and as a client control/timeoutremote")
		}
		r.warnWindows(f.text, "qmail")
		for _, line := range controlLines(f.text) {
			c.files[name] = append(c.files[name], line)
			s.other(name, as(secretly(line, shownRoute(line.Text)), shownRoute(line.Value)))
		}
	}
	c.setUp(s, folder)
	return []*Setup{s}
}

// stray tells whether f is the timeoutsmtpd that the document names, which lies beside control.
func (c *control) stray(f source, folder bool) bool {
	dir := filepath.Base(filepath.Dir(f.file))
	return f.name() == "timeoutsmtpd" && dir != "control" && (folder || dir == "qmail")
}

// all adds to files the timeoutsmtpd that lies beside their folder.
func (c *control) all(files []source, folder bool) []source {
	if !folder || slices.ContainsFunc(files, func(f source) bool { return c.stray(f, true) }) {
		return files
	}
	beside := filepath.Join(home(files[0].file), "timeoutsmtpd")
	if _, err := os.Stat(beside); err != nil {
		return files
	}
	if t := c.r.open(beside); t != nil {
		files = append(slices.Clip(files), source{t, files[0].kind})
	}
	return files
}

// controlLines are lines without the white space that ends them, and without empty ones and comments.
func controlLines(t *text) []setting {
	var all []setting
	for i, line := range t.lines {
		value := strings.TrimRight(line, " \t\r")
		if value != "" && value[0] != '#' {
			all = append(all, written(value, t.at(i), line))
		}
	}
	return all
}

// first gives the first line of a file.
func (c *control) first(name string) setting {
	if lines := c.files[name]; len(lines) > 0 {
		return lines[0]
	}
	return setting{}
}

// number reads a file that holds a number.
func (c *control) number(name string, otherwise int) Found[int] {
	value := c.first(name)
	if !value.Known {
		return byDefault(otherwise)
	}
	n, err := count(value.Value)
	if err != nil {
		c.r.fail(value.Place, "%s: %v", name, err)
	}
	return as(value, n)
}

// seconds reads a file that holds a number of seconds.
func (c *control) seconds(name string, otherwise int) Found[time.Duration] {
	n := c.number(name, otherwise)
	if n.Value > 1<<31 {
		c.r.fail(n.Place, "%s: %d s is too long a time", name, n.Value)
		n.Value = otherwise
	}
	return Found[time.Duration]{Value: time.Duration(n.Value) * time.Second, Known: true, Place: n.Place, Text: n.Text}
}

// setUp brings the files into the common form. Source of the defaults: sending-servers 1, 2 and 3.8, obs and cfg.
func (c *control) setUp(s *Setup, folder bool) {
	s.Host = c.first("me")
	if !s.Host.Known && folder {
		c.r.warn(Place{File: filepath.Dir(s.Files[0])}, "it has no file me, without which qmail doesn't run; write the host's name into it")
	}
	s.Hello = c.first("helohost")
	if !s.Hello.Known {
		s.Hello = s.Host
	}
	for _, name := range []string{"defaultdomain", "locals"} {
		for _, d := range c.files[name] {
			if d.Value != "localhost" {
				s.Domains = append(s.Domains, d)
			}
		}
	}
	c.routes(s)
	each := c.seconds("timeoutremote", 1200)
	s.Timeouts = Timeouts{Connect: c.seconds("timeoutconnect", 60), Greeting: each, Hello: each, Mail: each, Recipient: each,
		DataInit: each, DataBlock: each, DataFinal: each, Inbound: c.seconds("timeoutsmtpd", 1200)}
	s.Retry.Expire = c.seconds("queuelifetime", 604800)
	s.Retry.Warn = byDefault(time.Duration(0))
	s.TLS, s.ImplicitTLS = byDefault(NoTLS), byDefault(false)
	s.Recipients, s.Messages, s.Caching = byDefault(1), byDefault(1), byDefault(false)
	s.Connections = c.number("concurrencyremote", 20)
	if !s.Auth.Known {
		s.Auth = byDefault(false)
	}
}

// routes reads smtproutes: domain:host:port, of which the empty domain is all others. Of a domain that stands twice the
// last line holds.
func (c *control) routes(s *Setup) {
	s.Relay = byDefault(Relay{})
	s.Routes = map[string]Found[Relay]{}
	var fallback *Found[Relay]
	for _, line := range c.files["smtproutes"] {
		domain, rest, ok := strings.Cut(line.Value, ":")
		if !ok {
			c.r.fail(line.Place, "%q: expected domain:host or domain:host:port, as :smtp-relay.gmail.com:25", shownRoute(line.Value))
			continue
		}
		if err := checkHost(strings.TrimPrefix(domain, ".")); domain != "" && err != nil {
			c.r.fail(line.Place, "%q: %v", shownRoute(line.Value), err)
			continue
		}
		relay, ok := c.route(line, rest)
		if !ok {
			continue
		}
		route := secretly(as(line, relay), shownRoute(line.Text))
		before, twice := s.Routes[strings.ToLower(domain)]
		if domain == "" && fallback != nil {
			before, twice = *fallback, true
		}
		if twice && before.Value != relay {
			c.r.warn(line.Place, "the route of %q stands at %s too, as %q; this one holds", domain, before.Place, before.Text)
		}
		if domain == "" {
			fallback = &route
			c.credentials(s, line)
			continue
		}
		s.Routes[strings.ToLower(domain)] = route
	}
	if fallback != nil {
		s.Relay = *fallback
	}
}

// route reads host:port, which a user and a password may follow where qmail has the patch for it. An empty host: no relay.
func (c *control) route(line setting, rest string) (Relay, bool) {
	address, _, _ := strings.Cut(rest, " ")
	if address == "" {
		return Relay{}, true
	}
	relay, err := hostAndPort(address)
	if at := strings.LastIndexByte(address, ':'); err != nil && at > 0 {
		if _, isNumber := strconv.Atoi(address[at+1:]); isNumber != nil {
			c.r.fail(line.Place, "%q: the port %q is no number, and qmail takes 25; write :host:25", shownRoute(line.Value), address[at+1:])
			return Relay{}, false
		}
	}
	if err != nil {
		c.r.fail(line.Place, "%q: %v", shownRoute(line.Value), err)
	}
	return relay, err == nil
}

// shownRoute is a line of smtproutes without its password.
func shownRoute(line string) string {
	if fields := strings.Fields(line); len(fields) == 3 {
		return fields[0] + " " + fields[1] + " " + hidden
	}
	return line
}

// credentials takes the user and password of the default route.
func (c *control) credentials(s *Setup, line setting) {
	fields := strings.Fields(line.Value)
	s.Auth = secretly(as(line, false), shownRoute(line.Text))
	s.User, s.Secret = setting{}, setting{}
	if len(fields) == 3 {
		shown := shownRoute(line.Text)
		s.Auth = secretly(as(line, true), shown)
		s.User, s.Secret = secretly(as(line, fields[1]), shown), secretly(as(line, fields[2]), shown)
	}
}
