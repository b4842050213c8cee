//go:build !unix

package store

func kernel() string { return "" }
