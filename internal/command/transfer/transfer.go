// Package transfer is the commands that bring runs to a bucket, and from there.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/internal/bucket"
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/open"
	"github.com/vllmspec/vllmspec/internal/plain"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// UploadCommand sends runs to a bucket.
func UploadCommand() command.Command {
	return command.Command{Name: "upload", Usage: "[RUN…] [--to s3://BUCKET/PREFIX]", Run: upload,
		Does: "sends stored runs to a bucket, or what could not be sent before",
		Example: `vllmspec upload    # what VLLMSPEC_OUT still lacks
			vllmspec upload reports/out/run=A --to s3://bucket/ci`}
}

// DownloadCommand brings runs from a bucket.
func DownloadCommand() command.Command {
	return command.Command{Name: "download", Usage: "s3://BUCKET/PREFIX[/RUN]…", Run: download,
		Does: "brings runs from a bucket, or lists those in it",
		Example: `vllmspec download s3://bucket/ci            # the addresses of its runs
			vllmspec download s3://bucket/ci/run=A      # into reports/out`}
}

func upload(call *command.Call) error {
	flags := call.Flags()
	to := flags.String("to", "", "`address` of the bucket, s3://bucket/prefix (default VLLMSPEC_OUT)")
	names, err := flags.Read()
	if err != nil {
		return err
	}
	if *to == "" {
		*to = call.Variable("VLLMSPEC_OUT")
	}
	b, err := opened(call, *to)
	if err != nil {
		return err
	}
	defer b.Close()
	until, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(names) == 0 {
		return uploadOwed(until, call, b)
	}
	dirs, err := stored(call, names)
	if err != nil {
		return err
	}
	return sendAll(until, call, b, dirs)
}

// uploadOwed sends what tests could not send.
func uploadOwed(until context.Context, call *command.Call, b *bucket.Bucket) error {
	owed := bucket.Owed{Folder: open.Folder(call, ""), To: b.Address}
	since := owed.Since()
	runs, err := owed.Runs(since)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		fmt.Fprintf(call.Out, "nothing is left to send to %v\n", b)
	}
	var dirs []string
	for _, run := range runs {
		dirs = append(dirs, filepath.Join(owed.Folder, run))
	}
	if err := sendAll(until, call, b, dirs); err != nil || since == "" {
		return err
	}
	return owed.Settle(since)
}

// sendAll sends runs, and prints where each is. One that does not go keeps no other from going, unless the store is away.
func sendAll(until context.Context, call *command.Call, b *bucket.Bucket, dirs []string) (failed error) {
	for _, dir := range dirs {
		if _, err := b.Send(until, dir); err != nil {
			failed = errors.Join(failed, shown(call, fmt.Errorf("%v: %w", b, err)))
			if bucket.IsAway(err) {
				return failed
			}
			continue
		}
		fmt.Fprintln(call.Out, plain.Line(b.Address.String()+"/"+filepath.Base(dir)))
	}
	return failed
}

// stored are the folders of the runs that are named.
func stored(call *command.Call, names []string) (dirs []string, err error) {
	for _, name := range names {
		dir := filepath.Clean(call.Path(name))
		if _, err := os.Stat(filepath.Join(dir, "run.json")); err != nil || !strings.HasPrefix(filepath.Base(dir), "run=") {
			return nil, command.Mistakef("%s is no stored run; those of the last vllmspec test or go test are reports/out/run=…", name)
		}
		dirs = append(dirs, dir)
	}
	return dirs, nil
}

func download(call *command.Call) error {
	addresses, err := call.Flags().Read()
	if err != nil {
		return err
	}
	if len(addresses) == 0 {
		return command.Mistakef("it takes the address of a run, or of what holds runs: vllmspec download s3://bucket/prefix/run=…")
	}
	for _, address := range addresses {
		if at, err := bucket.Parse(address); err == nil {
			if _, run := at.Run(); run == "" {
				if err := list(call, address); err != nil {
					return err
				}
				continue
			}
		}
		dir, err := Fetch(call, address)
		if err != nil {
			return err
		}
		fmt.Fprintln(call.Out, plain.Line(dir))
	}
	return nil
}

// list prints the addresses of the runs in a bucket.
func list(call *command.Call, address string) error {
	b, err := opened(call, address)
	if err != nil {
		return err
	}
	defer b.Close()
	until, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	runs, err := b.Runs(until)
	if err != nil {
		return shown(call, fmt.Errorf("%v: %w", b, err))
	}
	if runs == nil {
		fmt.Fprintf(call.Err, "there are no runs in %v\n", b)
	}
	for _, run := range runs {
		fmt.Fprintln(call.Out, plain.Line(b.Address.String()+"/"+run))
	}
	return nil
}

// Fetch downloads a run by its address, into the folder of the runs, and is its path there.
func Fetch(call *command.Call, address string) (dir string, err error) {
	at, err := bucket.Parse(address)
	if err != nil {
		return "", &command.Mistake{Err: err}
	}
	in, run := at.Run()
	if run == "" {
		return "", command.Mistakef("%v is the address of no run; vllmspec download %v lists those in it", at, at)
	}
	b, err := opened(call, in.String())
	if err != nil {
		return "", err
	}
	defer b.Close()
	until, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if dir, err = b.Fetch(until, run, open.Folder(call, "")); err != nil {
		return "", shown(call, fmt.Errorf("%v: %w", in, err))
	}
	return dir, nil
}

// opened is the bucket of an address.
func opened(call *command.Call, address string) (*bucket.Bucket, error) {
	if address == "" {
		return nil, command.Mistakef("name the bucket: --to s3://bucket/prefix, or VLLMSPEC_OUT")
	}
	at, err := bucket.Parse(address)
	if err != nil {
		return nil, &command.Mistake{Err: err}
	}
	b, err := bucket.Open(at, bucket.SettingsOf(call.Variable))
	if err != nil {
		return nil, &command.Mistake{Err: shown(call, err)}
	}
	return b, nil
}

// shown is an error without the secrets of the environment.
func shown(call *command.Call, err error) error {
	text := redact.OfEnvironment(call.Environ).Text(err.Error())
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
