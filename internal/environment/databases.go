package environment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// readPromptsDB reads where queries for prompts are run.
func (e *Environment) readPromptsDB(vars map[string]string) (err error) {
	e.PromptsDB, err = readDatabase(vars, "VLLMSPEC_PROMPTS_DB", "sqlite:data/prompts.db")
	return err
}

// readHistory reads where the history is that several machines share.
func (e *Environment) readHistory(vars map[string]string) (err error) {
	e.History, err = readDatabase(vars, "VLLMSPEC_DB", "sqlite:/mnt/team/history.db")
	if path, isFile := strings.CutPrefix(e.History, "sqlite:"); isFile {
		e.History = "sqlite:" + e.FromRoot(path)
	}
	for _, name := range branchVars() {
		if tag := name == "GITHUB_REF_NAME" && vars["GITHUB_REF_TYPE"] == "tag" || name == "CI_COMMIT_REF_NAME" && vars["CI_COMMIT_TAG"] != ""; !tag {
			e.Branch = cmp.Or(e.Branch, vars[name])
		}
	}
	return err
}

// HistoryAt is the address of the history that the variables name, as [Read] reads it; "" for none.
func HistoryAt(root string, environ []string) (string, error) {
	e := Environment{Root: root}
	vars := map[string]string{}
	for _, entry := range environ {
		if value, found := strings.CutPrefix(entry, "VLLMSPEC_DB="); found {
			vars["VLLMSPEC_DB"] = value
		}
	}
	err := e.readHistory(vars)
	return e.History, err
}

// branchVars are the variables in which CI systems say the branch, those of a pull request's own branch first.
func branchVars() []string {
	return []string{"GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME", "CHANGE_BRANCH", "BRANCH_NAME", "BUILDKITE_BRANCH"}
}

// readDatabase reads the address of a database. It may hold a password, and is not shown.
func readDatabase(vars map[string]string, name, example string) (string, error) {
	scheme, rest, _ := strings.Cut(vars[name], ":")
	if vars[name] == "" || rest != "" && slices.Contains([]string{"postgres", "postgresql", "sqlite"}, scheme) {
		return vars[name], nil
	}
	return "", fmt.Errorf("%s names no database that is read; write postgres://user@host:5432/name, or %s", name, example)
}
