package island

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// exitUnfit is the exit code of an island that can't be furnished: as of a mistake in the configuration.
const exitUnfit = 2

// Land makes this process what it is on an island. Where it is the first one there it doesn't return; elsewhere it does
// at once.
func Land() {
	if os.Getenv(stageEnv) != first {
		return
	}
	code, err := govern()
	if err != nil {
		fmt.Fprintf(os.Stderr, "the island can't be furnished: %v\n", err)
		code = exitUnfit
	}
	os.Exit(code)
}

// govern furnishes the island, runs the program and buries who dies, until the program has ended: then everything ends.
func govern() (code int, err error) {
	signals := make(chan os.Signal, 8) // those that come while it is furnished are passed on, too
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	if os.Getpid() != 1 { // somebody set the variable
		return 0, fmt.Errorf("%s=%s is for a process that Command made; unset it", stageEnv, first)
	}
	if err := deserted(); err != nil {
		return 0, err
	}
	if err := furnish(os.Getenv(groundEnv), strings.Fields(os.Getenv(hostsEnv))); err != nil {
		return 0, err
	}
	if err := serveNames("127.0.0.1:53", givenNames(os.Getenv(namesEnv))); err != nil {
		return 0, err
	}
	// The program is settled here, and its temporary files are on the ground.
	if err := errors.Join(os.Setenv(stageEnv, settled), os.Setenv("TMPDIR", filepath.Join(os.Getenv(groundEnv), "tmp"))); err != nil {
		return 0, err
	}
	program, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return 0, err
	}
	go func() {
		for s := range signals {
			_ = program.Signal(s) // who has ended needs none
		}
	}()
	return bury(program.Pid)
}

// bury waits for every process that ends here, for all whose parents are gone are the first one's children, and gives the
// exit code of pid when it has ended.
func bury(pid int) (int, error) {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for the program: %w", err)
		case ended == pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		case ended == pid && status.Exited():
			return status.ExitStatus(), nil
		}
	}
}

// furnish makes the namespaces fit to live in: a loopback interface that is up, files in memory, names of its own.
func furnish(ground string, hosts []string) error {
	if err := syscall.Sethostname([]byte(Name)); err != nil {
		return fmt.Errorf("name the machine: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return err
	}
	mount := func(what, where, kind string, flags uintptr, options string) error {
		if err := syscall.Mount(what, where, kind, flags, options); err != nil {
			return fmt.Errorf("mount %s at %s: %w", what, where, err)
		}
		return nil
	}
	err := errors.Join(
		mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""), // nothing of what follows gets out
		mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""),
		mount("ground", ground, "tmpfs", 0, "mode=755"),
	)
	if err != nil {
		return err
	}
	tmp := filepath.Join(ground, "tmp")
	if err := errors.Join(os.Mkdir(tmp, 0o755), os.Chmod(tmp, 0o777|os.ModeSticky)); err != nil {
		return err
	}
	names := strings.Join(append([]string{"localhost"}, hosts...), " ")
	for file, text := range map[string]string{
		"hosts":       fmt.Sprintf("127.0.0.1 %s\n::1 localhost\n127.0.0.1 %s relay\n", names, Name),
		"resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
	} {
		ours, theirs := filepath.Join(ground, file), filepath.Join("/etc", file)
		if err := os.WriteFile(ours, []byte(text), 0o644); err != nil {
			return err
		}
		target, err := filepath.EvalSymlinks(theirs) // resolv.conf often is a link
		if err != nil {
			return fmt.Errorf("cover %s: %w; make an empty file there", theirs, err)
		}
		if err := mount(ours, target, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

// raiseLoopback does what ip link set lo up does.
func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, request); err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	return nil
}
