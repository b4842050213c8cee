package ci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A CucumberFile is the file that godog writes of one feature; CI systems read one of all.
type CucumberFile struct {
	path  string   // as godog is to open it
	file  *os.File // which godog writes; no other program needs to find it
	named bool     // its name must be removed
}

// cucumberName begins the names of such files, where they have one.
const cucumberName = ".cucumber-"

// NewCucumberFile is in memory where the system can do that: nothing is left of it after a kill,
// and its name suits godog, which splits what it is asked for at commas.
func NewCucumberFile(folder string) (CucumberFile, error) {
	if file, path, err := inMemory("cucumber.json"); err == nil {
		return CucumberFile{path: path, file: file}, nil
	}
	if strings.Contains(folder, ",") {
		folder = os.TempDir()
	}
	if strings.Contains(folder, ",") {
		return CucumberFile{}, fmt.Errorf("%s has a comma in its name, and so has VLLMSPEC_OUT; set one of TMPDIR and VLLMSPEC_OUT to a folder without", folder)
	}
	file, err := os.CreateTemp(folder, cucumberName+"*.json")
	if err != nil {
		return CucumberFile{}, err
	}
	return CucumberFile{file.Name(), file, true}, nil
}

// Formats are what godog writes: the sentences to the output, and this file.
func (f CucumberFile) Formats() string {
	return "pretty,cucumber:" + filepath.ToSlash(f.path)
}

// Read reads what godog wrote.
func (f CucumberFile) Read(clean func(string, []byte) []byte) (features []CucumberFeature, err error) {
	_, err = f.file.Seek(0, io.SeekStart)
	var raw []byte
	if err == nil {
		raw, err = io.ReadAll(f.file)
	}
	if err == nil {
		err = json.Unmarshal(clean("cucumber.json", raw), &features)
	}
	for i := 0; err == nil && i < len(features); i++ {
		err = features[i].locateSteps()
	}
	if err != nil {
		return nil, fmt.Errorf("cucumber.json: %w", err)
	}
	return features, nil
}

// Close removes it.
func (f CucumberFile) Close() error {
	err := f.file.Close()
	if f.named {
		err = errors.Join(err, os.Remove(f.path))
	}
	return err
}
