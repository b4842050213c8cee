package pullrequest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A forge keeps the comments of one request, as GitHub and GitLab do.
type forge struct {
	bodies  []string
	methods []string
	token   string // of the last request
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.token = r.Header.Get("Authorization") + r.Header.Get("Private-Token")
	f.methods = append(f.methods, r.Method)
	var sent struct{ Body string }
	json.NewDecoder(r.Body).Decode(&sent)
	switch r.Method {
	case http.MethodGet:
		f.list(w, r)
	case http.MethodPost:
		f.bodies = append(f.bodies, sent.Body)
		w.WriteHeader(http.StatusCreated)
	default:
		var id int
		fmt.Sscanf(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "%d", &id)
		f.bodies[id-1] = sent.Body
	}
}

func (f *forge) list(w http.ResponseWriter, r *http.Request) {
	var page, each int
	fmt.Sscanf(r.URL.Query().Get("page"), "%d", &page)
	fmt.Sscanf(r.URL.Query().Get("per_page"), "%d", &each)
	all := []map[string]any{}
	for i := (page - 1) * each; i < min(len(f.bodies), page*each); i++ {
		all = append(all, map[string]any{"id": i + 1, "body": f.bodies[i]})
	}
	json.NewEncoder(w).Encode(all)
}

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestRequest_writesOneCommentAndReplacesIt(t *testing.T) {
	for _, c := range []struct {
		name, change, token string
		variables           func(url string) map[string]string
	}{
		{"GitHub", http.MethodPatch, "Bearer secret", func(url string) map[string]string {
			return map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_API_URL": url, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "secret", "GITHUB_JOB": "slo"}
		}},
		{"GitLab", http.MethodPut, "secret", func(url string) map[string]string {
			return map[string]string{"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "7", "CI_API_V4_URL": url, "CI_PROJECT_ID": "12", "GITLAB_TOKEN": "secret", "CI_JOB_NAME": "slo"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &forge{bodies: make([]string, 150)}
			server := httptest.NewServer(f)
			defer server.Close()
			r, err := Find(environment(c.variables(server.URL)), "")
			require.NoError(t, err)
			require.NoError(t, r.Write(t.Context(), "first"))
			require.NoError(t, r.Write(t.Context(), "second"))
			require.Len(t, f.bodies, 151, "one comment, however often it is written")
			assert.Equal(t, "<!-- vllmspec: slo -->\nsecond", f.bodies[150])
			assert.Equal(t, []string{"GET", "GET", "POST", "GET", "GET", c.change}, f.methods)
			assert.Equal(t, c.token, f.token)
		})
	}
}

func TestRequest_leavesTheCommentOfAnotherJob(t *testing.T) {
	f := &forge{bodies: []string{"<!-- vllmspec: other -->\ntheirs"}}
	server := httptest.NewServer(f)
	defer server.Close()
	r, err := Find(environment(map[string]string{"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "7", "CI_API_V4_URL": server.URL, "CI_PROJECT_ID": "12", "GITLAB_TOKEN": "t", "CI_JOB_NAME": "slo"}), "")
	require.NoError(t, err)
	require.NoError(t, r.Write(t.Context(), "ours"))
	assert.Equal(t, []string{"<!-- vllmspec: other -->\ntheirs", "<!-- vllmspec: slo -->\nours"}, f.bodies)
}

func TestRequest_tellsWorkflowsAndLegsApart(t *testing.T) {
	variables := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_API_URL": "http://x", "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "t", "GITHUB_JOB": "slo"}
	for mark, of := range map[string][2]string{
		"<!-- vllmspec: slo -->":            {"", ""},
		"<!-- vllmspec: Nightly / slo -->":  {"Nightly", ""},
		"<!-- vllmspec: Nightly / h100 -->": {"Nightly", "h100"},
	} {
		variables["GITHUB_WORKFLOW"] = of[0]
		r, err := Find(environment(variables), of[1])
		require.NoError(t, err)
		assert.Equal(t, mark, r.mark())
	}
	r, err := Find(environment(map[string]string{"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "7", "CI_API_V4_URL": "http://x", "CI_PROJECT_ID": "12", "GITLAB_TOKEN": "t", "CI_JOB_NAME": "slo"}), "h100")
	require.NoError(t, err)
	assert.Equal(t, "<!-- vllmspec: h100 -->", r.mark())
}

func TestFind_saysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		variables map[string]string
		none      bool
		says      string
	}{
		{map[string]string{}, true, "neither GITHUB_ACTIONS nor GITLAB_CI is set"},
		{map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main"}, true, `GITHUB_REF is "refs/heads/main"`},
		{map[string]string{"GITLAB_CI": "true"}, true, "CI_MERGE_REQUEST_IID is not set"},
		{map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_API_URL": "http://x", "GITHUB_REPOSITORY": "o/r"}, false, "GITHUB_TOKEN is not set"},
		{map[string]string{"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "7", "CI_API_V4_URL": "http://x", "CI_PROJECT_ID": "1"}, false, "GITLAB_TOKEN is not set"},
	} {
		_, err := Find(environment(c.variables), "")
		require.ErrorContains(t, err, c.says)
		assert.Equal(t, c.none, strings.Contains(err.Error(), ErrNone.Error()), err)
	}
}

func TestRequest_saysWhyACommentWasRefusedAndKeepsTheToken(t *testing.T) {
	away := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { away++ }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/o/moved/") {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			return
		}
		http.Error(w, `{"message":"Resource not accessible by integration"}`, http.StatusForbidden)
	}))
	defer server.Close()
	for repository, says := range map[string]string{"o/r": "answered 403 Forbidden: {\"message\":\"Resource not accessible by integration\"}; on GitHub the job needs `permissions: pull-requests: write`", "o/moved": "answered 307"} {
		r, err := Find(environment(map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_API_URL": server.URL, "GITHUB_REPOSITORY": repository, "GITHUB_TOKEN": "do-not-show"}), "")
		require.NoError(t, err)
		err = r.Write(t.Context(), "x")
		require.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), "do-not-show")
	}
	assert.Zero(t, away, "a redirect was followed, and would take the token along")
}

func TestFit_cutsAfterALine(t *testing.T) {
	long := strings.Repeat("| a row of a table |\n", 5_000)
	short := fit(long)
	assert.LessOrEqual(t, len(short), most)
	before, _, found := strings.Cut(short, "\n\nThe rest is in summary.md")
	require.True(t, found)
	assert.True(t, strings.HasSuffix(before, "| a row of a table |\n"), "%q", before[len(before)-30:])
	assert.Equal(t, "short", fit("short"))
}
