package origin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vllmspec/vllmspec/internal/download"
)

// A Hub is where data sets lie under names: Hugging Face's, or one that answers as it does.
type Hub struct {
	Endpoint string // "": https://huggingface.co
	Token    string // of a user, for data sets that are not public; never written to any output
}

// hubPrefix begins the names of data sets on the Hub: hf:owner/name@revision/path.
const hubPrefix = "hf:"

// largestDataSet bounds what is downloaded of one data set.
const largestDataSet = 64 << 30

// A repository is a data set on the Hub, as a scenario names it.
type repository struct {
	id       string // owner/name
	revision string // a branch, a tag or a commit
	path     string // of a file or a folder in it; "": all of it
}

var (
	repositoryForm = regexp.MustCompile(`^([\w.-]+/[\w.-]+)(?:@(refs/[\w.-]+/[\w.-]+|[\w.-]+))?(?:/([^#?]+))?$`)
	commit         = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// parseRepository reads hf:owner/name@revision/path.
func parseRepository(name string) (repository, error) {
	parts := repositoryForm.FindStringSubmatch(strings.TrimPrefix(name, hubPrefix))
	if parts == nil {
		return repository{}, fmt.Errorf("%q names no data set; write hf:owner/name, hf:owner/name@revision, or hf:owner/name/ and the path of a file or folder in it", name)
	}
	of := repository{id: parts[1], revision: parts[2], path: strings.Trim(parts[3], "/")}
	if of.revision == "" {
		of.revision = "main"
	}
	return of, nil
}

// folder is where its files are kept in the cache.
func (r repository) folder() string { return "hub/" + strings.ReplaceAll(r.id, "/", "--") }

// A listing is what the Hub says of a data set at a revision.
type listing struct {
	Commit string    `json:"sha"`
	Files  []hubFile `json:"siblings"`
}

// A hubFile is one file of a data set. Those that are large have their checksum.
type hubFile struct {
	Path  string `json:"rfilename"`
	Size  int64  `json:"size"`
	Large struct {
		SHA256 string `json:"sha256"`
	} `json:"lfs"`
}

// ofHub is the files of a data set that are asked.
func (o *Origins) ofHub(name string) (Files, error) {
	of, err := parseRepository(name)
	if err != nil {
		return Files{}, err
	}
	folder, err := o.folder()
	if err != nil {
		return Files{}, err
	}
	files, err := o.fromHub(of, folder, name)
	if errors.Is(err, download.ErrClosed) && o.Hub.Token == "" {
		err = fmt.Errorf("%w; there is none of this name, or it is gated or private and needs HF_TOKEN", err)
	}
	if err != nil {
		return Files{}, fmt.Errorf("%s: %w", name, err)
	}
	return files, nil
}

func (o *Origins) fromHub(of repository, folder *download.Folder, name string) (Files, error) {
	until, cancel := o.untilInterrupted()
	defer cancel()
	get := func(want download.Request) (download.File, error) {
		want.Token = o.Hub.Token
		return folder.Get(until, want)
	}
	list, warning, err := o.list(of, get)
	if err != nil {
		return Files{}, err
	}
	chosen, err := of.choose(list)
	if err != nil {
		return Files{}, err
	}
	at := of.folder() + "/" + list.Commit
	for _, file := range chosen.of(list) {
		address := o.endpoint() + "/datasets/" + of.id + "/resolve/" + list.Commit + "/" + (&url.URL{Path: file.Path}).EscapedPath()
		if _, err := get(download.Request{URL: address, SHA256: file.Large.SHA256, Fixed: true, Into: at + "/" + file.Path}); err != nil {
			return Files{}, err
		}
	}
	here := filepath.Join(folder.Path, filepath.FromSlash(at))
	out := Files{FS: os.DirFS(here), Parts: chosen.files, Whole: chosen.whole, Name: name}
	if warning != "" {
		out.Notes = append(out.Notes, warning)
	}
	if chosen.note != "" {
		out.Notes = append(out.Notes, name+": "+chosen.note)
	}
	return o.decompressed(here, out, nil)
}

func (o *Origins) endpoint() string {
	if o.Hub.Endpoint == "" {
		return "https://huggingface.co"
	}
	return strings.TrimSuffix(o.Hub.Endpoint, "/")
}

// list asks the Hub which files there are at the revision, or takes what it said before where it cannot be asked.
func (o *Origins) list(of repository, get func(download.Request) (download.File, error)) (all listing, warning string, err error) {
	revision := url.PathEscape(of.revision)
	got, err := get(download.Request{URL: o.endpoint() + "/api/datasets/" + of.id + "/revision/" + revision + "?blobs=true", Fixed: commit.MatchString(of.revision), Into: of.folder() + "/" + revision + ".json"})
	if err != nil {
		return all, "", err
	}
	raw, err := os.ReadFile(got.Path)
	if err != nil {
		return all, "", err
	}
	if err := json.Unmarshal(raw, &all); err != nil || !commit.MatchString(all.Commit) {
		return all, "", errors.New("the Hub's list of its files is none; is the endpoint (HF_ENDPOINT) that of a Hub?")
	}
	for _, file := range all.Files {
		if !fs.ValidPath(file.Path) || strings.ContainsAny(file.Path, `\:`) {
			return all, "", fmt.Errorf("a file of it is called %q, which is no path", file.Path)
		}
	}
	return all, got.Warning, nil
}

// choose finds the files that are asked, in all of the data set or at the path.
func (r repository) choose(list listing) (choice, error) {
	var names []string
	for _, file := range list.Files {
		if r.path == "" || file.Path == r.path || strings.HasPrefix(file.Path, r.path+"/") {
			names = append(names, file.Path)
		}
	}
	if names == nil {
		return choice{}, fmt.Errorf("there is no %q in it", r.path)
	}
	chosen, err := choose(visible(names))
	if err != nil {
		return choice{}, err
	}
	sum := int64(0)
	for _, file := range chosen.of(list) {
		sum += file.Size
	}
	if sum > largestDataSet {
		return choice{}, fmt.Errorf("its files have %d GiB, and up to %d GiB are downloaded; name some of them, as hf:%s/path", sum>>30, int64(largestDataSet)>>30, r.id)
	}
	return chosen, nil
}

// of are the files of a list that were chosen.
func (c choice) of(list listing) (files []hubFile) {
	wanted := map[string]bool{}
	for _, name := range c.files {
		wanted[name] = true
	}
	for _, file := range list.Files {
		if wanted[file.Path] {
			files = append(files, file)
		}
	}
	return files
}
