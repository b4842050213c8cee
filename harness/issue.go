package harness

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/internal/ahead"
)

// prepare reads the dataset and returns what will issue the requests, so that
// everything that can be wrong is found before the load begins, and the first
// requests are ready when it does.
func (s Scenario) prepare(client Client, shared sharing) (issuer, error) {
	switch load := s.Load.(type) {
	case Open:
		return s.prepareOpen(client, load, shared)
	case Closed:
		return s.prepareClosed(client, load, shared)
	default:
		return nil, fmt.Errorf("%T is no load: use Open or Closed", load)
	}
}

func (s Scenario) prepareOpen(client Client, o Open, shared sharing) (issuer, error) {
	switch {
	case o.Arrivals == nil:
		return nil, errors.New("the load has no arrivals: say at what rate requests arrive")
	case o.Arrivals.Rate() <= 0:
		return nil, fmt.Errorf("requests arrive at %v per second; the rate must be above 0", o.Arrivals.Rate())
	case o.For <= 0 && o.Requests <= 0:
		return nil, errors.New("the load has no end: say for how long, or for how many requests, it runs")
	case o.Think.check() != nil:
		return nil, o.Think.check()
	case o.InFlight < 0:
		return nil, fmt.Errorf("at most %d requests in flight; the bound must be above 0", o.InFlight)
	}
	conversations, err := s.Dataset.Conversations(s.stream(promptStream, 0))
	if err != nil {
		return nil, err
	}
	drawn := prefetch(client, shared, conversations, aheadOfTime, ahead.NewBudget(bytesAhead, bytesAtFirst))
	return func(ctx, asking context.Context, l *load) time.Duration {
		defer drawn.Stop()
		return l.issueOpen(ctx, asking, o, drawn)
	}, nil
}

// issueOpen starts each request when it is due, whatever became of those
// before it.
func (l *load) issueOpen(ctx, asking context.Context, o Open, conversations *ahead.Queue[Conversation]) time.Duration {
	var slots chan struct{}
	if o.InFlight > 0 {
		slots = make(chan struct{}, o.InFlight)
	}
	timer := l.newDueTimer(ctx)
	defer timer.close()
	issued, until, ended := 0, time.Duration(0), true
	for due := range o.Arrivals.Times(l.scenario.stream(arrivalStream, 0)) {
		if o.For > 0 && due >= o.For || o.Requests > 0 && l.issuedAll(o) {
			ended = false
			break
		}
		conversation, ok := conversations.Next()
		switch {
		case !ok:
			l.warn("the dataset ended after %d conversations; the load ended with it", issued)
			l.fallShort(Shortfall{Cause: DatasetEnded})
			return until
		case conversation.Err != nil:
			l.warn("%v; the load ended after %d conversations", conversation.Err, issued)
			l.fallShort(Shortfall{Cause: DatasetFailed, Error: conversation.Err.Error()})
			return until
		}
		if !timer.until(due) {
			return min(until, l.now())
		}
		session, seq := issued, int(l.seq.Add(1)-1) // here, or chance would number those of one instant
		if o.Requests > 0 && seq >= o.Requests {
			ended = false // turns of conversations were the last ones meanwhile
			break
		}
		l.backlog.Add(1)
		l.asking.Go(func() {
			slotted := takeSlot(asking, slots)
			l.backlog.Add(-1)
			if slotted {
				defer func() { <-slots }()
			}
			l.converse(asking, o, conversation, session, seq, due)
		})
		issued, until = issued+1, due+1
	}
	switch {
	case ended && o.For > 0 && !o.lasts(until):
		l.warn("the arrivals ended after %v of a load of %v: what was measured ends there", until.Round(time.Millisecond), o.For)
		l.fallShort(Shortfall{Cause: ArrivalsEnded, Process: fmt.Sprint(o.Arrivals)})
	case ended && issued < o.Requests:
		l.fallShort(Shortfall{Cause: ArrivalsEnded, Process: fmt.Sprint(o.Arrivals)})
	case o.For > 0 && l.sleepUntil(ctx, o.For):
		return o.For
	}
	return until
}

// issuedAll reports whether a counted load has had all its requests, the later
// turns of conversations among them.
func (l *load) issuedAll(o Open) bool { return int(l.seq.Load()) >= o.Requests }

// takeSlot waits for one of the slots in flight and reports whether it has one.
func takeSlot(ctx context.Context, slots chan struct{}) bool {
	if slots == nil {
		return false
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// converse asks the turns of a conversation; each but the first is due when the
// one before was answered and thought about.
func (l *load) converse(ctx context.Context, o Open, c Conversation, session, seq int, due time.Duration) {
	var thinking *rand.Rand
	said := dialogue{goesOn: c.GoesOn}
	for turn, prompt := range c.Turns {
		if turn > 0 {
			if thinking == nil {
				thinking = l.scenario.stream(turnStream, session)
			}
			due += c.thinkOr(o.Think).draw(thinking)
			if o.For > 0 && due >= o.For || !l.sleepUntil(ctx, due) {
				return // the load is over
			}
			if seq = int(l.seq.Add(1) - 1); o.Requests > 0 && seq >= o.Requests {
				return // it has had all its requests
			}
		}
		rec := NewRecord(seq, due)
		rec.Session, rec.Turn = session, turn
		l.ask(ctx, &rec, said.next(prompt), said.listener())
		if rec.Failure != "" {
			return
		}
		due = rec.Done
	}
}

// thinkOr is how long its person thinks between turns, or else how long all do.
func (c *Conversation) thinkOr(everybody Think) Think {
	if c.Think == (Think{}) {
		return everybody
	}
	return c.Think
}

// A dialogue is what was said in a conversation that goes on by itself.
type dialogue struct {
	goesOn   bool
	messages []Message
	answer   strings.Builder // to the last turn
}

// next is a turn with what was said before it.
func (d *dialogue) next(p Prompt) Prompt {
	if !d.goesOn {
		return p
	}
	if d.messages != nil {
		d.messages = append(d.messages, Message{Role: "assistant", Content: d.answer.String()})
		d.answer.Reset()
		p.Request, p.said = nil, len(d.messages)
	}
	d.messages = append(d.messages, p.Messages...)
	p.Messages = slices.Clone(d.messages)
	return p
}

// listener takes the pieces of an answer, where it is needed.
func (d *dialogue) listener() func(*Chunk) {
	if !d.goesOn {
		return nil
	}
	return func(piece *Chunk) { d.answer.WriteString(piece.Text + piece.Call) }
}

func (s Scenario) prepareClosed(client Client, c Closed, shared sharing) (issuer, error) {
	switch {
	case c.Users <= 0:
		return nil, fmt.Errorf("%d users ask; there must be at least 1", c.Users)
	case c.Think.check() != nil:
		return nil, c.Think.check()
	case c.For <= 0 && c.Requests <= 0:
		return nil, errors.New("the load has no end: say for how long, or for how many requests, it runs")
	case c.For <= 0 && c.Requests < c.Users:
		return nil, fmt.Errorf("%d requests are too few for %d users to ask once each", c.Requests, c.Users)
	}
	streams := make([]iter.Seq[Conversation], c.Users)
	for user := range streams {
		// A stream of their own makes each user's questions the same however
		// the answers to the others interleave.
		conversations, err := s.Dataset.Conversations(s.stream(promptStream, user))
		if err != nil {
			return nil, err
		}
		streams[user] = conversations
	}
	users, within := make([]*ahead.Queue[Conversation], c.Users), ahead.NewBudget(bytesAhead, bytesAtFirst)
	for user, conversations := range streams {
		users[user] = prefetch(client, shared, conversations, 1, within)
	}
	return func(ctx, asking context.Context, l *load) time.Duration {
		return l.issueClosed(ctx, asking, c, users)
	}, nil
}

func (l *load) issueClosed(ctx, asking context.Context, c Closed, users []*ahead.Queue[Conversation]) time.Duration {
	finished := make(chan time.Duration, len(users))
	for user, drawn := range users {
		l.asking.Go(func() {
			defer drawn.Stop()
			finished <- l.runUser(ctx, asking, c, user, drawn)
		})
	}
	if c.For > 0 {
		if l.sleepUntil(ctx, c.For) {
			return c.For
		}
		return min(c.For, l.now())
	}
	var until time.Duration
	for range users {
		until = max(until, <-finished)
	}
	return until
}

// runUser is one user of a closed loop: ask, read, think, ask again. It returns
// just after the instant at which the last request was due.
func (l *load) runUser(ctx, asking context.Context, c Closed, user int, conversations *ahead.Queue[Conversation]) time.Duration {
	asked, begun, share := 0, 0, c.shareOf(user)
	until := time.Duration(0)
	thinking := l.scenario.stream(thinkStream, user)
	due := c.stagger(thinking)
	for !c.over(due, asked, share) && l.sleepUntil(ctx, due) {
		conversation, ok := conversations.Next() // not before it is due: until then it counts as ready
		if !ok {
			l.fallShort(Shortfall{Cause: DatasetEnded, Users: 1})
			return until
		}
		if conversation.Err != nil {
			l.warn("%v; user %d ended after %d requests", conversation.Err, user, asked)
			l.fallShort(Shortfall{Cause: DatasetFailed, Error: conversation.Err.Error(), Users: 1})
			return until
		}
		said := dialogue{goesOn: conversation.GoesOn}
		for turn, prompt := range conversation.Turns {
			if c.over(due, asked, share) || !l.sleepUntil(ctx, due) {
				return until
			}
			rec := NewRecord(asked*c.Users+user, due)
			rec.User, rec.Session, rec.Turn = user, begun*c.Users+user, turn
			l.ask(asking, &rec, said.next(prompt), said.listener())
			think := c.Think
			if turn+1 < len(conversation.Turns) {
				think = conversation.thinkOr(think)
			}
			asked, until, due = asked+1, due+1, rec.Done+think.draw(thinking)
			if rec.Failure != "" {
				due = max(due, until+retryPause)
				break
			}
		}
		begun++
	}
	return until
}

// over reports whether a user has nothing to ask any more.
func (c Closed) over(due time.Duration, asked, share int) bool {
	return c.For > 0 && due >= c.For || c.Requests > 0 && asked == share
}

// retryPause is the least time between a user's failed request and the next
// one: without it a server that refuses at once would be asked millions of times.
const retryPause = 100 * time.Millisecond

// shareOf is how many of a counted load's requests a user asks. Counting over
// all users as they go would let chance decide who asks the last ones.
func (c Closed) shareOf(user int) int {
	share := c.Requests / c.Users
	if user < c.Requests%c.Users {
		share++
	}
	return share
}

// stagger is when a user begins: anywhere within one think time, so that the
// users do not all ask at once.
func (c Closed) stagger(thinking *rand.Rand) time.Duration {
	if c.Think.Mean == 0 {
		return 0
	}
	return time.Duration(thinking.Int64N(int64(c.Think.Mean)))
}

// sleepUntil waits for an instant of the run and reports false when the context
// ended first.
func (l *load) sleepUntil(ctx context.Context, due time.Duration) bool {
	wait := due - l.now()
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
