package bucket

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/vllmspec/vllmspec/internal/disk"
)

// Runs are the names of the runs in the bucket, whole or not, the oldest first.
func (b *Bucket) Runs(ctx context.Context) (runs []string, err error) {
	names, err := b.under(ctx, b.Prefix, 0)
	for _, name := range names {
		if run := strings.TrimSuffix(name, "/"); run != name && strings.HasPrefix(run, "run=") {
			runs = append(runs, run)
		}
	}
	slices.Sort(runs)
	return runs, b.said(err)
}

// under is what lies directly under a prefix, without it: files, and folders with a slash. It is at most so many; 0 is all.
func (b *Bucket) under(ctx context.Context, prefix string, most int) (names []string, err error) {
	if prefix != "" {
		prefix += "/"
	}
	for object := range b.client.ListObjectsIter(ctx, b.Bucket, minio.ListObjectsOptions{Prefix: prefix, MaxKeys: most}) {
		if object.Err != nil {
			return names, object.Err
		}
		if names = append(names, strings.TrimPrefix(object.Key, prefix)); len(names) == most {
			break
		}
	}
	return names, nil
}

// Fetch downloads a run into a folder of runs, and is the path that it has there. One that is there already is not downloaded
// again. It appears whole, as a run that ended here does.
func (b *Bucket) Fetch(ctx context.Context, run, into string) (dir string, err error) {
	if !strings.HasPrefix(run, "run=") || run != path.Base(run) {
		return "", fmt.Errorf("%q is no name of a run", run)
	}
	files, err := b.under(ctx, path.Join(b.Prefix, run), 0)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", run, b.said(err))
	case len(files) == 0:
		return "", fmt.Errorf("%s: %w", run, errNotThere)
	case !slices.Contains(files, manifest):
		return "", fmt.Errorf("%s is not whole: its upload goes on, or was cut off; vllmspec upload sends the rest from the machine that has it", run)
	}
	if dir = filepath.Join(into, run); b.have(ctx, run, dir) {
		return dir, nil
	}
	system := new(disk.Disk)
	if err := system.MakeAll(into); err != nil {
		return "", err
	}
	hidden, err := os.MkdirTemp(into, ".download-")
	if err != nil {
		return "", err
	}
	for _, name := range files {
		if err := b.fetchFile(ctx, b.key(run, name), filepath.Join(hidden, name)); err != nil {
			return "", errors.Join(fmt.Errorf("%s/%s: %w", run, name, b.said(err)), system.RemoveAll(hidden))
		}
	}
	if err := system.Rename(hidden, dir); err != nil {
		return "", errors.Join(fmt.Errorf("%s: another run of this name is there: %w", dir, err), system.RemoveAll(hidden))
	}
	return dir, nil
}

// have reports whether a run on this machine is that in the bucket.
func (b *Bucket) have(ctx context.Context, run, dir string) bool {
	mine, _, err := digestOf(filepath.Join(dir, manifest))
	if err != nil {
		return false
	}
	there, err := b.client.StatObject(ctx, b.Bucket, b.key(run, manifest), minio.StatObjectOptions{})
	return err == nil && there.UserMetadata[digest] == mine
}

// fetchFile downloads a file, and checks that it is what was sent.
func (b *Bucket) fetchFile(ctx context.Context, key, into string) error {
	if !filepath.IsLocal(filepath.Base(into)) || strings.ContainsAny(path.Base(key), `/\`) || strings.HasSuffix(key, "/") {
		return errors.New("it is no file of a run")
	}
	there, err := b.client.StatObject(ctx, b.Bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return err
	}
	if err := b.client.FGetObject(ctx, b.Bucket, key, into, minio.GetObjectOptions{}); err != nil {
		return err
	}
	sum, _, err := digestOf(into)
	if sent := there.UserMetadata[digest]; err == nil && sent != "" && sum != sent {
		return fmt.Errorf("what came has the SHA-256 %s, and what was sent had %s", sum, sent)
	}
	return err
}
