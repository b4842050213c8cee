package harness

import (
	"slices"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// A CountFault says how the server's count of tokens contradicts itself, or what came.
type CountFault string

// The ways in which a count cannot be right.
const (
	CountInvalid     CountFault = "invalid"      // negative, no whole number, or more than any context holds
	CountFell        CountFault = "fell"         // a later count is below an earlier one: it is not of the whole answer
	CountBelowChunks CountFault = "below chunks" // fewer tokens than chunks of content came
	CountNoPrompt    CountFault = "no prompt"    // a prompt of no tokens
	CountSum         CountFault = "sum"          // a part is more than the whole
	CountBeyondAsked CountFault = "beyond asked" // more output tokens than were asked for at most, and than came
	CountPrompt      CountFault = "prompt"       // more tokens than a prompt of that length can have
)

// chunkAllowance is how many chunks of content may hold no token of their own, such as
// the head of a call, or a character whose bytes came apart.
const chunkAllowance = 1

// countAllowance is how many tokens beyond the most that was asked for a server may count:
// one that ends the answer.
const countAllowance = 1

// counting follows the counts that come with an answer.
type counting struct {
	prompt int // tokens that it can have at most
	last   *Usage
	fault  CountFault
}

// promptMost is how many tokens a prompt can have. What images and the like become is the
// model's affair.
func promptMost(p *Prompt) int {
	if p.hasMedia() {
		return limit.Tokens
	}
	length := len(p.Text) + len(p.TokenIDs)
	if p.Request != nil {
		length += p.Request.Bytes()
	}
	for _, input := range p.Inputs {
		length += input.Length() + len(p.Text) + len(p.TokenIDs) // by which it is ranked
	}
	for _, m := range p.Messages {
		if m.Whole != nil {
			return limit.Tokens
		}
		length += len(m.Content)
	}
	for _, extra := range p.Extra {
		length += len(extra)
	}
	return limit.PromptTokens(length)
}

// take looks at the count that a chunk carries.
func (c *counting) take(u *Usage) {
	if u == nil {
		return
	}
	switch {
	case c.fault != "":
	case u.Invalid || impossible(u.PromptTokens, u.OutputTokens, u.CachedTokens, u.ReasoningTokens):
		c.fault = CountInvalid
	case u.PromptTokens > c.prompt:
		c.fault = CountPrompt
	case c.last != nil && (fell(c.last.OutputTokens, u.OutputTokens) || fell(c.last.PromptTokens, u.PromptTokens)):
		c.fault = CountFell
	}
	c.last = u
}

// fell reports whether a count is below the one before it, where both came.
func fell(before, now int) bool { return now != Unreported && now < before }

// settle holds the last count against what came. Of one that cannot be right nothing is
// kept: which part of it is wrong is not known.
func (c *counting) settle(r *Record) {
	u := c.last
	if u == nil {
		return
	}
	if c.fault == "" {
		c.fault = u.against(r)
	}
	if r.CountFault = c.fault; c.fault != "" {
		r.forgetCounts()
	}
}

// against is what is wrong with a count, given what came; "" for nothing.
func (u *Usage) against(r *Record) CountFault {
	least, output := len(r.Chunks), u.OutputTokens
	if sum := sumOf(r.ChunkTokens); len(r.ChunkTokens) == len(r.Chunks) {
		least = max(least, sum)
	}
	both := u.PromptTokens != Unreported && u.OutputTokens != Unreported
	// Some servers count the tokens of reasoning in the total only, and not as output.
	apart := both && u.ReasoningTokens > 0 && u.TotalTokens == u.PromptTokens+u.OutputTokens+u.ReasoningTokens
	if apart {
		output += u.ReasoningTokens
	}
	switch {
	case u.OutputTokens == 0 && len(r.Chunks) > 0, u.OutputTokens != Unreported && output < least-chunkAllowance:
		return CountBelowChunks
	case u.PromptTokens == 0:
		return CountNoPrompt
	case r.RequestedOutputTokens > 0 && !r.Full && u.OutputTokens > max(r.RequestedOutputTokens, len(r.Chunks))+countAllowance:
		return CountBeyondAsked
	case both && u.TotalTokens > 0 && u.TotalTokens < u.PromptTokens+u.OutputTokens,
		u.PromptTokens != Unreported && u.CachedTokens > u.PromptTokens, u.OutputTokens != Unreported && u.ReasoningTokens > u.OutputTokens && !apart:
		return CountSum
	}
	return ""
}

func sumOf(numbers []int) (sum int) {
	for _, n := range numbers {
		sum += n
	}
	return sum
}

// LeastTokens is the least number of output tokens that the chunks of an answer stand
// for; [Unreported] where its counts have shown that a chunk is no token.
func (r *Record) LeastTokens() int {
	if r.CountFault != "" {
		return Unreported
	}
	return len(r.Chunks) - chunkAllowance
}

// DropImpossible drops counts that cannot be, as a run may hold them that another version, or
// another program, stored: their sums must not overflow.
func (r *Record) DropImpossible() {
	if impossible(r.PromptTokens, r.OutputTokens, r.CachedTokens, r.ReasoningTokens) || impossible(r.ChunkTokens...) {
		r.CountFault = CountInvalid
		r.forgetCounts()
	}
	for _, n := range []*int{&r.ShareableTokens, &r.Inputs} {
		if impossible(*n) {
			*n = Unreported
		}
	}
}

// impossible reports whether one of some counts can be none.
func impossible(counts ...int) bool {
	return slices.ContainsFunc(counts, func(n int) bool { return n < Unreported || n > limit.Tokens })
}

func (r *Record) forgetCounts() {
	r.PromptTokens, r.OutputTokens, r.CachedTokens, r.ReasoningTokens, r.ChunkTokens = Unreported, Unreported, Unreported, Unreported, nil
}
