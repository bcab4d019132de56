//go:build unix

package queue

import (
	"os"
	"syscall"
)

// lock takes a file for this process until it is closed.
func lock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// syncFolder has the names of its files on the disk when it returns.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
