package slo

import "strings"

// A Cause says why a verdict is not met, as values: what it explains, the phase of a
// request's life in which the time went, the reason in a few words, and the evidence for
// it. It is a sentence only where it is shown or stored.
type Cause struct {
	Claim    Claim
	Phase    Phase    // "" where it is not about the time of requests
	Summary  string   // the reason: "requests waited in the server's queue"
	Evidence Evidence // what was measured that speaks for it
}

// A Claim is what a cause is given for: "p99 TTFT was missed".
type Claim string

// Evidence continues the summary of a cause, beginning with the punctuation between them:
// ": its steps were full of prompts", "; 3 failed otherwise", ", by its own account".
type Evidence string

// A Phase is a part of the life of a request, in which its time can go.
type Phase string

// The phases, in the order of a request's life.
const (
	PhaseClient   Phase = "client"    // until it was sent
	PhaseNetwork  Phase = "network"   // on its way, and what the server does not count
	PhaseFrontEnd Phase = "front end" // in the server, outside of its engine
	PhaseQueue    Phase = "queue"     // in the engine, before its first step
	PhasePrefill  Phase = "prefill"   // from there to the first token
	PhaseDecode   Phase = "decode"    // from there to the end
	PhaseStall    Phase = "stall"     // nothing came, although it was the server's turn
	PhaseServer   Phase = "server"    // between headers and first token, where the split is unknown
)

// IsZero reports whether there is no cause.
func (c Cause) IsZero() bool { return c == Cause{} }

// Reason is the summary with its evidence: what follows "because".
func (c Cause) Reason() string { return c.Summary + string(c.Evidence) }

// String is the whole sentence, without a full stop; "" where there is no cause.
func (c Cause) String() string {
	if c.Claim == "" {
		return c.Reason()
	}
	return string(c.Claim) + because + c.Reason()
}

const because = " because "

// With adds evidence.
func (c Cause) With(evidence string) Cause {
	c.Evidence += Evidence(evidence)
	return c
}

// Explains is the cause as that of a claim.
func (c Cause) Explains(claim Claim) Cause {
	c.Claim = claim
	return c
}

// WasMissed is the claim that a verdict was missed.
func (v Verdict) WasMissed() Claim { return Claim(v.Name() + " was missed") }

// IsNotKnown is the claim that a verdict is unknown.
func (v Verdict) IsNotKnown() Claim { return Claim(v.Name() + " is not known") }

// NotSeen is the cause that neither requests nor samples speak for.
func NotSeen() Cause {
	return Cause{Summary: "of something that was not seen", Evidence: ": neither the requests nor the server's metrics stand out"}
}

// storedCause is a cause as a file has it, which is a sentence: its parts are found by what
// stands between them. It is the only place where a sentence is cut, because stored runs hold
// nothing else. A reason for which a verdict is not known has no parts: it is a summary.
func (v Verdict) storedCause(text string) Cause {
	claim, reason := v.storedClaim(text)
	if v.Outcome != Missed {
		return Cause{Claim: claim, Summary: reason}
	}
	end := len(reason)
	for _, begins := range []string{": ", "; ", " ("} {
		if at := strings.Index(reason, begins); at >= 0 {
			end = min(end, at)
		}
	}
	return Cause{Claim: claim, Summary: reason[:end], Evidence: Evidence(reason[end:])}
}

// storedClaim is the claim of a stored cause, and the reason for it: one of those of every
// verdict, or else what stands before the first "because", as of agreement.
func (v Verdict) storedClaim(text string) (claim Claim, reason string) {
	for _, claim := range []Claim{v.WasMissed(), v.IsNotKnown()} {
		if reason, ok := strings.CutPrefix(text, string(claim)+because); ok {
			return claim, reason
		}
	}
	if claim, reason, ok := strings.Cut(text, because); ok {
		return Claim(claim), reason
	}
	return "", text
}
