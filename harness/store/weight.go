package store

// What rows hold beside themselves, in bytes: what a server sends can be long, and a table
// that counted rows only would keep thousands of such texts in memory.

// weight is that of a request's lists and texts. Those of the run are the same in all.
func (r row) weight() int {
	texts := 0
	for _, text := range []*string{r.Finish, r.Failure, r.Error, r.RequestID, r.Model, r.RequestedModel, r.Replica, r.CountFault} {
		if text != nil {
			texts += len(*text)
		}
	}
	const number = 8
	return number*(len(r.ChunkNS)+len(r.ChunkTokens)) + texts
}

// weight is that of a sample's labels.
func (r reading) weight() (n int) {
	for name, value := range r.Labels {
		n += len(name) + len(value)
	}
	return n
}
