package harness

// Seen is how much is known of when the content of an answer came.
type Seen string

// What can be known. The files of other tools may not have each chunk.
const (
	SeenEach Seen = ""               // Chunks has each
	SeenEnds Seen = "first and last" // Chunks has the first and the last
	SeenNone Seen = "none"           // Chunks is empty, also where content came
)

// HasContent reports whether content came, which is taken for granted of a whole answer of which no chunk is known.
func (r *Record) HasContent() bool { return len(r.Chunks) > 0 || r.Seen == SeenNone && r.OK() }

// ChunkCount is how many chunks of content came, or Unreported.
func (r *Record) ChunkCount() int {
	if r.Seen != SeenEach {
		return Unreported
	}
	return len(r.Chunks)
}
