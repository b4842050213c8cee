package bucket_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/bucket"
	"github.com/vllmspec/vllmspec/internal/bucket/buckettest"
)

func TestParse_addresses(t *testing.T) {
	for text, want := range map[string]bucket.Address{
		"s3://runs":                  {Bucket: "runs"},
		"s3://runs/":                 {Bucket: "runs"},
		"s3://my.runs-1/a/b/":        {Bucket: "my.runs-1", Prefix: "a/b"},
		"s3://runs//a/../b":          {Bucket: "runs", Prefix: "b"},
		"s3://runs/ci/run=2026-chat": {Bucket: "runs", Prefix: "ci/run=2026-chat"},
	} {
		got, err := bucket.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, says := range map[string]string{
		"gs://runs":                         "AWS_ENDPOINT_URL_S3=https://storage.googleapis.com",
		"azblob://runs":                     "cannot ask Azure's blob storage",
		"ftp://runs":                        "a bucket is written s3://bucket/prefix",
		"s3://":                             "is no name of a bucket",
		"s3://Runs":                         `"Runs" is no name of a bucket`,
		"s3://me:topsecret@runs":            "it holds credentials",
		"s3://runs?region=topsecret":        "nothing may follow the prefix",
		"s3://runs/%zz":                     "it cannot be read",
		"s3://" + strings.Repeat("a", 64):   "is no name of a bucket",
		"https://runs.s3.amazonaws.com/one": "a bucket is written s3://bucket/prefix",
	} {
		_, err := bucket.Parse(text)
		if assert.ErrorContains(t, err, says, text) {
			assert.NotContains(t, err.Error(), "topsecret")
		}
	}
	in, run := bucket.Address{Bucket: "runs", Prefix: "ci/run=2026-chat"}.Run()
	assert.Equal(t, bucket.Address{Bucket: "runs", Prefix: "ci"}, in)
	assert.Equal(t, "run=2026-chat", run)
	_, none := in.Run()
	assert.Empty(t, none)
}

func TestOpen_saysWhatIsMissing(t *testing.T) {
	at := bucket.Address{Bucket: "runs"}
	for says, s := range map[string]bucket.Settings{
		"belong together":      {Key: "one"},
		"is no address of":     {Key: "one", Secret: "two", Endpoint: "localhost:9000"},
		"without a bucket":     {Key: "one", Secret: "two", Endpoint: "https://localhost:9000/runs"},
		"are no credentials: ": {NoMetadata: true},
	} {
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
		_, err := bucket.Open(at, s)
		assert.ErrorContains(t, err, says)
	}
}

// stored is a run with these files, in a folder of runs.
func stored(t *testing.T, run string, files map[string]string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), run)
	require.NoError(t, os.Mkdir(dir, 0o755))
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func opened(t *testing.T, address string, s bucket.Settings) *bucket.Bucket {
	t.Helper()
	at, err := bucket.Parse(address)
	require.NoError(t, err)
	b, err := bucket.Open(at, s)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

var files = map[string]string{"run.json": `{"run": 1}`, "requests.parquet": strings.Repeat("PAR1", 1<<20), "report.html": "<html>", "empty.txt": "", ".hidden": "x", "lock": ""}

const run = "run=20261201T100000Z-chat"

func TestBucket_keepsRunsOfARealStore(t *testing.T) {
	store, ctx := buckettest.Start(t), t.Context()
	b := opened(t, "s3://runs/team/ci", store.Settings)
	require.NoError(t, b.Check(ctx))
	none, err := b.Runs(ctx)
	require.NoError(t, err)
	assert.Empty(t, none)

	dir := stored(t, run, files)
	sent, err := b.Send(ctx, dir)
	require.NoError(t, err)
	assert.Equal(t, 4, sent, "neither what is hidden nor the lock")
	again, err := b.Send(ctx, dir)
	require.NoError(t, err)
	assert.Zero(t, again, "what is there does not go again")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "report.html"), []byte("<html>drawn again"), 0o600))
	again, err = b.Send(ctx, dir)
	require.NoError(t, err)
	assert.Equal(t, 1, again)

	runs, err := b.Runs(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{run}, runs)
	into := t.TempDir()
	got, err := b.Fetch(ctx, run, into)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(into, run), got)
	for name, want := range map[string]string{"run.json": files["run.json"], "requests.parquet": files["requests.parquet"], "report.html": "<html>drawn again", "empty.txt": ""} {
		raw, err := os.ReadFile(filepath.Join(got, name))
		require.NoError(t, err)
		assert.Equal(t, want, string(raw), name)
	}
	_, err = b.Fetch(ctx, run, into)
	assert.NoError(t, err, "it is there, and not downloaded again")

	_, err = b.Send(ctx, stored(t, run, map[string]string{"run.json": `{"run": 2}`}))
	assert.ErrorContains(t, err, "the bucket holds another run of this name")
	other := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(other, run), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(other, run, "run.json"), []byte("{}"), 0o600))
	_, err = b.Fetch(ctx, run, other)
	assert.ErrorContains(t, err, "another run of this name is there")
	_, err = b.Fetch(ctx, "run=none", into)
	assert.ErrorContains(t, err, "run=none: it is not there")
	_, err = b.Fetch(ctx, "../x", into)
	assert.ErrorContains(t, err, "is no name of a run")
}

func TestBucket_aBrokenUploadLooksLikeNoRun(t *testing.T) {
	store, ctx := buckettest.Start(t), t.Context()
	b := opened(t, "s3://runs", store.Settings)
	dir := stored(t, run, files)
	_, err := b.Send(ctx, dir)
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(store.Folder, "runs", run, "run.json")), "the manifest goes last: this is an upload that was cut off")
	_, err = b.Fetch(ctx, run, t.TempDir())
	assert.ErrorContains(t, err, "is not whole: its upload goes on, or was cut off")
	sent, err := b.Send(ctx, dir)
	require.NoError(t, err)
	assert.Equal(t, 1, sent, "the rest goes")
	require.NoError(t, os.WriteFile(filepath.Join(store.Folder, "runs", run, "requests.parquet"), []byte("damaged"), 0o600))
	into := t.TempDir()
	_, err = b.Fetch(ctx, run, into)
	assert.Error(t, err, "what was damaged in the store is not taken for the run")
	left, _ := os.ReadDir(into)
	assert.Empty(t, left)
}

func TestBucket_saysWhyItIsRefused(t *testing.T) {
	store, ctx := buckettest.Start(t), t.Context()
	dir := stored(t, run, files)
	for says, s := range map[string]bucket.Settings{
		"the secret does not belong to the access key": {Endpoint: store.Endpoint, Region: store.Region, Key: store.Key, Secret: "another-secret"},
		"No user exists with the provided access key":  {Endpoint: store.Endpoint, Region: store.Region, Key: "stranger", Secret: store.Secret},
	} {
		b := opened(t, "s3://runs", s)
		assert.ErrorContains(t, b.Check(ctx), says, says)
		_, err := b.Send(ctx, dir)
		if assert.Error(t, err) {
			assert.NotContains(t, err.Error(), s.Secret)
		}
	}
	gone := opened(t, "s3://nowhere", store.Settings)
	assert.ErrorContains(t, gone.Check(ctx), "there is no bucket nowhere")
	_, err := gone.Send(ctx, dir)
	assert.ErrorContains(t, err, "there is no bucket nowhere")
	away := store.Settings
	away.Endpoint = "http://127.0.0.1:1"
	b := opened(t, "s3://runs", away)
	assert.NoError(t, b.Check(ctx), "it may be back when the run is over")
	_, err = b.Send(ctx, dir)
	assert.True(t, bucket.IsAway(err), "%v", err)
	_, err = opened(t, "s3://runs", store.Settings).Send(ctx, filepath.Join(t.TempDir(), run))
	assert.Error(t, err)
	assert.False(t, bucket.IsAway(err), "what is wrong here keeps no other run from going")
}

// everyThird is the address of a proxy that breaks every third connection to a host, after some bytes of it.
func everyThird(t *testing.T, host string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	var n atomic.Int32
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go pass(from, host, n.Add(1)%3 == 0)
		}
	}()
	return "http://" + listener.Addr().String()
}

// pass passes bytes on in both directions, or breaks after some.
func pass(from net.Conn, host string, breaks bool) {
	defer from.Close()
	to, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		defer from.Close()
		_, _ = io.Copy(from, to)
	}()
	buffer := make([]byte, 32<<10)
	for passed := 0; !breaks || passed < 100<<10; {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		passed += n
		if _, err := to.Write(buffer[:n]); err != nil || breaks && n < len(buffer) {
			return
		}
	}
}

func TestBucket_aNetworkThatBreaksLosesNothing(t *testing.T) {
	store, ctx := buckettest.Start(t), context.Background()
	broken := store.Settings
	broken.Endpoint = everyThird(t, strings.TrimPrefix(store.Endpoint, "http://"))
	b := opened(t, "s3://runs", broken)
	names := map[string]string{"run.json": "{}"}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		names[name+".parquet"] = strings.Repeat(name, 500_000)
	}
	dir := stored(t, run, names)
	_, err := b.Send(ctx, dir)
	require.NoError(t, err)
	for name, text := range names {
		raw, err := os.ReadFile(filepath.Join(store.Folder, "runs", run, name))
		require.NoError(t, err)
		assert.Equal(t, text, string(raw), name)
	}
}

func TestOwed_runsOfAKilledProcessAreSentToo(t *testing.T) {
	folder := t.TempDir()
	for _, run := range []string{"run=20261201T090000Z-old", "run=20261201T100000Z-killed", "run=20261201T110000Z-group", "run=20261201T110000Z-group-1"} {
		require.NoError(t, os.Mkdir(filepath.Join(folder, run), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "run=20261201T110000Z-group", "trials.json"), nil, 0o600))
	at := func(hour int) time.Time { return time.Date(2026, 12, 1, hour, 0, 0, 0, time.UTC) }
	one, other := bucket.Owed{Folder: folder, To: bucket.Address{Bucket: "one"}}, bucket.Owed{Folder: folder, To: bucket.Address{Bucket: "two"}}
	require.NoError(t, one.Begin(at(10)))
	require.NoError(t, one.Begin(at(11)), "the process of ten o'clock was killed")
	require.NoError(t, other.Begin(at(12)))
	runs, err := one.Runs(one.Since())
	require.NoError(t, err)
	assert.Equal(t, bucket.Runs{"run=20261201T100000Z-killed", "run=20261201T110000Z-group-1", "run=20261201T110000Z-group"}, runs, "a group goes after its runs")
	require.NoError(t, one.Settle("20261201T110000Z"), "by one that saw the later ones only")
	assert.Equal(t, "20261201T100000Z", one.Since())
	require.NoError(t, one.Settle(one.Since()))
	assert.Empty(t, one.Since())
	assert.Equal(t, "20261201T120000Z", other.Since())
	none, err := one.Runs(one.Since())
	require.NoError(t, err)
	assert.Empty(t, none)
}
