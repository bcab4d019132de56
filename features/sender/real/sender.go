package real

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relayspec/relayspec/features/sender"
	"github.com/relayspec/relayspec/features/target"
	"github.com/relayspec/relayspec/features/target/child"
)

// answerWithin bounds a driver's answer, and startWithin how long a server may take until it takes mail.
const (
	answerWithin = 30 * time.Second
	startWithin  = 60 * time.Second
)

// Sender is a real server behind its driver. One scenario at a time uses it, for its addresses are fixed.
type Sender struct {
	profile *Profile
	version string
}

var (
	_ sender.Sender     = (*Sender)(nil)
	_ sender.Configured = (*Sender)(nil)
	_ sender.Placed     = (*Sender)(nil)
)

// Open asks the profile's driver what version its server is.
func Open(ctx context.Context, p *Profile) (*Sender, error) {
	version, err := p.ask(ctx, nil, "version")
	if err != nil {
		return nil, err
	}
	return &Sender{p, strings.TrimSpace(version)}, nil
}

// ask runs the driver once, for what needs no server.
func (p *Profile) ask(ctx context.Context, env []string, args ...string) (string, error) {
	command := append(p.command(), args...)
	answer, err := child.Ask(ctx, child.Question{Command: command, Env: env, Dir: p.dir, Within: answerWithin})
	if err == nil && answer.Code != 0 {
		err = fmt.Errorf("exit status %d%s", answer.Code, answer.Tail)
	}
	if err != nil {
		return "", fmt.Errorf("%s: the driver, called with %s: %w", p.Name, args[0], err)
	}
	return string(answer.Output), nil
}

// command is the driver, found from the profile's folder.
func (p *Profile) command() []string {
	command := slices.Clone(p.Command)
	if strings.ContainsRune(command[0], filepath.Separator) && !filepath.IsAbs(command[0]) {
		command[0] = filepath.Join(p.dir, command[0])
	}
	return command
}

// Describe is part of sender.Sender.
func (s *Sender) Describe() sender.Description {
	d := sender.Description{
		Name: s.profile.Name, Profile: s.profile.Profile, Version: s.version, Driver: "real",
		Capabilities: sender.Assumable(), Lacks: map[target.Capability]string{},
	}
	for _, c := range s.profile.Capabilities {
		d.Capabilities = append(d.Capabilities, target.Capability(c))
	}
	if s.profile.Scale > 0 {
		d.Capabilities = append(d.Capabilities, sender.CanClock)
	}
	return d
}

// Places is part of sender.Placed: the relay's documented ports.
func (s *Sender) Places() map[int]string {
	places := map[int]string{}
	for _, port := range []int{25, 465, 587} {
		places[port] = fmt.Sprintf("%s:%d", s.profile.Relay, port)
	}
	return places
}

// Configuration is part of sender.Configured.
func (s *Sender) Configuration(ctx context.Context, setup sender.Setup, folder string) (files []string, err error) {
	if _, err := s.profile.ask(ctx, s.profile.environment(setup, ""), "configure", folder); err != nil {
		return nil, err
	}
	for _, name := range s.profile.Files {
		file := filepath.Join(folder, name)
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: the driver wrote none of %s", s.profile.Name, strings.Join(s.profile.Files, ", "))
	}
	return files, nil
}

// environment tells the driver what it is to set up; root is a file of certificates.
func (p *Profile) environment(s sender.Setup, root string) []string {
	port, encrypts, final, scale := "", "", "", 1
	if s.FinalWait > 0 {
		final = strconv.Itoa(max(1, int(s.FinalWait.Seconds())))
	}
	if s.TLS {
		port, encrypts = "587", "required"
	}
	if s.Port != 0 {
		port = strconv.Itoa(s.Port)
	}
	if s.Clock && p.Scale > 0 {
		scale = p.Scale
	}
	return []string{
		"HOST=" + s.Host, "RELAY=" + s.RelayHost, "PORT=" + port, "TLS=" + encrypts, "ROOT=" + root,
		"LOGIN=" + s.User, "PASSWORD=" + s.Password, "LISTEN=" + p.Listen, fmt.Sprintf("SCALE=%d", scale), "FINAL=" + final,
	}
}

// Start is part of sender.Sender.
func (s *Sender) Start(ctx context.Context, setup sender.Setup) (sender.Server, error) {
	server := newServer(s.profile)
	if setup.Clock && s.profile.Scale > 0 {
		server.scale = s.profile.Scale
	}
	var err error
	if server.folder, err = os.MkdirTemp("", "sender-"); err != nil {
		return nil, err
	}
	root := ""
	if len(setup.RootPEM) > 0 {
		root = filepath.Join(server.folder, "root.pem")
		err = os.WriteFile(root, bytes.TrimLeft(setup.RootPEM, "\n"), 0o644)
	}
	if err == nil {
		err = server.start(ctx, s.profile.environment(setup, root))
	}
	if err != nil {
		return nil, errors.Join(err, server.Stop(context.WithoutCancel(ctx)))
	}
	return server, nil
}
