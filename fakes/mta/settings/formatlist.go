package settings

import (
	"regexp"
	"slices"
	"strings"
)

// formatList reads what Exchange's commands print by | Format-List: Name : value, objects parted by empty lines, values
// that are too long for the window wrapped into lines that begin with white space.
type formatList struct {
	r       *reading
	file    *text
	command string // the one that was typed before, where the window was copied
	objects []Object
	now     Object
	name    string // of the property that may be continued
	value   setting
}

// Commands that print what is known, by the kind of object.
func exchangeKinds() []string {
	return []string{"SendConnector", "ReceiveConnector", "EdgeSubscription", "TransportServer", "ExchangeServer", "AcceptedDomain"}
}

// objectsOf gives the objects of a file.
func objectsOf(r *reading, t *text) []Object {
	f := &formatList{r: r, file: t}
	property := regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_.]*)\s*:(?:\s(.*))?$`)
	prompt := regexp.MustCompile(`^(\[PS\]|PS) .*>\s*(.*)$|^(Get-\w+.*)$`)
	for i, line := range t.lines {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "":
			f.endObject()
		case line[0] == ' ' || line[0] == '\t':
			f.continued(i, strings.TrimSpace(line))
		case prompt.MatchString(line):
			f.endObject()
			f.command = line
		case property.MatchString(line):
			parts := property.FindStringSubmatch(line)
			f.endProperty()
			f.begin(i)
			f.name, f.value = parts[1], written(strings.TrimSpace(parts[2]), t.at(i), line)
		default:
			r.fail(t.at(i), "expected Name : value, as Format-List prints, not %q", line)
		}
	}
	f.endObject()
	return f.objects
}

func (f *formatList) begin(i int) {
	if f.now.Values == nil {
		f.now = Object{Place: f.file.at(i), Values: map[string][]setting{}}
	}
}

// continued adds a wrapped line: between words a space was lost, within one nothing was.
func (f *formatList) continued(i int, more string) {
	if f.name == "" {
		f.r.fail(f.file.at(i), "%q continues nothing; expected Name : value at the left margin, as Format-List prints", more)
		return
	}
	if v := f.value.Value; strings.HasSuffix(v, ",") || strings.Contains(v, " ") && !strings.HasPrefix(v, "{") {
		more = " " + more
	}
	f.value.Value += more
}

func (f *formatList) endProperty() {
	if f.name == "" {
		return
	}
	name := f.name
	f.name = ""
	if before, ok := f.now.Values[name]; ok && before[0].Text != f.value.Text {
		f.r.warn(f.value.Place, "%s stands at %s too; this one holds", name, before[0].Place)
	}
	f.now.Values[name] = f.elements(name)
}

// elements gives the values of a list, or the one that it is. An empty list has one that is empty.
func (f *formatList) elements(name string) []setting {
	inside, isList := strings.CutPrefix(f.value.Value, "{")
	isFlags := slices.Contains([]string{"AuthMechanism", "PermissionGroups", "ServerRole"}, name) // a, b without brackets
	if !isList && !isFlags {
		return []setting{f.value}
	}
	inside, closed := strings.CutSuffix(inside, "}")
	if isList && !closed {
		f.r.fail(f.value.Place, "%s: the list isn't closed by }: %q; is the output cut?", name, f.value.Value)
	}
	var all []setting
	for _, e := range strings.Split(inside, ",") {
		e = strings.TrimSpace(e)
		if e == "..." || e == "…" || strings.HasSuffix(e, "...") {
			f.r.warn(f.value.Place, "%s is cut short: set $FormatEnumerationLimit = -1 in the shell and print it anew", name)
			continue
		}
		all = append(all, as(f.value, e))
	}
	if len(all) == 0 {
		all = []setting{as(f.value, "")}
	}
	return all
}

func (f *formatList) endObject() {
	f.endProperty()
	if f.now.Values == nil {
		return
	}
	f.now.Kind = f.kindOf(f.now)
	f.now.Name = nameOf(f.now)
	f.objects = append(f.objects, f.now)
	f.now = Object{}
}

// nameOf is an object's name, or what its identity ends with.
func nameOf(o Object) string {
	for _, p := range []string{"Name", "Identity"} {
		if v := o.Values[p]; len(v) > 0 && v[0].Value != "" {
			return v[0].Value[strings.LastIndexByte(v[0].Value, '\\')+1:]
		}
	}
	return ""
}

// kindOf tells what an object is by the properties that no other has, or else by the command.
func (f *formatList) kindOf(o Object) string {
	for _, by := range []struct{ kind, properties string }{
		{"SendConnector", "AddressSpaces SmartHosts SourceTransportServers DNSRoutingEnabled SmartHostAuthMechanism"},
		{"ReceiveConnector", "Bindings RemoteIPRanges PermissionGroups AuthMechanism"},
		{"TransportServer", "MessageExpirationTimeout OutboundConnectionFailureRetryInterval MessageRetryInterval MaxOutboundConnections"},
		{"AcceptedDomain", "DomainType"},
		{"ExchangeServer", "ServerRole IsEdgeServer AdminDisplayVersion"},
		{"EdgeSubscription", "Site Domain"},
	} {
		for _, p := range strings.Fields(by.properties) {
			if _, ok := o.Values[p]; ok {
				return by.kind
			}
		}
	}
	for _, kind := range exchangeKinds() {
		if strings.Contains(strings.ToLower(f.command), "get-"+strings.ToLower(kind)) {
			return kind
		}
	}
	f.r.warn(o.Place, "what is printed here isn't looked at; known are the outputs of Get-%s", strings.Join(exchangeKinds(), ", Get-"))
	return ""
}

// same tells whether two objects are the same one, printed twice.
func (o Object) same(other Object) bool {
	if o.Kind != other.Kind {
		return false
	}
	a, b := o.Values["Identity"], other.Values["Identity"]
	if len(a) > 0 && len(b) > 0 {
		return strings.EqualFold(a[0].Value, b[0].Value)
	}
	return strings.EqualFold(o.Name, other.Name)
}

// mostObjects is how many objects are looked at: organisations have some dozens of connectors.
const mostObjects = 5000

// merged gives objects of which each stands once: of one that is printed again, the later properties hold.
func (r *reading) merged(objects []Object) []Object {
	var all []Object
	for _, o := range objects {
		if len(all) == mostObjects {
			r.fail(o.Place, "there are more than %d objects; give what the commands print of the servers that send", mostObjects)
			break
		}
		at := slices.IndexFunc(all, o.same)
		if at < 0 {
			all = append(all, o)
			continue
		}
		r.warn(o.Place, "%s %q is printed at %s too; what stands here holds", o.Kind, o.Name, all[at].Place)
		for name, values := range o.Values {
			all[at].Values[name] = values
		}
	}
	return all
}
