package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// manifest is the file that a run is whole with.
const manifest = "run.json"

// digest is the name, among those that a store keeps with an object, of its SHA-256.
const digest = "Sha256"

// Send sends a stored run, and reports how many files went: those that the bucket has already do not go again. The manifest
// goes last. A run of another machine that has the same name is not overwritten.
func (b *Bucket) Send(ctx context.Context, dir string) (sent int, err error) {
	run := filepath.Base(dir)
	files, err := filesOf(dir)
	if err != nil {
		return 0, err
	}
	if err := b.ours(ctx, run, filepath.Join(dir, manifest)); err != nil {
		return 0, fmt.Errorf("%s: %w", run, err)
	}
	for _, name := range files {
		went, err := b.sendFile(ctx, filepath.Join(dir, name), b.key(run, name))
		if err != nil {
			return sent, fmt.Errorf("%s/%s: %w", run, name, b.said(err))
		}
		if went {
			sent++
		}
	}
	return sent, nil
}

// filesOf are the files of a run in the order in which they go.
func filesOf(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && !strings.HasPrefix(entry.Name(), ".") && entry.Name() != "lock" {
			names = append(names, entry.Name())
		}
	}
	at := slices.Index(names, manifest)
	if at < 0 {
		return nil, fmt.Errorf("%s is no stored run: it has no %s", dir, manifest)
	}
	return append(slices.Delete(names, at, at+1), manifest), nil
}

// ErrTaken is that the bucket has another run of this name.
var ErrTaken = errors.New("the bucket holds another run of this name, from another machine; vllmspec upload RUN --to s3://bucket/another-prefix sends it elsewhere, and a prefix for each machine keeps them apart")

// ours is an error where the run of this name in the bucket is another one.
func (b *Bucket) ours(ctx context.Context, run, manifest string) error {
	mine, _, err := digestOf(manifest)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, each, errSlow)
	defer cancel()
	there, err := b.client.StatObject(ctx, b.Bucket, b.key(run, filepath.Base(manifest)), minio.StatObjectOptions{})
	switch {
	case errors.Is(b.said(err), errNotThere), minio.ToErrorResponse(err).Code == minio.AccessDenied: // who may not list is not shown either that there is none
		return nil
	case err != nil:
		return b.said(err)
	case there.UserMetadata[digest] != mine:
		return ErrTaken
	}
	return nil
}

var errSlow = errors.New("the store takes too long")

// sendFile sends a file, unless the store has it.
func (b *Bucket) sendFile(ctx context.Context, path, key string) (went bool, err error) {
	sum, size, err := digestOf(path)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, each+time.Duration(size/slowest)*time.Second, errSlow)
	defer cancel()
	if there, err := b.client.StatObject(ctx, b.Bucket, key, minio.StatObjectOptions{}); err == nil && there.Size == size && there.UserMetadata[digest] == sum {
		return false, nil
	}
	_, err = b.client.FPutObject(ctx, b.Bucket, key, path, minio.PutObjectOptions{SendContentMd5: true, UserMetadata: map[string]string{digest: sum}, ContentType: contentType(path)})
	if err != nil && ctx.Err() != nil {
		return false, &awayError{context.Cause(ctx)}
	}
	return err == nil, err
}

// contentType is that of a file, so that a browser shows a page where the bucket is a web site.
func contentType(path string) string {
	switch filepath.Ext(path) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".json":
		return "application/json"
	case ".txt", ".log":
		return "text/plain; charset=utf-8"
	case ".parquet":
		return "application/vnd.apache.parquet"
	}
	return "application/octet-stream"
}

// digestOf is the SHA-256 of a file, and its size in bytes.
func digestOf(path string) (sum string, size int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	all := sha256.New()
	size, err = io.Copy(all, file)
	return hex.EncodeToString(all.Sum(nil)), size, err
}
