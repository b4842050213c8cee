package vllmspec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const kubernetes = "deploy/kubernetes/"

// An object is a manifest, or a part of one.
type object = map[string]any

// objectsOf are the documents of a YAML file.
func objectsOf(t *testing.T, text []byte) (all []object) {
	t.Helper()
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var one object
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, one)
	}
}

// at is what lies in an object under these names; nil where there is nothing.
func at(value any, names ...string) any {
	for _, name := range names {
		if list, ok := value.([]any); ok && len(list) > 0 {
			value = list[0]
		}
		of, ok := value.(object)
		if !ok {
			return nil
		}
		value = of[name]
	}
	return value
}

// rendered are the manifests that a folder of deploy/kubernetes makes.
func rendered(t *testing.T, folder string) []object {
	t.Helper()
	tool := []string{"kustomize", "build"}
	if _, err := exec.LookPath(tool[0]); err != nil {
		if tool = []string{"kubectl", "kustomize"}; exec.Command("kubectl", "kustomize", "--help").Run() != nil {
			t.Skip("it needs kustomize: go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1")
		}
	}
	c := exec.Command(tool[0], tool[1], kubernetes+folder)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	require.NoError(t, err, "%s", &complaints)
	return objectsOf(t, out)
}

// podsOf are the specs of the pods that manifests make, by the kind of what makes them.
func podsOf(manifests []object) map[string]object {
	pods := map[string]object{}
	for _, m := range manifests {
		for _, path := range [][]string{{"spec"}, {"spec", "jobTemplate", "spec"}, {"spec", "metrics", "provider", "job", "spec"}} {
			if pod, ok := at(m, append(path, "template", "spec")...).(object); ok {
				pods[m["kind"].(string)] = pod
			}
		}
	}
	return pods
}

// deployments are the folders that are for users, and what makes pods in each.
func deployments() map[string][]string {
	return map[string][]string{"base": {"Job"}, "overlays/nightly": {"CronJob"}, "overlays/gate": {"AnalysisTemplate"}, "overlays/hook": {"Job"}, "overlays/rehearsal": {"Deployment", "Job"}}
}

// TestKubernetes_manifestsAreValid holds manifests to the schemas of the API of three versions. That of a rollout's
// analysis is none of Kubernetes' own: the Job in it is held to them.
func TestKubernetes_manifestsAreValid(t *testing.T) {
	if _, err := exec.LookPath("kubernetes-validate"); err != nil {
		t.Skip("it needs kubernetes-validate: pip install kubernetes-validate")
	}
	valid := func(manifests ...object) ([]byte, error) {
		path := filepath.Join(t.TempDir(), "manifests.yaml")
		var text bytes.Buffer
		encoder := yaml.NewEncoder(&text)
		for _, m := range manifests {
			if m["kind"] == "AnalysisTemplate" {
				m = object{"apiVersion": "batch/v1", "kind": "Job", "metadata": object{"name": "job"}, "spec": at(m, "spec", "metrics", "provider", "job", "spec")}
			}
			require.NoError(t, encoder.Encode(m))
		}
		require.NoError(t, os.WriteFile(path, text.Bytes(), 0o644))
		var all []byte
		for _, version := range []string{"1.33.0", "1.35.0", "1.37.0"} {
			out, err := exec.Command("kubernetes-validate", "-k", version, "--strict", "--quiet", path).CombinedOutput()
			if all = append(all, out...); err != nil {
				return all, err
			}
		}
		return all, nil
	}
	for folder := range deployments() {
		out, err := valid(rendered(t, folder)...)
		assert.NoError(t, err, "%s: %s", folder, out)
		assert.Empty(t, string(out), folder)
	}
	_, err := valid(object{"apiVersion": "batch/v1", "kind": "Job", "metadata": object{"name": "job"}, "spec": object{"backoffLimits": 0}})
	assert.Error(t, err, "a slip is found")
}

// TestKubernetes_podsAreRestricted holds each pod to Kubernetes' strictest standard for pods, and to what a load generator
// needs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
func TestKubernetes_podsAreRestricted(t *testing.T) {
	for folder, kinds := range deployments() {
		manifests := rendered(t, folder)
		pods := podsOf(manifests)
		require.Len(t, pods, len(kinds), folder)
		for _, kind := range kinds {
			pod := pods[kind]
			require.NotNil(t, pod, "%s has no %s", folder, kind)
			assert.Equal(t, true, at(pod, "securityContext", "runAsNonRoot"), folder)
			assert.Equal(t, 65532, at(pod, "securityContext", "runAsUser"), "the user of the image")
			assert.Equal(t, "RuntimeDefault", at(pod, "securityContext", "seccompProfile", "type"), folder)
			assert.Equal(t, false, pod["automountServiceAccountToken"], folder)
			assert.Equal(t, false, pod["enableServiceLinks"], "a Service called vllmspec would set VLLMSPEC_ variables")
			assert.Equal(t, true, at(pod, "containers", "securityContext", "readOnlyRootFilesystem"), folder)
			assert.Equal(t, false, at(pod, "containers", "securityContext", "allowPrivilegeEscalation"), folder)
			assert.Equal(t, []any{"ALL"}, at(pod, "containers", "securityContext", "capabilities", "drop"), folder)
			resources := at(pod, "containers", "resources").(object)
			assert.Equal(t, resources["requests"], resources["limits"], "%s: the pod is not Guaranteed", folder)
		}
		for _, m := range manifests {
			if m["kind"] == "ConfigMap" && at(m, "data", "VLLM_URL") != nil {
				for name := range m["data"].(object) {
					assert.Contains(t, readFile(t, "internal/environment/variables.go"), `"`+name+`"`, folder)
				}
				assert.Equal(t, folder != "overlays/rehearsal", at(m, "data", "VLLMSPEC_TARGET") == "live", "only a rehearsal measures a mock")
			}
		}
	}
}

// TestKubernetes_aMissIsNotRepeated holds what makes a Job a gate.
func TestKubernetes_aMissIsNotRepeated(t *testing.T) {
	job := objectsOf(t, []byte(readFile(t, kubernetes+"base/job.yaml")))[0]
	assert.Equal(t, 0, at(job, "spec", "backoffLimit"))
	assert.Equal(t, "Never", at(job, "spec", "template", "spec", "restartPolicy"))
	assert.NotNil(t, at(job, "spec", "activeDeadlineSeconds"))
	for _, m := range rendered(t, "overlays/nightly") {
		if m["kind"] == "CronJob" {
			assert.Equal(t, at(job, "spec"), at(m, "spec", "jobTemplate", "spec"), "it is the Job's")
			assert.Equal(t, "Forbid", at(m, "spec", "concurrencyPolicy"))
		}
	}
}

// TestDeploy_commandsAndFeaturesExist runs check on the feature that is deployed, and looks for the flags that containers get.
func TestDeploy_commandsAndFeaturesExist(t *testing.T) {
	program := theProgram(t)
	c := exec.Command(program, "check", kubernetes+"base/slo")
	c.Env = append(os.Environ(), "VLLMSPEC_OUT="+t.TempDir())
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)

	job := objectsOf(t, []byte(readFile(t, kubernetes+"base/job.yaml")))[0]
	composed := objectsOf(t, []byte(readFile(t, "deploy/compose/compose.yaml")))[0]
	variables := at(composed, "services", "slo", "environment").(object)
	require.Contains(t, variables, "VLLM_URL")
	for name := range variables {
		assert.True(t, strings.HasPrefix(name, "AWS_") || strings.Contains(readFile(t, "internal/environment/variables.go"), `"`+name+`"`), name)
	}
	for from, args := range map[string]any{"job.yaml": at(job, "spec", "template", "spec", "containers", "args"), "compose.yaml": at(composed, "services", "slo", "command")} {
		var words []string
		for _, word := range args.([]any) {
			words = append(words, word.(string))
		}
		require.Equal(t, "test", words[0], from)
		subcommandExists(t, program, command{from: from, words: words}, words)
	}
}

// TestDeploy_jobsOfCloudsHaveOurVariables reads the files for platforms that are no Kubernetes: each gives variables that exist,
// and tries nothing again.
func TestDeploy_jobsOfCloudsHaveOurVariables(t *testing.T) {
	files, err := filepath.Glob("deploy/clouds/*")
	require.NoError(t, err)
	require.Len(t, files, 4)
	variables := regexp.MustCompile(`name"?: "?((?:VLLM|AWS)[A-Z_]*)`)
	for _, file := range files {
		text, of := readFile(t, file), object{}
		if filepath.Ext(file) == ".json" {
			require.NoError(t, json.Unmarshal([]byte(text), &of), file)
		} else {
			require.NoError(t, yaml.Unmarshal([]byte(text), &of), file)
		}
		found := variables.FindAllStringSubmatch(text, -1)
		assert.Equal(t, strings.Contains(file, "policy"), found == nil, file)
		for _, variable := range found {
			assert.Contains(t, readFile(t, "internal/environment/variables.go"), `"`+variable[1]+`"`, file)
		}
		if retries := regexp.MustCompile(`(?:maxRetries|replicaRetryLimit): (.)`).FindStringSubmatch(text); strings.HasSuffix(file, ".yaml") {
			require.NotNil(t, retries, file)
			assert.Equal(t, "0", retries[1], "%s: a miss is not repeated", file)
		}
	}
}

// TestDocuments_blocksAreWellFormed parses what documents show as YAML and as JSON, but for fields without their object.
func TestDocuments_blocksAreWellFormed(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```(yaml|json)\n([^\"].*?)^```$")
	parsed := 0
	for _, page := range pages(t) {
		for _, found := range block.FindAllStringSubmatch(readFile(t, page), -1) {
			var any any
			if found[1] == "json" {
				assert.NoError(t, json.Unmarshal([]byte(found[2]), &any), "%s: %s", page, found[2])
			} else {
				assert.NoError(t, yaml.Unmarshal([]byte(found[2]), &any), "%s: %s", page, found[2])
			}
			parsed++
		}
	}
	assert.Greater(t, parsed, 8)
	assert.True(t, slices.Contains(pages(t), "docs/cloud-deployment.md"))
}
