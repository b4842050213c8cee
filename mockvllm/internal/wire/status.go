package wire

import "net/http"

// A Status remembers what was answered.
type Status struct {
	http.ResponseWriter
	Code  int
	Bytes int64
}

// WriteHeader notes the status.
func (w *Status) WriteHeader(status int) {
	w.Code = status
	w.ResponseWriter.WriteHeader(status)
}

// Write counts what is written.
func (w *Status) Write(b []byte) (int, error) {
	w.Bytes += int64(len(b))
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what can flush and hijack.
func (w *Status) Unwrap() http.ResponseWriter { return w.ResponseWriter }
