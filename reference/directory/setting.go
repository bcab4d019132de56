package directory

import (
	"net/netip"

	"github.com/goccy/go-yaml/ast"

	"github.com/relayspec/relayspec/reference/policy"
)

// settingNodes reads the relay settings of a customer. Source: CON-ADD-MODES (several may coexist).
func (r *reader) settingNodes(f fields, c *policy.Customer) {
	items, _ := r.list(f, "settings")
	descriptions := make(map[string]Position)
	for _, item := range items {
		c.Settings = append(c.Settings, r.settingNode(item, descriptions))
	}
}

func (r *reader) settingNode(item field, descriptions map[string]Position) (s policy.Setting) {
	f, ok := r.mapping(item.value, item.at, "a setting", "description", "enabled", "senders", "addresses", "require-auth", "require-tls")
	if !ok {
		return s
	}
	if v, ok := r.required(f, "description", "description: and what the setting is for"); ok {
		if s.Description, ok = r.text(v, "description"); ok {
			r.description(v.at, s.Description, descriptions)
		}
	}
	if v, ok := r.required(f, "senders", "senders: registered-users, my-domains or any"); ok {
		if option, ok := r.text(v, "senders"); ok {
			s.Senders = policy.Senders(option)
			r.senders(v.at, s.Senders)
		}
	}
	s.Enabled = r.boolean(f, "enabled", true)
	s.RequireAuth = r.boolean(f, "require-auth", false)
	s.RequireTLS = r.boolean(f, "require-tls", false)
	_, s.ByAddress = f.byName["addresses"]
	s.Addresses = policy.NewAddressList(r.entries(f, s.Description))
	if v := f.byName["require-auth"]; v.value == nil || v.value.Type() == ast.BoolType {
		r.methods(f.at, &s) // otherwise there is a fault already, and what is meant isn't known
	}
	return s
}

// entries reads the list of addresses of a setting and counts them. Source: IP-ADD, IP-MAX-65536.
func (r *reader) entries(f fields, description string) []policy.Range {
	items, _ := r.list(f, "addresses")
	ranges := make([]policy.Range, 0, len(items))
	places := make([]Position, 0, len(items))
	for _, item := range items {
		if e, ok := r.entryNode(item); ok {
			ranges = append(ranges, e)
			places = append(places, item.at)
		}
	}
	if i, sum := overflow(ranges); i >= 0 {
		r.tooMany(places[i], description, sum)
	}
	return ranges
}

// entryNode reads one entry: a mapping, or a bare range.
func (r *reader) entryNode(item field) (e policy.Range, ok bool) {
	e.Enabled = true
	v := item
	if _, long := item.value.(*ast.MappingNode); long {
		f, ok := r.mapping(item.value, item.at, "an address entry", "range", "description", "enabled")
		if !ok {
			return e, false
		}
		e.Enabled = r.boolean(f, "enabled", true)
		if d, ok := f.byName["description"]; ok {
			e.Description, _ = r.text(d, "description")
		}
		if v, ok = r.required(f, "range", "range: and an address or a CIDR range"); !ok {
			return e, false
		}
	}
	e.Prefix, ok = r.rangeNode(v)
	return e, ok
}

func (r *reader) rangeNode(v field) (p netip.Prefix, ok bool) {
	s, ok := r.text(v, "range")
	if !ok {
		return p, false
	}
	p, fault := parseRange(s)
	if fault != "" {
		r.fault(v.at, "IP-CIDR", fault)
		return p, false
	}
	r.entry(v.at, p)
	return p, true
}
