package mta

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/relayspec/relayspec/fakes/mta/sourced"
	"github.com/relayspec/relayspec/features/yamlfile"
)

//go:embed profiles/*.yaml
var profiles embed.FS

// Names gives the profiles that come with the program, in alphabetical order.
func Names() []string {
	files, err := fs.Glob(profiles, "profiles/*.yaml")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(path.Base(file), ".yaml")
	}
	return names
}

// Load reads the profile of a name out of Names.
//
// Error: there is none of that name.
func Load(name string) (*Profile, error) {
	file := "profiles/" + name + ".yaml"
	data, err := profiles.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, fmt.Errorf("there is no sending server %q; %s", name, yamlfile.Instead(name, Names()))
	}
	if err != nil {
		return nil, fmt.Errorf("read the profile %s: %w", name, err)
	}
	return parse(file, data)
}

// maxProfile is how long a profile may be, in octets.
const maxProfile = 1 << 20

// LoadFile reads a profile of the user's own.
//
// Error: the file can't be read, or yamlfile.Faults: all that is wrong in it, each with its place.
func LoadFile(name string) (*Profile, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxProfile {
		return nil, fmt.Errorf("read the profile %s: it is no file of at most %d octets", name, maxProfile)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	return parse(name, data)
}

// parse reads a profile strictly.
func parse(name string, data []byte) (*Profile, error) {
	p := &Profile{}
	form := yamlfile.Form{What: "a profile", Empty: "write name:, title: and the sections of a profile", ZeroTimes: true}
	file, read := yamlfile.Read(name, data, form, p)
	if read {
		p.check(file)
	}
	if faults := file.Faults(); faults != nil {
		return nil, faults
	}
	if err := errors.Join(p.Mail.Compile(), p.Bounce.Compile()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// check faults what is missing or out of bounds.
func (p *Profile) check(file *yamlfile.File) {
	for key, text := range map[string]string{"name": p.Name, "title": p.Title} {
		if text == "" {
			file.Fault(file.At(key), "the profile says no %s; write %s: and it", key, key)
		}
	}
	for _, l := range p.leaves() {
		at := file.At(l.path)
		switch _, said := file.Places[l.path]; {
		case !said && required(l.path):
			file.Fault(at, "%s isn't said; write %s: {value: ..., source: ...}", l.path, l.path[strings.LastIndexByte(l.path, '.')+1:])
		case said && l.source == "" && file.WellFormed(l.path):
			file.Fault(at, "%s has no source; write source: and one of %s", l.path, strings.Join(sourced.Source("").Words(), ", "))
		}
	}
	if _, said := file.Places["session"]; said && file.WellFormed("session") {
		for _, fault := range p.Session.Check() {
			file.Fault(file.At("session."+fault.Path), "session.%v", fault)
		}
	}
	if p.Bounce.Message.Value == "" {
		file.Fault(file.At("bounce"), "bounce.message isn't said; write message: {value: ..., source: ...}")
	}
	if port := p.Route.Port; port.Source != "" && (port.Value < 1 || port.Value > 65535) {
		file.Fault(file.At("route.port.value"), "route.port.value is no port; write a number from 1 to 65535")
	}
	if spread := p.Connections.Spread; spread.Source != "" && spread.Value < 1 {
		file.Fault(file.At("connections.spread.value"), "connections.spread.value must be at least 1")
	}
}

// required tells whether each profile must say what stands at path: all servers have routes and connections. Elsewhere what
// isn't said isn't of that server.
func required(path string) bool {
	return strings.HasPrefix(path, "route.") || strings.HasPrefix(path, "connections.")
}

// leaf is a value of a profile that has a source.
type leaf struct {
	path   string
	source sourced.Source
}

// leaves walks the profile: each value with its path, in the order of the struct.
func (p *Profile) leaves() []leaf {
	var found []leaf
	walk(reflect.ValueOf(p).Elem(), "", func(path string, source sourced.Source) {
		found = append(found, leaf{path, source})
	})
	return found
}

// walk visits the sourced values below v. What isn't there (nil) has none.
func walk(v reflect.Value, path string, visit func(path string, source sourced.Source)) {
	if value, ok := v.Interface().(interface{ From() sourced.Source }); ok {
		if v.Kind() != reflect.Pointer || !v.IsNil() {
			visit(path, value.From())
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), path, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if key := v.Type().Field(i).Tag.Get("yaml"); key != "" {
				walk(v.Field(i), strings.TrimPrefix(path+"."+key, "."), visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			walk(v.MapIndex(key), path+"."+key.String(), visit)
		}
	}
}

// Shares counts the profile's values by their source; what it doesn't say is none.
func (p *Profile) Shares() map[sourced.Source]int {
	shares := map[sourced.Source]int{}
	for _, l := range p.leaves() {
		if l.source != "" {
			shares[l.source]++
		}
	}
	return shares
}

// Assumed gives the paths of the values that nothing but memory speaks for: connections.spread.
func (p *Profile) Assumed() []string {
	var paths []string
	for _, l := range p.leaves() {
		if l.source == sourced.Memory {
			paths = append(paths, l.path)
		}
	}
	return paths
}
