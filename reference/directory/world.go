package directory

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"golang.org/x/crypto/bcrypt"

	"github.com/relayspec/relayspec/reference/policy"
)

// maxFile bounds a world file, in octets.
const maxFile = 64 << 20

// Load reads a world file. The error is Faults when the file can be read: every fault with file, line and column.
//
// The form (what has a default may be left out):
//
//	customers:
//	  - id: acme                     # 1 to 128 octets, unique
//	    licences: 100                # 1 or more
//	    edition: workspace           # default; or legacy-free
//	    billing: paid                # default; or unpaid
//	    trial: false                 # default
//	    domains: [acme.example]      # one or more; subdomains are found by themselves; bücher.example is its xn-- form
//	    users:                       # default: none
//	      - address: anna@acme.example
//	        aliases: [a@acme.example]
//	        password-hash: "$2a$..." # bcrypt; or password: plain text, hashed when read, for tests only; neither: no AUTH
//	        tokens:                  # default: none; bearer tokens for XOAUTH2 and OAUTHBEARER, hashed when read
//	          - {value: 0aWqT7-secret, expires: 2027-01-01T00:00:00Z} # without expires: good for ever
//	    settings:                    # default: none
//	      - description: Office      # unique within the customer
//	        enabled: true            # default
//	        senders: my-domains      # or registered-users, any
//	        addresses:               # present, even if empty or all disabled: only from these
//	          - {range: 192.0.2.0/24, description: the mail hub, enabled: true}
//	          - 2001:db8::5          # short for an enabled entry
//	        require-auth: false      # default
//	        require-tls: false       # default
func Load(file string) (*Directory, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("load world: %w; give the path of a world file", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("load world: %s has %d octets; a world file has at most %d", file, info.Size(), maxFile)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load world: %w", err)
	}
	return Parse(file, data)
}

// Parse reads a world file's content. name stands in the findings. The error is Faults.
func Parse(name string, data []byte) (*Directory, error) {
	r := &reader{newBuilder(), name}
	start := Position{name, 1, 1}
	root, ok := r.document(data, start)
	if !ok {
		return nil, r.faults
	}
	var customers []*policy.Customer
	var users []*policy.User
	if f, ok := r.mapping(root, start, "the world", "customers"); ok {
		if _, ok := r.required(f, "customers", "customers: and a list of them"); ok {
			items, _ := r.list(f, "customers")
			for _, item := range items {
				c, own := r.customerNode(item)
				customers = append(customers, c)
				users = append(users, own...)
			}
		}
	}
	return r.finish(customers, users)
}

// document gives the one document of a file.
func (r *reader) document(data []byte, start Position) (ast.Node, bool) {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err, start)
		return nil, false
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		r.fault(start, "", "the file is empty; write customers: and a list of them")
		return nil, false
	}
	if len(file.Docs) > 1 {
		r.fault(r.at(file.Docs[1].Body, start), "", "a second document begins here; write one, without ---")
		return nil, false
	}
	return file.Docs[0].Body, true
}

// syntax turns an error of the YAML parser into a fault.
func (r *reader) syntax(err error, start Position) {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		r.fault(r.place(syntax.Token, start), "", "this isn't YAML: "+oneLine(syntax.Message)+"; look at the indentation, quotes and brackets here")
		return
	}
	r.fault(start, "", "this isn't YAML: "+oneLine(err.Error()))
}

// oneLine makes a message fit for a line of its own.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "'\t'", "'tab'")), " ")
}

// customerNode reads a customer with its users.
func (r *reader) customerNode(item field) (*policy.Customer, []*policy.User) {
	c := &policy.Customer{Edition: policy.Workspace, Paid: true}
	f, ok := r.mapping(item.value, item.at, "a customer", "id", "licences", "edition", "billing", "trial", "domains", "users", "settings")
	if !ok {
		return c, nil
	}
	r.idNode(f, c)
	if v, ok := r.required(f, "licences", "licences: and how many, 1 or more; the limits follow from them"); ok {
		if n, ok := r.number(v, "licences"); ok {
			c.Licences = n
			r.licences(v.at, n)
		}
	}
	r.billing(f, c)
	c.Trial = r.boolean(f, "trial", false)
	r.domainNodes(f, c)
	r.settingNodes(f, c)
	r.editionNode(f, c)
	return c, r.userNodes(f, c)
}

func (r *reader) idNode(f fields, c *policy.Customer) {
	v, ok := r.required(f, "id", "id: and a name for the customer, such as acme")
	if !ok {
		return
	}
	if s, ok := r.text(v, "id"); ok {
		c.ID = s
		r.id(v.at, s)
	}
}

func (r *reader) editionNode(f fields, c *policy.Customer) {
	at := f.at
	if v, ok := f.byName["edition"]; ok {
		s, ok := r.text(v, "edition")
		if !ok {
			return
		}
		at, c.Edition = v.at, policy.Edition(s)
	}
	r.edition(at, c)
}

// billing reads whether an invoice has been paid. Source: LIM-UNPAID-DAY, TRIAL-PAY.
func (r *reader) billing(f fields, c *policy.Customer) {
	v, ok := f.byName["billing"]
	if !ok {
		return
	}
	s, ok := r.text(v, "billing")
	if ok && s != "paid" && s != "unpaid" {
		r.fault(v.at, "LIM-UNPAID-DAY", "unknown billing "+quote(s)+"; write paid or unpaid")
	}
	c.Paid = s == "paid"
}

func (r *reader) domainNodes(f fields, c *policy.Customer) {
	v, ok := r.required(f, "domains", "domains: and a list of one or more")
	if !ok {
		return
	}
	items, present := r.list(f, "domains")
	if present && len(items) == 0 {
		r.fault(v.at, "", "domains is an empty list; write one domain or more")
	}
	for _, item := range items {
		if s, ok := r.text(item, "a domain"); ok {
			c.Domains = append(c.Domains, canonical(s))
			r.domain(item.at, s)
		}
	}
}

// userNodes reads the users of c, whose domains are known.
func (r *reader) userNodes(f fields, c *policy.Customer) (users []*policy.User) {
	items, _ := r.list(f, "users")
	for _, item := range items {
		u := &policy.User{Customer: c}
		f, ok := r.mapping(item.value, item.at, "a user", "address", "aliases", "password-hash", "password", "tokens")
		if !ok {
			continue
		}
		if v, ok := r.required(f, "address", "address: and user@domain"); ok {
			u.Address = r.addressNode(v, "address", c)
		}
		aliases, _ := r.list(f, "aliases")
		for _, alias := range aliases {
			u.Aliases = append(u.Aliases, r.addressNode(alias, "an alias", c))
		}
		u.PasswordHash = r.passwordNode(f)
		u.Tokens = r.tokenNodes(f)
		users = append(users, u)
	}
	return users
}

func (r *reader) addressNode(v field, name string, c *policy.Customer) policy.Address {
	s, ok := r.text(v, name)
	if !ok {
		return policy.Address{}
	}
	a, fault := parseAddress(s)
	if fault != "" {
		r.fault(v.at, "", fault)
		return policy.Address{}
	}
	r.address(v.at, a, c)
	return a
}

// passwordNode gives the hash, made of a plain password if need be.
func (r *reader) passwordNode(f fields) (hash string) {
	plain, isPlain := f.byName["password"]
	hashed, isHash := f.byName["password-hash"]
	if isPlain && isHash {
		r.fault(plain.key, "", "both password and password-hash are given; write one")
	}
	if isHash {
		s, ok := r.text(hashed, "password-hash")
		if ok {
			if fault := hashFault(s); fault != "" {
				r.fault(hashed.at, "", fault)
			}
		}
		return s
	}
	if isPlain {
		if s, ok := r.text(plain, "password"); ok {
			return r.hashed(s, plain.at)
		}
	}
	return ""
}

// tokenNodes reads the tokens of a user.
func (r *reader) tokenNodes(f fields) (tokens []policy.Token) {
	items, _ := r.list(f, "tokens")
	for _, item := range items {
		f, ok := r.mapping(item.value, item.at, "a token", "value", "expires")
		if !ok {
			continue
		}
		expires := r.timeNode(f, "expires")
		v, ok := r.required(f, "value", "value: and the token")
		if !ok {
			continue
		}
		value, ok := r.text(v, "value")
		if !ok {
			continue
		}
		token, err := NewToken(value, expires)
		if err != nil {
			r.fault(v.at, "", err.Error())
			continue
		}
		r.token(v.at, token)
		tokens = append(tokens, token)
	}
	return tokens
}

// timeNode reads a point of time; absent: zero.
func (r *reader) timeNode(f fields, name string) time.Time {
	v, ok := f.byName[name]
	if !ok {
		return time.Time{}
	}
	s, ok := r.text(v, name)
	if !ok {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		r.fault(v.at, "", name+" is "+quote(s)+", which is no time; write one such as 2027-01-01T00:00:00Z")
	}
	return at
}

// hashed hashes a plain password at the lowest cost: who writes it into a file doesn't hide it.
func (r *reader) hashed(password string, at Position) string {
	if fault := passwordFault(password); fault != "" {
		r.fault(at, "", fault)
		return ""
	}
	hash, err := HashPassword(password, bcrypt.MinCost)
	if err != nil {
		r.fault(at, "", err.Error())
	}
	return hash
}
