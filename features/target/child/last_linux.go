package child

import "syscall"

// endWithUs makes the process end when the thread ends that starts it.
func endWithUs(how *syscall.SysProcAttr) { how.Pdeathsig = syscall.SIGKILL }
