package suite

import (
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/internal/environment"
)

// paths are the names of files, as people and CI systems see them.
type paths struct {
	env *environment.Environment
	top string // folder that CI systems count from; "" where it is not known
}

// newPaths are the names of files in a module.
func newPaths(env *environment.Environment) paths { return paths{env, repositoryOf(env)} }

// fromRoot is a path from the module's root, with slashes; one outside stays as it is.
func (p paths) fromRoot(path string) string {
	if rel, err := filepath.Rel(p.env.Root, path); err == nil && !strings.HasPrefix(rel, "..") {
		return filepath.ToSlash(rel)
	}
	return path
}

// inRepository is a path from the module's root as CI systems link it.
func (p paths) inRepository(path string) string {
	if p.top == "" {
		return path
	}
	rel, err := filepath.Rel(p.top, p.env.FromRoot(filepath.FromSlash(path)))
	if err != nil || !filepath.IsLocal(rel) {
		return path
	}
	return filepath.ToSlash(rel)
}

// repositoryOf is the folder that CI systems count the paths of files from: the top of the repository that the
// module is in, or else the folder that they check out to; "" where neither is known.
func repositoryOf(env *environment.Environment) string {
	out, err := exec.Command("git", "-C", env.Root, "rev-parse", "--show-prefix").Output()
	if err != nil {
		if rel, err := filepath.Rel(env.Workspace, env.Root); env.Workspace != "" && err == nil && filepath.IsLocal(rel) {
			return filepath.Clean(env.Workspace)
		}
		return ""
	}
	top := filepath.Clean(env.Root) // without its last folders, which git names: it may be reached by a link
	for range strings.Count(string(out), "/") {
		top = filepath.Dir(top)
	}
	return top
}
