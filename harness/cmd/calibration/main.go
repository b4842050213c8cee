package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	runs, _ := strconv.Atoi(os.Args[1])
	n, _ := strconv.Atoi(os.Args[2])
	if err := coverage(os.Stdout, runs, n); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
