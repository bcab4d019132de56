package sender

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/yamlfile"
)

// The documented recipe of each server, in the files that its administrators have.
//
//go:embed configurations
var configurations embed.FS

// configurationFiles is what a server is configured with.
type configurationFiles struct {
	Files []string `yaml:"files"` // or folders, in the server's own
	// Lacks says what the server can't be set up to, by capability, and why.
	Lacks map[string]string `yaml:"lacks"`
}

// configurationsOf reads the list of all of them.
func configurationsOf() (map[string]configurationFiles, error) {
	const name = "configurations/configurations.yaml"
	data, err := configurations.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var list struct {
		Servers map[string]configurationFiles `yaml:"servers"`
	}
	read, _ := yamlfile.Read("features/sender/"+name, data, yamlfile.Form{What: "a list of configurations", Empty: "write servers:"}, &list)
	if faults := read.Faults(); len(faults) > 0 {
		return nil, faults
	}
	return list.Servers, nil
}

// configurationOf gives that of the server that a profile is of; the zero value: it has none.
func configurationOf(profile string) (configurationFiles, error) {
	all, err := configurationsOf()
	return all[profile], err
}

// lacking gives c's Lacks; a server without files can't show its configuration.
func (c configurationFiles) lacking() map[target.Capability]string {
	lacks := map[target.Capability]string{}
	for capability, why := range c.Lacks {
		lacks[target.Capability(capability)] = why
	}
	if len(c.Files) == 0 {
		lacks[CanConfigure] = "no documented configuration is known of this server"
	}
	return lacks
}

// Configuration is part of Configured.
func (f *fake) Configuration(_ context.Context, s Setup, folder string) ([]string, error) {
	var files []string
	for _, name := range f.files.Files {
		files = append(files, filepath.Join(folder, name))
	}
	root := path.Join("configurations", f.description.Profile)
	err := fs.WalkDir(configurations, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(folder, filepath.FromSlash(strings.TrimPrefix(name, root)))
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		return fill(name, to, s)
	})
	return files, err
}

// fill writes a configuration file for a set-up.
func fill(name, to string, s Setup) error {
	data, err := configurations.ReadFile(name)
	if err != nil {
		return err
	}
	form, err := template.New(name).Parse(string(data))
	if err != nil {
		return fmt.Errorf("the configuration isn't well formed: %w", err)
	}
	var text strings.Builder
	if err := form.Execute(&text, s); err != nil {
		return fmt.Errorf("fill in the configuration: %w", err)
	}
	return os.WriteFile(to, []byte(text.String()), 0o644)
}
