package harness

// An Agreement is one figure of a run as the client counted it and as the server's
// own metrics did, and whether they say the same.
type Agreement struct {
	Name    string   `json:"name"`   // "requests", "mean TTFT"
	Unit    string   `json:"unit"`   // as a Figure's
	Client  *float64 `json:"client"` // nil where it is not reported
	Server  *float64 `json:"server"`
	N       int      `json:"n"`               // requests that the client's figure rests on
	Outcome Outcome  `json:"outcome"`         // met: they agree
	Cause   string   `json:"cause,omitempty"` // what a difference probably comes from, or why that is unknown
}
