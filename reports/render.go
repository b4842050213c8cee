package reports

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/reports/chart"
)

//go:generate go tool -modfile=../tools/go.mod templ generate

// What the page carries in it, so that it needs no network. uPlot 1.6.32 is by
// Leon Sorokin, under the MIT licence that lies beside it.
var (
	//go:embed assets/page.css
	pageCSS string
	//go:embed assets/js/*.js
	scripts embed.FS
	//go:embed assets/uplot/uPlot.min.css
	plotCSS string
	//go:embed assets/uplot/uPlot.iife.min.js
	plotJS string
)

// outcome is what mark draws.
type outcome = slo.Outcome

// pageJS is the script of the page: its parts in the order of their names, in one
// scope of their own.
func pageJS() string {
	return script("base", "plot", "story", "request", "spread", "panels", "live", "page")
}

func indexJS() string { return script("index") }

func script(parts ...string) string {
	var out strings.Builder
	out.WriteString("(() => {\n'use strict';\n")
	for _, part := range parts {
		text, err := scripts.ReadFile("assets/js/" + part + ".js")
		if err != nil {
			panic(err) // it was embedded under this name, or nothing of this package was ever tested
		}
		out.Write(text)
	}
	out.WriteString("})();")
	return out.String()
}

// A Link is what ties a page to the run that it shows; a page that is kept has none.
type Link struct {
	Events string // where its frames come from; "" where none do
	Stop   string // where to ask that the run be stopped
	Token  string // to be given with that
	Others []Entry
}

func (l Link) policy() string {
	p := policy([]string{plotJS, pageJS()}, []string{plotCSS, pageCSS})
	if l.Events != "" {
		p += "; connect-src 'self'"
	}
	return p
}

// Render writes the page of a run: one file that needs nothing else.
func Render(w io.Writer, v View) error {
	return write(w, page(v, Link{}))
}

// RenderLive writes the page of a run that goes on, which follows it.
func RenderLive(w io.Writer, v View, l Link) error {
	return write(w, page(v, l))
}

// Frame is what a live page needs to look as it would look now.
func Frame(v View, l Link) ([]byte, error) {
	var main bytes.Buffer
	if err := content(v, l).Render(context.Background(), &main); err != nil {
		return nil, err
	}
	return json.Marshal(frame{string(icon(v.Outcome)), string(v.Outcome) + ": " + v.Title, v.Running == nil, main.String(), v.Data})
}

// icon is the mark of an outcome as the picture that a browser shows beside the page's title; "" is that of a list.
func icon(of slo.Outcome) templ.SafeURL {
	colour, shape := "#3b4148", `<path d="M9 11h14M9 16h14M9 21h14"/>`
	switch of {
	case slo.Met:
		colour, shape = "#0a7d4b", `<path d="M9 17l5 5 9-11"/>`
	case slo.Missed:
		colour, shape = "#c2342b", `<path d="M10 10l12 12M22 10L10 22"/>`
	case slo.Unknown:
		colour, shape = "#9a6700", `<path d="M16 8v10M16 23v1"/>`
	case "running":
		colour, shape = "#0b66b2", `<circle cx="16" cy="16" r="6"/>`
	}
	svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="` + colour +
		`"/><g fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round">` + shape + `</g></svg>`
	return templ.SafeURL("data:image/svg+xml," + url.PathEscape(svg))
}

type frame struct {
	Icon  string     `json:"icon"`
	Title string     `json:"title"`
	Ended bool       `json:"ended"`
	Main  string     `json:"main"`
	Data  chart.Data `json:"data"`
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
