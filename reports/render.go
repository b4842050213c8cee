package reports

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
)

//go:generate go tool -modfile=../tools/go.mod templ generate

// What the page carries in it, so that it needs no network. uPlot 1.6.32 is by
// Leon Sorokin, under the MIT licence that lies beside it.
var (
	//go:embed assets/page.css
	pageCSS string
	//go:embed assets/page.js
	pageJS string
	//go:embed assets/uplot/uPlot.min.css
	plotCSS string
	//go:embed assets/uplot/uPlot.iife.min.js
	plotJS string
)

// Render writes the page of a run: one file that needs nothing else.
func Render(w io.Writer, v View) error {
	return write(w, page(v))
}

// Index writes the page that lists runs.
func Index(w io.Writer, runs []Entry) error {
	return write(w, index(runs))
}

type component interface {
	Render(ctx context.Context, w io.Writer) error
}

// write renders to memory first: a page that broke off in the middle would look
// like one that has nothing more to say.
func write(w io.Writer, c component) error {
	var out bytes.Buffer
	if err := c.Render(context.Background(), &out); err != nil {
		return fmt.Errorf("the page could not be drawn: %w", err)
	}
	_, err := out.WriteTo(w)
	return err
}

// policy lets the page run its own scripts and styles, known by their hashes,
// and nothing else: whatever a server answers, it stays text.
func policy(scripts, styles []string) string {
	return fmt.Sprintf("default-src 'none'; script-src%s; style-src%s; img-src data:; base-uri 'none'; form-action 'none'", hashes(scripts), hashes(styles))
}

func hashes(texts []string) string {
	if len(texts) == 0 {
		return " 'none'"
	}
	var out string
	for _, text := range texts {
		sum := sha256.Sum256([]byte(text))
		out += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return out
}
