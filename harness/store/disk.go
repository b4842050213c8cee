package store

import "github.com/vllmspec/vllmspec/internal/disk"

// A Disk is where runs are written; a nil one is the system's own. Tests of a program have
// it fail at an operation.
type Disk = disk.Disk
