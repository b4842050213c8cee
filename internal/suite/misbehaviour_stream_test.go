package suite_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// misbehaviours are all of them.
func misbehaviours() (all []misbehaviour) {
	for _, some := range [][]misbehaviour{
		{{does: "does nothing wrong", as: func(w http.ResponseWriter, _ *http.Request) { answerWell(w) }, may: everyRow, well: true, alone: true}},
		depths(), floods(), longFields(), mistypes(), miscounts(), wrongText(), errorAnswers(), compressedAnswers(),
		framings(), heads(), endsOfConnections(), earlyAnswers(), modelLists(), questions(), metricPages(),
	} {
		all = append(all, some...)
	}
	return all
}

// events answers the load with these events, and [DONE] after them.
func events(data ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, one := range append(data, "[DONE]") {
			io.WriteString(w, "data: "+one+"\n\n")
		}
	}
}

// wellBut answers well, with one event before the others.
func wellBut(data string) http.HandlerFunc {
	return events(data, piece("a", ""), piece("b", ""), piece("c", ""), piece("d", "length"), usage(16, 4))
}

// forEver answers with the same text again and again, as fast as it is taken.
func forEver(text string) http.HandlerFunc { return startingForEver("", text) }

func startingForEver(start, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		block := []byte(strings.Repeat(text, max(1, 32<<10/len(text))))
		for _, err := io.WriteString(w, start); err == nil; _, err = w.Write(block) {
		}
	}
}

// slowly writes a text byte by byte.
func slowly(start, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, start)
		for _, c := range text {
			fmt.Fprintf(w, "%c", c)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
}

const mib = 1 << 20

func nested(n int, open string) string { return strings.Repeat(open, n) }

func depths() []misbehaviour {
	return []misbehaviour{
		{does: "sends an event of 1 MiB of `[`", as: events(nested(mib, "[")), ends: "an event of the stream nests more than 1000 deep", may: "m"},
		{does: "sends an event of objects in objects", as: events(nested(mib/6, `{"a":`)), ends: "an event of the stream nests more than 1000 deep", may: "m"},
		{does: "nests usage deep, and closes it", as: wellBut(`{"choices":[],"usage":` + nested(50_000, `{"a":`) + "1" + nested(50_000, "}") + "}"), ends: "an event of the stream nests more than 1000 deep", may: "m"},
		{does: "nests what stands beside the choices, 900 deep", as: wellBut(`{"choices":[],"x":` + nested(900, "[") + nested(900, "]") + "}"), may: everyRow},
		{does: "answers 500 with 1 MiB of `[`", as: refusing(500, nested(mib, "[")), ends: "http 500", may: "m"},
		{does: "sends an error event of 1 MiB of `[`", as: raw("event: error\ndata: " + nested(mib, "[") + "\n\n"), ends: "error in stream", may: "m"},
		{does: "sends 1 MiB of `[` that belongs to no event", as: raw(nested(mib, "[")), ends: "malformed", may: "m"},
	}
}

// raw is a body as it is.
func raw(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, body)
	}
}

func refusing(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func floods() []misbehaviour {
	event := func(data string) string { return "data: " + data + "\n\n" }
	return []misbehaviour{
		{does: "sends pieces of an answer for ever", as: forEver(event(piece("x", ""))), ends: "and at most 4 tokens were asked for|timeout", may: "m"},
		{does: "sends events without content for ever", as: forEver(event(piece("", ""))), ends: "and at most 4 tokens were asked for|timeout", may: "m"},
		{does: "sends usage for ever", as: forEver(event(usage(16, 4))), ends: "and at most 4 tokens were asked for|timeout", may: "m"},
		{does: "goes on for ever after the finish reason", as: startingForEver(event(piece("a", "length")), event(piece("x", ""))), ends: "and at most 4 tokens were asked for|timeout", may: "m"},
		{does: "sends comments for ever", as: forEver(": still here\n\n"), ends: "timeout", may: "m"},
		{does: "sends empty lines for ever", as: forEver("\n"), ends: "timeout", may: "m"},
		{does: "sends types of events for ever", as: forEver("event: x\n"), ends: "timeout", may: "m"},
		{does: "sends events of an unknown kind for ever", as: forEver(event(`{"x":1}`)), ends: "timeout", may: "m"},
		{does: "sends one line without end", as: startingForEver("data: ", strings.Repeat("x", 1024)), ends: "an event of the stream is longer than 64 MiB|all such events at a time", may: "m", alone: true},
		{does: "sends one event of lines without end", as: forEver("data: " + strings.Repeat("x", 1024) + "\n"), ends: "an event of the stream is longer than 64 MiB|all such events at a time", may: "m", alone: true},
		{does: "sends a type of an event without end", as: startingForEver("event: ", strings.Repeat("x", 1024)), ends: "an event of the stream is longer than 64 MiB|all such events at a time", may: "m", alone: true},
		{does: "sends a piece of 8 MiB with each answer", as: wellBut(piece(strings.Repeat("x", 8*mib), "")), may: everyRow, alone: true},
		{does: "sends pieces of 1 MiB for ever", as: forEver(event(piece(strings.Repeat("x", mib), ""))), ends: "the answer is longer than 128 MiB|timeout", may: "m", alone: true},
		{does: "sends data for ever after [DONE]", as: startingForEver(wellAnswered(), "data: x\n\n"), may: everyRow},
		{does: "sends 1 MiB that belongs to no event, and a good answer", as: raw(strings.Repeat("x: y\n", mib/5) + "\n" + wellAnswered()), may: everyRow},
	}
}

// fielded is an answer that is well but for its first event: {"id":…}, with a value of JSON.
func fielded(name, value string) http.HandlerFunc {
	return wellBut(fmt.Sprintf(`{"choices":[{"index":0,"text":"","finish_reason":null}],%q:%s}`, name, value))
}

func longFields() []misbehaviour {
	long := fmt.Sprintf("%q", strings.Repeat("x", mib))
	return []misbehaviour{
		{does: "sends an id of 1 MiB", as: fielded("id", long), ends: "the id of the answer has 1048576 bytes; at most 1024 are kept", may: "m"},
		{does: "sends the name of a model of 1 MiB", as: fielded("model", long), ends: "the model of the answer has 1048576 bytes; at most 1024 are kept", may: "m"},
		{does: "sends a finish reason of 1 MiB", as: wellBut(fmt.Sprintf(`{"choices":[{"index":0,"text":"a","finish_reason":%s}]}`, long)), ends: "the finish reason of the answer has 1048576 bytes; at most 1024 are kept", may: "m"},
		{does: "sends a system fingerprint of 1 MiB", as: fielded("system_fingerprint", long), may: everyRow},
		{does: "sends an X-Request-Id of 60 KB", as: headed("X-Request-Id", strings.Repeat("x", 60_000)), ends: "the field X-Request-Id of the answer's head has 60000 bytes; at most 1024 are read", may: "m"},
		{does: "sends a Content-Type of 60 KB", as: headed("Content-Type", strings.Repeat("x", 60_000)), ends: "the field Content-Type of the answer's head has 60000 bytes; at most 1024 are read", may: "m"},
		{does: "sends another id with every event", as: events(manyIDs()...), ends: "and at most 4 tokens were asked for|timeout", may: "m"},
		{does: "sends another Content-Type with every answer", as: drifting(func(n int) (string, string) { return fmt.Sprintf("text/x-%d", n), wellAnswered() }), may: everyRow},
		{does: "sends another model with every answer", as: drifting(func(n int) (string, string) {
			return "text/event-stream", strings.ReplaceAll(wellAnswered(), "llama-3.1-8b", fmt.Sprint("model-", n))
		}), may: everyRow},
		{does: "sends another error with every answer", as: drifting(func(n int) (string, string) {
			return "text/event-stream", fmt.Sprintf("data: {\"error\":{\"message\":\"number %d %s\"}}\n\n", n, strings.Repeat("x", 5000))
		}), ends: "error in stream: number", may: "m"},
	}
}

func manyIDs() (all []string) {
	for n := range 6000 {
		all = append(all, fmt.Sprintf(`{"id":"cmpl-%d","choices":[{"index":0,"text":"x","finish_reason":null}]}`, n))
	}
	return all
}

func headed(name, value string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set(name, value)
		io.WriteString(w, wellAnswered())
	}
}

// drifting answers every request otherwise.
func drifting(answer func(n int) (kind, body string)) http.HandlerFunc {
	n := make(chan int, 1)
	n <- 0
	return func(w http.ResponseWriter, _ *http.Request) {
		now := <-n
		n <- now + 1
		kind, body := answer(now)
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, body)
	}
}

func mistypes() []misbehaviour {
	finishing := func(reason string) http.HandlerFunc {
		return events(piece("a", ""), fmt.Sprintf(`{"choices":[{"index":0,"text":"b","finish_reason":%s}]}`, reason), usage(16, 2))
	}
	only := func(choice string) http.HandlerFunc {
		return events(`{"choices":[`+choice+`]}`, piece("", "length"), usage(16, 4))
	}
	return []misbehaviour{
		{does: "sends an object as id", as: fielded("id", `{"a":1}`), may: everyRow},
		{does: "sends an array as model", as: fielded("model", `["x"]`), may: everyRow},
		{does: "sends {} as finish reason", as: finishing("{}"), ends: "cut short: the stream ended without a finish reason", may: "m"},
		{does: "sends false as finish reason", as: finishing("false"), ends: "cut short: the stream ended without a finish reason", may: "m"},
		{does: "sends 0 as finish reason", as: finishing("0"), ends: "cut short: the stream ended without a finish reason", may: "m"},
		{does: "sends 7 as finish reason", as: finishing("7"), ends: "cut short: the stream ended without a finish reason", may: "m"},
		{does: "sends an empty finish reason", as: finishing(`""`), ends: "cut short: the stream ended without a finish reason", may: "m"},
		{does: "sends a finish reason in an array", as: finishing(`["stop"]`), ends: "cut short: the stream ended without a finish reason", may: "m"},
		{does: "sends an object as text", as: only(`{"text":{"a":1}}`), ends: "empty", may: "m"},
		{does: "sends a number as text", as: only(`{"text":7}`), ends: "empty", may: "m"},
		{does: "sends true as text", as: only(`{"text":true}`), ends: "empty", may: "m"},
		{does: "sends choices that are an object", as: events(`{"choices":{"0":{"text":"a","finish_reason":"length"}}}`), ends: "cut short", may: "m"},
		{does: "sends choices that are a string", as: events(`{"choices":"a"}`), ends: "cut short", may: "m"},
		{does: "sends no choice in any event", as: events(`{"choices":[]}`, `{"choices":[]}`), ends: "cut short", may: "m"},
		{does: "sends events that are arrays", as: events(`[{"text":"a"}]`), ends: "cut short", may: "m"},
		{does: "sends a chat's delta that is a string", as: only(`{"delta":"a"}`), ends: "empty", may: "m"},
	}
}

func miscounts() []misbehaviour {
	counted := func(usage string) http.HandlerFunc {
		return events(piece("a", ""), piece("b", ""), piece("c", ""), piece("d", "length"), `{"choices":[],"usage":`+usage+"}")
	}
	lone := func(usage string) http.HandlerFunc {
		return events(piece("abcd", "length"), `{"choices":[],"usage":`+usage+"}")
	}
	const cannot = "the server's token counts cannot be right in"
	return []misbehaviour{
		{does: "counts 9223372036854775807 output tokens", as: lone(`{"prompt_tokens":16,"completion_tokens":9223372036854775807}`), ends: "a count is negative, no whole number, or beyond any context", may: "lem"},
		{does: "counts 10,000 output tokens in an answer of one piece, of 4 at most", as: lone(`{"prompt_tokens":16,"completion_tokens":10000}`), ends: "more output tokens", may: "lem"},
		{does: "counts -5 output tokens", as: counted(`{"prompt_tokens":16,"completion_tokens":-5}`), ends: cannot, may: "lem"},
		{does: "counts 3.5 output tokens", as: counted(`{"prompt_tokens":16,"completion_tokens":3.5}`), ends: cannot, may: "lem"},
		{does: "counts 1e300 output tokens", as: counted(`{"prompt_tokens":16,"completion_tokens":1e300}`), ends: cannot, may: "lem"},
		{does: "counts in strings", as: counted(`{"prompt_tokens":"16","completion_tokens":"4"}`), may: "lem"},
		{does: "counts NaN output tokens", as: counted(`{"prompt_tokens":16,"completion_tokens":NaN}`), ends: "malformed: an event is not JSON", may: "m"},
		{does: "counts no output tokens in an answer with some", as: counted(`{"prompt_tokens":16,"completion_tokens":0}`), ends: "fewer output tokens were counted than pieces of the answer came", may: "lem"},
		{does: "counts less in a later event", as: wellBut(usage(16, 100)), ends: "a later count of one answer is below an earlier one", may: "lem"},
		{does: "counts a prompt of no tokens", as: counted(`{"prompt_tokens":0,"completion_tokens":4}`), ends: "the prompt is counted as no tokens", may: "lem"},
		{does: "counts a prompt of 10,000,000 tokens", as: counted(`{"prompt_tokens":10000000,"completion_tokens":4}`), ends: "more prompt tokens were counted than a prompt of that length can have", may: "lem"},
		{does: "counts -1 prompt tokens", as: counted(`{"prompt_tokens":-1,"completion_tokens":4}`), ends: cannot, may: "lem"},
		{does: "finds more cached tokens than the prompt has", as: counted(`{"prompt_tokens":16,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":900}}`), ends: "a part of it is more than the whole", may: "lem"},
		{does: "counts more tokens of reasoning than of output", as: counted(`{"prompt_tokens":16,"completion_tokens":4,"completion_tokens_details":{"reasoning_tokens":900}}`), ends: "a part of it is more than the whole", may: "lem"},
		{does: "sends usage as an array", as: counted(`[16,4]`), may: "lem"},
		{does: "times itself 1e300 ms, and -1e300 ms", as: wellBut(`{"choices":[],"metrics":{"queue_time_ms":1e300,"time_to_first_token_ms":-1e300,"generation_time_ms":1e999}}`), may: everyRow},
		{does: "sends the ids of 100,000 tokens with one piece", as: wellBut(`{"choices":[{"index":0,"text":"x","token_ids":[` + strings.Repeat("1,", 99_999) + `1]}]}`), may: everyRow},
	}
}

func wrongText() []misbehaviour {
	with := func(text string) http.HandlerFunc {
		return events(`{"choices":[{"index":0,"text":"`+text+`","finish_reason":null}]}`, piece("b", "length"), usage(16, 2))
	}
	return []misbehaviour{
		{does: "sends NUL bytes in its text", as: with("\x00\x00"), ends: "malformed: an event is not JSON", may: "m"},
		{does: "sends NUL bytes between events", as: raw("\x00\x00\n\n" + wellAnswered()), may: everyRow},
		{does: "sends escaped NULs", as: with(`\u0000`), may: everyRow},
		{does: "sends text that is not UTF-8", as: with("\xff\xfe"), may: everyRow},
		{does: "sends half of a surrogate pair", as: with(`\ud800`), may: everyRow},
		{does: "sends events that are not JSON", as: events("{", "}", "x"), ends: "malformed: an event is not JSON", may: "m"},
		{does: "sends a web page", as: raw("<!doctype html><html><body>Log in</body></html>"), ends: "malformed: a web page came", may: "m"},
		{does: "sends its whole answer as one body of JSON", as: raw(`{"choices":[{"text":"abcd","finish_reason":"length"}],"usage":{"prompt_tokens":16,"completion_tokens":4}}`), ends: "malformed: the server answered without streaming", may: "m"},
		{does: "sends random bytes", as: raw(strings.Repeat("\x93\x00\xf1\n\r:", 20_000)), ends: "malformed", may: "m"},
		{does: "ends in the middle of an event", as: raw("data: " + piece("a", "") + "\n\ndata: {\"choi"), ends: "cut short: the stream ended in the middle of an event", may: "m"},
		{does: "drips an answer byte by byte", as: slowly("data: ", strings.Repeat("x", 100)), ends: "timeout", may: "m"},
	}
}

func errorAnswers() []misbehaviour {
	return []misbehaviour{
		{does: "answers 500 with 5 MiB of words", as: refusing(500, strings.Repeat("word ", mib)), ends: "http 500: word word", may: "m"},
		{does: "answers 503 without end", as: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503); forEver("no ")(w, r) }, ends: "http 503: no no", may: "m"},
		{does: "answers 400 with control characters and GitHub's commands", as: refusing(400, "{\"error\":{\"message\":\"a\\n::stop-commands::x\\n\\u001b[31m\\u0007\"}}"), ends: "http 400", may: "m"},
		{does: "answers 429", as: refusing(429, ""), ends: "http 429", may: "m"},
		{does: "answers 200 with nothing", as: refusing(200, ""), ends: "malformed: nothing came", may: "m"},
		{does: "answers 204", as: refusing(204, ""), ends: "http 204", may: "m"},
		{does: "answers 304", as: refusing(304, ""), ends: "http 304", may: "m"},
		{does: "sends an error event with 1 MiB of words", as: events(`{"error":{"message":"` + strings.Repeat("word ", mib/5) + `"}}`), ends: "error in stream: word word|timeout", may: "m"},
		{does: "sends an error event under status 200 after a piece", as: events(piece("a", ""), `{"error":{"message":"out of memory"}}`), ends: "error in stream: out of memory", may: "m"},
		{does: "redirects to itself", as: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, ends: "http 307: it sends us on", may: "m"},
		{does: "redirects to an address that cannot be read", as: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://[::bad")
			w.WriteHeader(302)
		}, ends: "http 302", may: "m"},
		{does: "redirects to an address of 60 KB", as: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/"+strings.Repeat("x", 60_000))
			w.WriteHeader(302)
		}, ends: "the field Location of the answer's head has 60001 bytes; at most 1024 are read", may: "m"},
	}
}

// zipped is a text many times, compressed.
func zippedTimes(text string, times int) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	block := strings.Repeat(text, max(1, mib/len(text)))
	for range max(1, times*len(text)/len(block)) {
		io.WriteString(w, block)
	}
	w.Close()
	return out.String()
}

func compressedAnswers() []misbehaviour {
	as := func(encoding, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", encoding)
			io.WriteString(w, body)
		}
	}
	zeros := zippedTimes("\x00", 300*mib)
	return []misbehaviour{
		{does: "sends 300 MiB of zeros, compressed", as: as("gzip", zeros), ends: "an event of the stream is longer than 64 MiB|all such events at a time", may: "m", alone: true},
		{does: "sends a million events, compressed", as: as("gzip", zippedTimes("data: "+piece("x", "")+"\n\n", 1_000_000)), ends: "and at most 4 tokens were asked for|timeout", may: "m"},
		{does: "sends a compressed answer that is cut off", as: as("gzip", zippedTimes("data: x", 1)[:12]), ends: "the compressed answer ended in the middle", may: "m"},
		{does: "sends what is no gzip, as gzip", as: as("gzip", "\x1f\x8b\xff\xff\xff\xff\xff"), ends: "the compressed answer ended in the middle", may: "m"},
		{does: "sends what is no deflate, as deflate", as: as("deflate", "\x07\x07\x07\x07"), ends: "malformed", may: "m"},
		{does: "compresses by brotli", as: as("br", "x"), ends: "the answer is compressed (br), which was not asked for", may: "m"},
		{does: "names twenty encodings", as: as(strings.Repeat("gzip,", 20), "x"), ends: "malformed: the answer is compressed", may: "m"},
	}
}
