// Package start begins a folder of features: a first feature, the test that runs it, and a pipeline.
package start

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/features"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/disk"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

//go:embed files
var files embed.FS

// Command writes what one begins with.
func Command() command.Command {
	return command.Command{Name: "init", Usage: "[FOLDER] [--feature NAME] [--ci github|gitlab|none]", Run: run,
		Does: "writes a first feature, its test and a pipeline",
		Example: `vllmspec init
			vllmspec init services/chat --ci gitlab
			vllmspec init --feature users # or another that comes with vllmspec`}
}

// A beginning is what is written into a folder, and for whom.
type beginning struct {
	folder string // absolute
	top    string // of the repository, where pipelines are read
	module bool   // the folder is in a Go module
	golang bool   // go is installed, or there is a module
	lesson string // the feature that comes with vllmspec; "" for the first one
	call   *command.Call
}

func run(call *command.Call) error {
	flags := call.Flags()
	pipeline := flags.String("ci", "github", "`what` runs the pipeline: github, gitlab or none")
	lesson := flags.String("feature", "", "in place of the first feature, `one` that comes with vllmspec: "+strings.Join(features.Names(), ", "))
	folders, err := flags.Read()
	if err != nil {
		return err
	}
	if len(folders) > 1 {
		return command.Mistakef("it takes one folder, not %d: vllmspec init services/chat", len(folders))
	}
	kinds := []string{"github", "gitlab", "none"}
	if near := spelling.DidYouMean(*pipeline, kinds); *pipeline != "github" && *pipeline != "gitlab" && *pipeline != "none" {
		return command.Mistakef("--ci is %q%s", *pipeline, near)
	}
	if *lesson != "" && !slices.Contains(features.Names(), *lesson) {
		return command.Mistakef("no feature %q comes with vllmspec%s", *lesson, spelling.DidYouMean(*lesson, features.Names()))
	}
	b := beginning{call: call, folder: call.Dir, lesson: *lesson}
	if len(folders) == 1 {
		b.folder = call.Path(folders[0])
	}
	if info, err := os.Stat(b.folder); err == nil && !info.IsDir() {
		return command.Mistakef("%s is a file; name a folder", b.folder)
	}
	b.top = repository(b.folder)
	_, err = os.Stat(filepath.Join(environment.Module(b.folder), "go.mod"))
	b.module = err == nil
	_, err = exec.LookPath("go")
	b.golang = b.module || err == nil
	return b.write(*pipeline)
}

// write writes what is not there yet, and says what to do next.
func (b beginning) write(pipeline string) error {
	if err := b.addFeature(); err != nil {
		return err
	}
	if b.golang {
		if err := b.add(filepath.Join(b.folder, "slo", "slo_test.go"), text("slo_test.go.txt")); err != nil {
			return err
		}
	}
	if err := b.addPipeline(pipeline); err != nil {
		return err
	}
	fmt.Fprint(b.call.Out, b.next())
	return nil
}

// addFeature writes the first feature, or the one that is asked for with what it compares with.
func (b beginning) addFeature() error {
	if b.lesson == "" {
		return b.add(filepath.Join(b.folder, "slo", "chat.feature"), text("chat.feature"))
	}
	for _, name := range append([]string{b.lesson + ".feature"}, features.Baselines(b.lesson)...) {
		raw, err := fs.ReadFile(features.Files(), name)
		if err != nil {
			return err
		}
		if err := b.add(filepath.Join(b.folder, "slo", filepath.FromSlash(name)), string(raw)); err != nil {
			return err
		}
	}
	return nil
}

// add writes a file, unless it is there.
func (b beginning) add(path, content string) error {
	system := new(disk.Disk)
	there, err := system.There(path)
	if err != nil {
		return err
	}
	word := "exists "
	if !there {
		word = "written"
		if err := system.MakeAll(filepath.Dir(path)); err != nil {
			return err
		}
		if err := system.Replace(path, []byte(content)); err != nil {
			return err
		}
	}
	fmt.Fprintf(b.call.Out, "%s  %s\n", word, b.shown(path))
	return nil
}

// addPipeline writes the pipeline to where the CI system looks for it.
func (b beginning) addPipeline(kind string) error {
	rel, err := filepath.Rel(b.top, b.folder)
	if err != nil {
		return err
	}
	content := strings.NewReplacer("FOLDER/reports", filepath.ToSlash(filepath.Join(rel, "reports")), "FOLDER", filepath.ToSlash(rel), "COMMAND", b.pipelineCommand())
	switch kind {
	case "github":
		return b.add(filepath.Join(b.top, ".github", "workflows", "slo.yml"), content.Replace(text("github.yml")))
	case "gitlab":
		path := filepath.Join(b.top, ".gitlab-ci.yml")
		if _, err := os.Stat(path); err != nil {
			return b.add(path, content.Replace(text("gitlab.yml")))
		}
		if err := b.add(filepath.Join(b.top, ".gitlab", "slo.yml"), content.Replace(text("gitlab.yml"))); err != nil {
			return err
		}
		fmt.Fprintln(b.call.Out, "         add to .gitlab-ci.yml: include: [{local: .gitlab/slo.yml}]")
	}
	return nil
}

// pipelineCommand is the step of the pipeline that measures.
func (b beginning) pipelineCommand() string {
	if b.golang {
		return "go test -timeout 30m ./slo"
	}
	return "go run github.com/vllmspec/vllmspec/cmd/vllmspec@latest test slo --timeout 30m"
}

// next is what to type now.
func (b beginning) next() string {
	var lines []string
	if b.folder != b.call.Dir {
		lines = append(lines, "cd "+b.shown(b.folder))
	}
	live := "VLLM_URL=http://127.0.0.1:8000 go test -timeout 30m ./slo"
	switch {
	case b.module:
		lines = append(lines, "go get github.com/vllmspec/vllmspec", "go test -v ./slo")
	case b.golang:
		lines = append(lines, "go mod init slo", "go get github.com/vllmspec/vllmspec", "go test -v ./slo")
	default:
		lines = append(lines, b.program()+" test slo")
		live = b.program() + " test slo --url http://127.0.0.1:8000 --timeout 30m"
	}
	return "\nNow measure the mock:\n\n  " + strings.Join(lines, "\n  ") + "\n\nand then your server:\n\n  " + live +
		"\n\nResults go to reports/out: keep that folder out of git.\nvllmspec check finds mistakes in features before a load.\n"
}

// program is how this command is started here: its image is started by docker run.
func (b beginning) program() string {
	for _, entry := range b.call.Environ {
		if value, found := strings.CutPrefix(entry, "VLLMSPEC_PROGRAM="); found && value != "" {
			return value
		}
	}
	return "vllmspec"
}

// shown is a path as it counts from the working directory.
func (b beginning) shown(path string) string {
	if rel, err := filepath.Rel(b.call.Dir, path); err == nil {
		return rel
	}
	return path
}

// repository is the folder that has .git, the nearest above; the folder itself where there is none.
func repository(folder string) string {
	for dir := folder; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return folder
		}
	}
}

// text is one of the files that are written.
func text(name string) string {
	raw, err := fs.ReadFile(files, "files/"+name)
	if err != nil {
		panic(err) // it was there when this was built
	}
	return string(raw)
}
