//go:build !unix

package queue

import "os"

// lock does nothing where files can't be taken: whoever starts two processes on one folder has to know.
func lock(*os.File) error { return nil }

// syncFolder does nothing where folders can't be synced.
func syncFolder(string) error { return nil }
