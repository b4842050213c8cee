//go:build !unix

package store

import "os"

// hold cannot tell here.
func hold(*os.File) error { return nil }
