package static

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/yamlfile"
)

// checker finds what is wrong with a profile that has the right form.
type checker struct {
	*Profile
	reader *yamlfile.File
}

func (c *checker) all() {
	c.required("", "name", c.Name, "name: and what reports shall call the relay")
	c.ports()
	c.tls()
	c.roles()
	c.capabilities()
	c.sink()
	c.start()
	c.driver()
	c.customers()
}

// at finds a place; a key that isn't there stands where its section does.
func (c *checker) at(path string) place { return c.reader.At(path) }

func (c *checker) fault(path, format string, args ...any) {
	c.reader.Fault(c.at(path), format, args...)
}

// has tells whether the file has a key, be its value wrong.
func (c *checker) has(path string) bool {
	_, ok := c.places[path]
	return ok
}

// required asks for a text in a section; write says what to write.
func (c *checker) required(section, key, value, write string) {
	path := strings.TrimPrefix(section+"."+key, ".")
	if value == "" && !c.has(path) {
		c.fault(section, "%s is missing; write %s", path, write)
		return
	}
	if value == "" && c.wellFormed(path) {
		c.fault(path, "%s is empty; write %s", path, write)
	}
}

// wellFormed tells whether no fault was told of what stands at path.
func (c *checker) wellFormed(path string) bool { return c.reader.WellFormed(path) }

func (c *checker) ports() {
	if !c.wellFormed("ports") {
		return
	}
	for _, role := range roles() {
		if path := fmt.Sprintf("ports.%d", role); c.has(path) && c.wellFormed(path) {
			c.hostPort(path, c.written(role), 1)
		}
	}
	if !c.has("ports.25") && !c.has("ports.465") && !c.has("ports.587") && !c.has("start") && !c.steered() {
		c.fault("ports", "nothing says where the relay is; write ports: {25: 127.0.0.1:2525}, or 465: or 587:, or start: with a command")
	}
}

// hostPort checks an address whose port is least or more.
func (c *checker) hostPort(path, address string, least int) {
	host, port, err := net.SplitHostPort(address)
	n, notNumber := strconv.Atoi(port)
	if err != nil || host == "" || notNumber != nil || n < least || n > 65535 {
		c.fault(path, "%s: %q is no host:port; write an address such as 127.0.0.1:2525 or relay.example:25", path, address)
	}
}

func (c *checker) tls() {
	if c.TLS.Insecure && (c.TLS.CA != "" || c.TLS.ServerName != "") {
		c.fault("tls.insecure", "tls.insecure takes any certificate, so ca and server-name would mean nothing; write either")
	}
	if c.TLS.CA == "" {
		return
	}
	pem, err := os.ReadFile(c.path(c.TLS.CA))
	if err != nil {
		c.fault("tls.ca", "tls.ca: %v; name a PEM file, from the profile's folder", err)
		return
	}
	c.Profile.roots = x509.NewCertPool()
	if !c.Profile.roots.AppendCertsFromPEM(pem) {
		c.fault("tls.ca", "tls.ca: %s holds no certificate; name a PEM file of the roots that sign the relay's", c.TLS.CA)
	}
}

func (c *checker) roles() {
	if !c.wellFormed("roles") || c.steered() && !c.has("roles") {
		return
	}
	r := c.Roles
	c.bound("sender", "an address whose mail the relay takes from this machine")
	c.bound("recipients", "a list of addresses that it takes mail to, such as ['*@example.net']")
	c.address("roles.sender", r.Sender)
	for i, recipient := range r.Recipients {
		c.address(fmt.Sprintf("roles.recipients[%d]", i), strings.Replace(recipient, "*@", "any@", 1))
	}
	if c.has("roles.recipients") && len(r.Recipients) == 0 && c.wellFormed("roles.recipients") {
		c.fault("roles.recipients", "role not bound: recipients is empty; write a list of addresses that the relay takes mail to")
	}
	for name, user := range map[string]User{"user": r.User, "other": r.Other} {
		if path := "roles." + name; c.has(path) {
			c.required(path, "address", user.Address, "address: and the user's address")
			c.address(path+".address", user.Address)
			if user.Password == "" && len(user.Tokens) == 0 && c.wellFormed(path+".password") {
				c.fault(path, "%s has neither a password nor tokens; write password: ${RELAY_PASSWORD}, or tokens:", path)
			}
		}
	}
	if r.Authenticate && r.User.Password == "" {
		c.fault("roles.authenticate", "role not bound: user (with a password); roles.authenticate says it in AUTH; write roles: {user: {address: ..., password: ...}}")
	}
	if r.Expired != "" && !c.has("roles.user") {
		c.fault("roles.expired", "roles.expired is a token of roles.user, which isn't bound; bind the user too")
	}
}

// bound asks that a role is bound.
func (c *checker) bound(role, whom string) {
	if !c.has("roles." + role) {
		c.fault("roles", "role not bound: %s; write roles: {%s: ...}, %s", role, role, whom)
	}
}

var addressForm = regexp.MustCompile(`^[^@\s<>]+@[^@\s<>]+$`)

func (c *checker) address(path, address string) {
	if c.has(path) && c.wellFormed(path) && !addressForm.MatchString(address) {
		c.fault(path, "%s: %q is no address; write local@domain", path, address)
	}
}

func (c *checker) capabilities() {
	for i, capability := range c.Capabilities {
		path := fmt.Sprintf("capabilities[%d]", i)
		switch {
		case !c.wellFormed(path): // told already
		case slices.Contains([]target.Capability{target.CanReset, target.CanUsage, target.CanClock}, capability):
			c.fault(path, "%s is a verb, and nobody can steer a static target; leave it out: a driver says itself which verbs it has", capability)
		case capability == target.CanApply && !c.has("customers"):
			c.fault(path, "%s takes customers that exist on the relay; write customers: and a list of them", capability)
		case capability == target.CanDelivered && c.Sink == nil:
			c.fault(path, "%s takes a sink that the relay delivers to; write sink: {listen: 127.0.0.1:0}", capability)
		case !slices.Contains(target.Known(), capability):
			c.fault(path, "no capability is called %q; %s", capability, instead(string(capability), possible()))
		case slices.Index(c.Capabilities, capability) < i:
			c.fault(path, "%s stands already in capabilities; write it once", capability)
		default:
			if lacks := c.unplayed(capability); lacks != "" {
				c.fault(path, "role not bound: %s; %s needs it", lacks, capability)
			}
		}
	}
}

// possible are the capabilities that a static target can have.
func possible() []string {
	var names []string
	for _, c := range target.Known() {
		if c != target.CanReset && c != target.CanUsage && c != target.CanClock {
			names = append(names, string(c))
		}
	}
	return names
}

// unplayed names the role that capability needs and the profile doesn't bind; "" when there is none.
func (p *Profile) unplayed(capability target.Capability) string {
	if p.Roles.Sender == "" {
		return "" // a driver makes whoever plays
	}
	user := p.Roles.User
	switch capability {
	case target.ExtAuth:
		if user.Address == "" {
			return "user"
		}
	case target.AuthPlain, target.AuthLogin:
		if user.Password == "" {
			return "user (with a password)"
		}
	case target.AuthXOAuth2, target.AuthOAuthBearer:
		if len(user.Tokens) == 0 {
			return "user (with tokens)"
		}
	}
	return ""
}

func (c *checker) sink() {
	if c.Sink == nil || !c.wellFormed("sink") {
		return
	}
	c.required("sink", "listen", c.Sink.Listen, "listen: 127.0.0.1:0")
	if c.Sink.Listen != "" {
		c.hostPort("sink.listen", c.Sink.Listen, 0)
	}
}

func (c *checker) start() {
	if c.Start == nil || !c.wellFormed("start") {
		return
	}
	filled := c.program("start", c.Start.Command, c.Start.Dir, c.Start.Env)
	c.readiness(filled)
}

// program checks a program that is run, and gives what is to be filled in in its words.
func (c *checker) program(section string, command []string, dir string, env map[string]string) map[string]bool {
	if len(command) == 0 && c.wellFormed(section+".command") {
		c.fault(section+".command", "%s has no command; write command: [PROGRAM, ARGUMENT, ...]", section)
	}
	if info, err := os.Stat(c.path(dir)); err != nil || !info.IsDir() {
		c.fault(section+".dir", "%s.dir: %s is no folder; name one from the profile's", section, dir)
	}
	filled := map[string]bool{}
	for i, word := range command {
		c.blanks(fmt.Sprintf("%s.command[%d]", section, i), word, filled)
	}
	for name, value := range env {
		c.blanks(section+".env."+name, value, filled)
	}
	return filled
}

// blank is what is filled in in a command.
var blank = regexp.MustCompile(`\{[a-z0-9]+\}`)

// blanks are the words that can be filled in.
func blanks() []string {
	return []string{"sink", "scratch", "port25", "port465", "port587", "control", "token"}
}

// blanks checks what is to be filled in in word, and notes it in filled.
func (c *checker) blanks(path, word string, filled map[string]bool) {
	for _, found := range blank.FindAllString(word, -1) {
		name := strings.Trim(found, "{}")
		starts := strings.HasPrefix(path, "start.")
		switch {
		case !slices.Contains(blanks(), name):
			c.fault(path, "%s: nothing is filled in for %s; %s", path, found, instead(name, blanks()))
		case name == "sink" && c.Sink == nil:
			c.fault(path, "%s: there is no sink; write sink: {listen: 127.0.0.1:0}", path)
		case (name == "control" || name == "token") && !c.steered():
			c.fault(path, "%s: %s is for a relay that is steered; write control: {url: 'http://{control}'}, or exec:", path, found)
		case starts && c.has("ports."+strings.TrimPrefix(name, "port")):
			c.fault(path, "%s: ports says already where that is; leave out %s, or the port in ports", path, found)
		}
		filled[name] = true
	}
}

// groups are the ports that an expression gives.
type groups struct {
	line  *regexp.Regexp
	roles map[string]target.Role // name of the group -> role
}

// readiness checks start.ready, and that something says where the relay will be.
func (c *checker) readiness(filled map[string]bool) {
	c.Profile.ready.roles = map[string]target.Role{}
	line, err := regexp.Compile(c.Start.Ready)
	if err != nil {
		c.fault("start.ready", "start.ready: %v; write a regular expression of Go's", err)
		return
	}
	c.Profile.ready.line = line
	for _, name := range line.SubexpNames() {
		if name == "" {
			continue
		}
		role, known := portNamed(name)
		if !known {
			c.fault("start.ready", "start.ready: a group is called %s; write port25, port465 or port587", name)
		}
		c.Profile.ready.roles[name] = role
		filled[name] = true
	}
	for _, other := range []string{"sink", "scratch", "token"} {
		delete(filled, other) // they say nothing of where it is
	}
	if c.Control == nil {
		delete(filled, "control")
	}
	if len(filled) == 0 && c.Ports == (Ports{}) && !c.has("ports.25") && !c.has("ports.465") && !c.has("ports.587") {
		c.fault("start", `nothing says where the relay will be; write ready: 'listening on (?P<port25>\S+)', or {port25} in the command, or ports:`)
	}
}

// portNamed gives the role of port25, port465 or port587.
func portNamed(name string) (target.Role, bool) {
	for _, role := range roles() {
		if name == fmt.Sprintf("port%d", role) {
			return role, true
		}
	}
	return 0, false
}
