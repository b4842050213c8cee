//go:build linux

package vllmspec

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/suite"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// The processes of a cell are this test binary in another role. They find what they need in their
// environment, which is also by what the test finds those that are left.
const (
	endsCell    = "ENDS_CELL"    // marks all that the cell has started
	endsStage   = "ENDS_STAGE"   // in which it is ended
	endsWay     = "ENDS_WAY"     // how the server was started
	endsControl = "ENDS_CONTROL" // address at which the test hears that the stage was reached

	roleServer = "ends-server" // what VLLM_COMMAND starts
	roleKey    = "ends-key"    // what VLLM_API_KEY_COMMAND starts
	roleGo     = "ends-go"     // starts the rest of its words and waits, as go test does
)

func TestMain(m *testing.M) {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	switch {
	case role == roleServer:
		serveUntilEnded(os.Args[2:])
	case role == roleKey:
		makeFamily()
		tell("reached")
		select {}
	case role == roleGo:
		beGo(os.Args[2:])
	default:
		os.Exit(m.Run())
	}
}

// beGo starts a program and waits for it. Its output goes through us, as with go test.
func beGo(words []string) {
	victim := exec.Command(words[0], words[1:]...)
	victim.Stdout, victim.Stderr = struct{ io.Writer }{os.Stdout}, struct{ io.Writer }{os.Stderr}
	if victim.Run() != nil {
		os.Exit(1)
	}
}

// tell tells the test something, and returns the connection.
func tell(what string) net.Conn {
	control, err := net.Dial("unix", os.Getenv(endsControl))
	if err != nil {
		panic(err) // the cell has ended
	}
	fmt.Fprintln(control, what)
	return control
}

// TestVictim is what a cell ends. The others run it and see that it has no cell.
func TestVictim(t *testing.T) {
	if os.Getenv(endsCell) == "" {
		require.NotEmpty(t, endsCells(), "the cells run this test")
		return
	}
	control := tell(fmt.Sprintf("victim %d", os.Getpid()))
	go func() {
		if line, _ := bufio.NewReader(control).ReadString('\n'); strings.TrimSpace(line) == "panic" {
			panic("as the cell asks")
		}
	}()
	run(t, "slo", func(stage suite.Stage, interrupt *suite.Interrupt) {
		if string(stage) != os.Getenv(endsStage) {
			return
		}
		tell("reached")
		for stage != suite.Judging { // that one stalls for ever
			if _, interrupted := interrupt.By(); interrupted {
				return
			}
			time.Sleep(time.Millisecond)
		}
		select {}
	})
}

// A scripted server answers as the mock does, and hangs at one stage.
type scripted struct {
	mock    *mockvllm.Server
	stage   string
	frozen  bool
	reached sync.Once
	asked   atomic.Int64
}

// serveUntilEnded is a server that is started by a command.
func serveUntilEnded(args []string) {
	flags := flag.NewFlagSet(roleServer, flag.ExitOnError)
	host, port := flags.String("host", "", ""), flags.String("port", "", "")
	_ = flags.Parse(args)
	way, stage := os.Getenv(endsWay), os.Getenv(endsStage)
	s := &scripted{stage: stage, frozen: way == wayFrozen}
	if way == wayFamily || way == wayFrozen {
		signal.Ignore(syscall.SIGTERM)
		makeFamily()
	}
	if stage == stageStart {
		s.reach()
		select {}
	}
	var err error
	if s.mock, err = mockvllm.New(mockvllm.Config{Profile: mockvllm.Profiles()[0]}); err != nil {
		panic(err)
	}
	s.mock.Start()
	panic(http.ListenAndServe(net.JoinHostPort(*host, *port), s))
}

// makeFamily starts a child in a session of its own, and that a child of its own in turn.
func makeFamily() {
	family := exec.Command("/bin/sh", "-c", "trap '' TERM INT HUP; sleep 1000 & sleep 1000")
	family.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := family.Start(); err != nil {
		panic(err)
	}
}

func (s *scripted) reach() {
	s.reached.Do(func() {
		tell("reached")
		if s.frozen {
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		}
	})
}

// enough is after how many answers of the load a stage in it is reached: some are measured then.
const enough = 20

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	many := s.asked.Load() > enough
	if strings.HasSuffix(r.URL.Path, "completions") {
		defer s.asked.Add(1)
	}
	switch {
	case s.stage == stagePreflight && r.URL.Path == "/v1/models", s.stage == stageMetrics && r.URL.Path == "/metrics" && many:
		s.reach()
		<-r.Context().Done()
	case s.stage == stageLoad && many:
		s.reach()
		fallthrough
	default:
		s.mock.ServeHTTP(w, r)
	}
}
