package reports_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A visitor is a person with a real browser.
type visitor struct {
	t   *testing.T
	ctx context.Context
}

// A browser is the one Chromium of all tests: to start it takes longer than most of them.
type browser struct {
	sync.Once
	ctx   context.Context
	err   error // why there is none
	close func()
}

var chromium = browser{close: func() {}}

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.close()
	os.Exit(code)
}

func (b *browser) start() {
	path, err := exec.LookPath("chromium")
	if err != nil {
		b.err = err
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-gpu", true))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, leave := chromedp.NewContext(allocator)
	b.ctx, b.close = ctx, func() { leave(); cancel() }
	if err := chromedp.Do(ctx); err != nil {
		panic(err) // it is there, and does not start
	}
}

// browserHere starts the browser, unless it runs; it skips a test where there is none. A test whose page is there for
// seconds only begins with it.
func browserHere(t *testing.T) {
	t.Helper()
	if chromium.Do(chromium.start); chromium.err != nil {
		t.Skip("Chromium is not here; to run this test: apt-get install chromium")
	}
}

// visit opens a page in Chromium and waits until its charts are drawn. Whatever the
// browser complains of fails the test. Each visitor has cookies and storage of its own.
func visit(t *testing.T, address string, width, height int64) visitor {
	t.Helper()
	browserHere(t)
	ctx, leave := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(leave)

	var complaints []string
	var mu sync.Mutex
	complain := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		complaints = append(complaints, what)
	}
	v := visitor{t, ctx}
	v.do(chromedp.EmulateViewport(width, height))
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complain(fmt.Sprint(e.ExceptionDetails.Text, " ", e.ExceptionDetails.Exception))
		case *runtime.EventConsoleAPICalled:
			for _, arg := range e.Args {
				complain(string(arg.Value) + arg.Description)
			}
		case *log.EventEntryAdded:
			complain(e.Entry.Text)
		}
	}))
	v.do(chromedp.Navigate(address))
	v.until(`document.body.dataset.drawn === 'true' || ![...document.scripts].some(s => !s.type)`) // not all pages draw
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		assert.Empty(t, complaints, "the browser complains")
	})
	return v
}

// open visits a page that is a file.
func open(t *testing.T, text string, width, height int64) visitor {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return visit(t, "file://"+path, width, height)
}

func (v visitor) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	require.NoError(v.t, chromedp.Do(v.ctx, steps...))
}

// until waits for something to be true.
func (v visitor) until(condition string) {
	v.t.Helper()
	v.do(chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(time.Minute), chromedp.WithPollingInterval(50*time.Millisecond)))
}

// sees is what an expression gives.
func sees[T any](v visitor, expression string) T {
	v.t.Helper()
	value, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](expression))
	require.NoError(v.t, err, expression)
	return value
}

// text is what stands in an element, "" where there is none.
func (v visitor) text(selector string) string {
	v.t.Helper()
	return sees[string](v, fmt.Sprintf(`(document.querySelector(%q)?.innerText || '').replace(/\s+/g, ' ').trim()`, selector))
}

// click clicks on an element as a person does.
func (v visitor) click(selector string) {
	v.t.Helper()
	v.do(chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// place is where an element stands on the screen.
func (v visitor) place(selector string) (x, y, width, height float64) {
	v.t.Helper()
	v.do(chromedp.ScrollIntoView(chromedp.CSS(selector)))
	box := sees[[]float64](v, fmt.Sprintf(`(() => { const b = document.querySelector(%q).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()`, selector))
	return box[0], box[1], box[2], box[3]
}

// elsewhere are the requests of the page to anything but itself.
func (v visitor) elsewhere() []string {
	return sees[[]string](v, `performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin) && !n.startsWith('blob:') && !n.startsWith('data:'))`)
}

// picture takes a screenshot into the folder that SCREENSHOTS names, for a person to look at.
func (v visitor) picture(name string) {
	v.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	image, err := chromedp.Run(v.ctx, chromedp.CaptureScreenshot())
	require.NoError(v.t, err)
	require.NoError(v.t, os.WriteFile(filepath.Join(folder, name+".png"), image, 0o644))
}

// pdf prints the page into that folder.
func (v visitor) pdf(name string) {
	v.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	printed, err := chromedp.Run(v.ctx, chromedp.PrintToPDF())
	require.NoError(v.t, err)
	require.NoError(v.t, os.WriteFile(filepath.Join(folder, name+".pdf"), printed, 0o644))
}
