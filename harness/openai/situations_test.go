package openai_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

func situations() (all []situation) {
	all = append(all, lineEnds()...)
	all = append(all, fieldsAndEvents()...)
	all = append(all, endings()...)
	all = append(all, errorShapes()...)
	all = append(all, labels()...)
	all = append(append(all, encodings()...), transfers()...)
	slices.SortStableFunc(all, func(a, b situation) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.name, b.name))
	})
	return all
}

const mark = "\xef\xbb\xbf"

func with(end string) string { return strings.ReplaceAll(sWhole, "\n", end) }

func each(s string) rawAnswer { return rawAnswer{pieces: strings.Split(s, "")} }

func lineEnds() (all []situation) {
	for name, answer := range map[string]rawAnswer{
		"LF":                        one(sWhole),
		"CRLF":                      one(with("\r\n")),
		"CR":                        one(with("\r")),
		"mixed":                     one(lined(eRole) + strings.ReplaceAll(lined(eRed), "\n", "\r") + strings.ReplaceAll(lined(eFox), "\n", "\r\n") + lined(eFinish, eUsage) + "data: [DONE]\r\n\n"),
		"LF, byte by byte":          each(sWhole),
		"CRLF, byte by byte":        each(with("\r\n")),
		"CR, byte by byte":          each(with("\r")),
		"CR here, LF there":         {pieces: strings.SplitAfter(with("\r\n"), "\r")},
		"a byte order mark":         one(mark + sWhole),
		"that mark in two pieces":   {pieces: []string{mark[:1], mark[1:] + sWhole}},
		"empty lines at the start":  one("\n\n\r\n" + sWhole),
		"many empty lines between":  one(strings.ReplaceAll(sWhole, "\n\n", "\n\n\n\n")),
		"no space after the colon":  one(strings.ReplaceAll(sWhole, "data: ", "data:")),
		"two spaces":                one(strings.ReplaceAll(sWhole, "data: ", "data:  ")),
		"every event a piece":       {pieces: strings.SplitAfter(sWhole, "\n\n")},
		"all lines, one piece each": {pieces: strings.SplitAfter(sWhole, "\n")},
	} {
		all = append(all, situation{"line ends", name, answer, good, ""})
	}
	return all
}

func fieldsAndEvents() (all []situation) {
	between := func(s string) string { return strings.ReplaceAll(sWhole, "\n\n", "\n\n"+s) }
	before := func(s string) string { return strings.ReplaceAll(sWhole, "data: {", s+"data: {") }
	long := strings.Repeat("x", 5<<20)
	for name, s := range map[string]string{
		"comments":                  between(": keep-alive\n\n"),
		"comments in an event":      before(": x\n"),
		"a colon alone":             between(":\n\n"),
		"retry":                     "retry: 3000\n\n" + sWhole,
		"id":                        before("id: 7\n"),
		"event: message":            before("event: message\n"),
		"event: completion":         before("event: completion.chunk\n"),
		"an empty event name":       before("event:\n"),
		"data of several lines":     strings.ReplaceAll(sWhole, `,"choices":`, ",\ndata: \"choices\":"),
		"empty data":                between("data:\n\n"),
		"data without a colon":      between("data\n\n"),
		"a ping, named":             between("event: ping\ndata: {\"type\":\"ping\"}\n\n"),
		"a ping that is no JSON":    between("event: ping\ndata: 1700000000\n\n"),
		"a named event of words":    between("event: heartbeat\ndata: still here\n\n"),
		"fields that are not known": before("x-took: 3\n"),
		"progress before the text":  "data: {\"object\":\"progress\",\"message\":\"loading\"}\n\n" + sWhole,
		"filter results":            "data: {\"id\":\"\",\"choices\":[],\"prompt_filter_results\":[{}]}\n\n" + sWhole,
		"events after [DONE]":       sWhole + lined(eRed) + "data: {oops\n\n",
		"[DONE] without a space":    sBody + "data:[DONE]\n\n",
		"[DONE] by name":            sBody + "event: done\ndata: [DONE]\n\n",
		"[DONE] twice":              sWhole + "data: [DONE]\n\n",
		"comments of 5 MiB":         ": " + long + "\n\n" + sWhole,
		"five MiB that mean little": lined(strings.Replace(eRole, `"created":1`, `"created":1,"x":"`+long+`"`, 1)) + sWhole,
	} {
		all = append(all, situation{"events", name, one(s), good, ""})
	}
	for _, falsy := range []string{`null`, `""`, `{}`, `[]`, `false`, `0`} {
		s := strings.ReplaceAll(sWhole, `"object":`, `"error":`+falsy+`,"object":`)
		all = append(all, situation{"events", "error is " + falsy, one(s), good, ""})
	}
	text := lined(strings.Replace(eRed, "Red", long, 1))
	return append(all, situation{"events", "a text of 5 MiB", one(text + lined(eFinish, eUsage) + "data: [DONE]\n\n"), outcome{text: long, finish: "stop", output: 2}, ""})
}

func endings() []situation {
	const breaks, silent = eitherWay, "a finish reason and then silence" // we may have left before the connection breaks
	finish := sText + lined(eFinish)
	both := sText + lined(strings.Replace(eFinish, `"created":1`, `"created":1,"usage":{"completion_tokens":2}`, 1))
	counted := strings.ReplaceAll(sBody, `"created":1`, `"created":1,"usage":{"prompt_tokens":23,"completion_tokens":2}`)
	at := func(name, s string, what ending, want outcome, remark string) situation {
		return situation{"ends", name, then(s, what), want, remark}
	}
	cut := failing("Red fox", harness.CutShort, "without a finish reason")
	return []situation{
		at("[DONE], then open", sWhole, staysOpen, good, ""),
		at("[DONE], then closed", sWhole, closes, good, breaks),
		at("[DONE], then reset", sWhole, resets, good, breaks),
		at("[DONE] without an empty line, then open", sBody+"data: [DONE]\n", staysOpen, good, ""),
		at("[DONE] without a line end, then open", sBody+"data: [DONE]", staysOpen, good, ""),
		at("[DONE] without a line end", sBody+"data: [DONE]", ends, good, ""),
		at("[DONE] right after the usage's line", sText+lined(eFinish)+"data: "+eUsage+"\ndata: [DONE]\n\n", ends, good, ""),
		at("usage and no [DONE]", sBody, ends, good, ""),
		at("usage, then open", sBody, staysOpen, good, ""),
		at("usage, then closed", sBody, closes, good, breaks),
		at("usage, then reset", sBody, resets, good, breaks),
		at("usage without an empty line", strings.TrimSuffix(sBody, "\n"), ends, good, ""),
		at("usage without a line end", strings.TrimSuffix(sBody, "\n\n"), ends, good, ""),
		at("half of a usage", sBody[:len(sBody)-20], ends, noUse, ""),
		at("half of a usage, then closed", sBody[:len(sBody)-20], closes, noUse, breaks),
		at("a finish reason with usage, then open", both, staysOpen, good, ""),
		at("running usage, then open", counted, staysOpen, good, ""),
		at("a finish reason", finish, ends, noUse, ""),
		at("a finish reason and [DONE]", finish+"data: [DONE]\n\n", ends, noUse, ""),
		at("a finish reason and [DONE], then open", finish+"data: [DONE]\n\n", staysOpen, noUse, ""),
		at("a finish reason, then closed", finish, closes, noUse, breaks),
		at("a finish reason, then open", finish, staysOpen, noUse, silent),
		at("a finish reason, then comments", finish+": x\n\n: x\n\n", staysOpen, noUse, silent),
		at("a finish reason without an empty line", strings.TrimSuffix(finish, "\n"), ends, noUse, ""),
		at("a finish reason without a line end", strings.TrimSuffix(finish, "\n\n"), ends, noUse, ""),
		at("no finish reason", sText, ends, cut, ""),
		at("[DONE] and no finish reason", sText+"data: [DONE]\n\n", ends, cut, ""),
		at("[DONE] and no finish reason, then open", sText+"data: [DONE]\n\n", staysOpen, cut, ""),
		at("half of an event", lined(eRed)+"data: "+eFox[:40], ends, failing("Red", harness.CutShort, "in the middle of an event"), ""),
		at("closed in mid-answer", sText, closes, failing("Red fox", harness.Reset, "in the middle of its answer"), ""),
		at("reset in mid-answer", sText, resets, failing("Red fox", harness.Reset, "reset by peer"), ""),
		at("nothing", "", ends, failing("", harness.CutShort, "without a finish reason"), ""),
		at("comments only", ": x\n\n", ends, failing("", harness.CutShort, "without a finish reason"), ""),
	}
}

func errorShapes() (all []situation) {
	const words = "CUDA out of memory"
	shapes := map[string]string{
		"error.message":           `data: {"error":{"message":"` + words + `","code":500}}`,
		"error is words":          `data: {"error":"` + words + `"}`,
		"vLLM's former":           `data: {"object":"error","message":"` + words + `","type":"BadRequestError","param":null,"code":400}`,
		"event: error, JSON":      "event: error\ndata: {\"message\":\"" + words + "\",\"code\":500}",
		"event: error, words":     "event: error\ndata: " + words,
		"event:error, no spaces":  "event:error\ndata:{\"error\":\"" + words + "\"}",
		"event: error, two lines": "event: error\ndata: CUDA\ndata: out of memory",
		"data before its event":   "data: {\"message\":\"" + words + "\"}\nevent: error",
		"detail":                  `data: {"detail":"` + words + `"}`,
		"detail, of FastAPI":      `data: {"detail":[{"loc":["body"],"msg":"` + words + `"}]}`,
		"code and msg":            `data: {"code":50001,"msg":"` + words + `"}`,
		"code is a word":          `data: {"code":"overloaded","message":"` + words + `"}`,
		"status and message":      `data: {"status":500,"message":"` + words + `"}`,
		"type error":              `data: {"type":"error","error":{"type":"overloaded","message":"` + words + `"}}`,
		"success false":           `data: {"success":false,"message":"` + words + `"}`,
		"errors":                  `data: {"errors":[{"message":"` + words + `"}]}`,
		"error with choices":      `data: {"choices":[],"error":{"message":"` + words + `"}}`,
		"a line that is JSON":     `{"error":{"message":"` + words + `"}}`,
	}
	for name, s := range shapes {
		all = append(all,
			situation{"errors", name + ", alone", one(s + "\n\n"), failing("", harness.ErrorInStream, words), ""},
			situation{"errors", name + ", with [DONE]", one(s + "\n\ndata: [DONE]\n\n"), failing("", harness.ErrorInStream, words), ""},
			situation{"errors", name + ", in mid-stream", one(lined(eRole, eRed) + s + "\n\n"), failing("Red", harness.ErrorInStream, words), ""},
			situation{"errors", name + ", without an empty line", one(lined(eRed) + s), failing("Red", harness.ErrorInStream, words), ""},
		)
	}
	long := strings.Repeat("x ", 1000)
	return append(all,
		situation{"errors", "words for a terminal", one("data: {\"error\":\"\\u001b[31mred\\u0007\\u202e alert\"}\n\n"), failing("", harness.ErrorInStream, "[31mred alert"), ""},
		situation{"errors", "long words", one(fmt.Sprintf("data: {\"error\":%q}\n\n", long)), failing("", harness.ErrorInStream, long[:300]+"…"), ""},
		situation{"errors", "no JSON", one("data: {oops\n\n"), failing("", harness.Malformed, "an event is not JSON: {oops"), ""},
		situation{"errors", "no empty lines", one(strings.ReplaceAll(sText, "\n\n", "\n")), failing("", harness.Malformed, "not set apart by empty lines"), ""},
		situation{"errors", "no empty lines, and [DONE]", one(strings.ReplaceAll(sWhole, "\n\n", "\n")), failing("", harness.Malformed, "not set apart by empty lines"), ""},
		situation{"errors", "words between events", one(sText + "Internal Server Error\n"), failing("Red fox", harness.CutShort, "Internal Server Error"), ""},
	)
}

func labels() (all []situation) {
	for name, kind := range map[string]string{
		"another case": "Text/Event-Stream", "a parameter": "text/event-stream;charset=UTF-8", "a space before it": "text/event-stream ; charset=utf-8",
	} {
		all = append(all, situation{"labels", name, typed(kind, sWhole), good, ""})
	}
	for name, kind := range map[string]string{"JSON": "application/json", "text": "text/plain; charset=utf-8", "bytes": "application/octet-stream", "none": "-", "a page": "text/html"} {
		remark := "labels its streams of events as " + strings.TrimSuffix(kind, "; charset=utf-8")
		if kind == "-" {
			remark = "(no Content-Type)"
		}
		all = append(all, situation{"labels", "a stream as " + name, typed(kind, sWhole), good, remark},
			situation{"labels", "a stream with a mark as " + name, typed(kind, mark+": x\r\n\r\n"+with("\r\n")), good, remark},
			situation{"labels", "an error of a stream as " + name, typed(kind, "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"), failing("", harness.ErrorInStream, "overloaded"), ""})
	}
	const whole = `{"id":"1","object":"chat.completion","model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":"Red fox"},"finish_reason":"stop"}],"usage":{"completion_tokens":2}}`
	const page = "<!DOCTYPE html><html><head><title>Sign in</title><style>p{}</style></head><body>\n<p>Please sign in</p><script>x()</script></body></html>"
	for name, kind := range map[string]string{"JSON": "application/json", "a stream": "text/event-stream", "nothing": "-", "text": "text/plain"} {
		for what, c := range map[string]struct {
			body, says string
			kind       harness.Failure
		}{
			"an error":          {`{"error":{"message":"model is overloaded","code":503}}`, "model is overloaded", harness.ErrorInStream},
			"an error of words": {`{"error":"model is overloaded"}`, "model is overloaded", harness.ErrorInStream},
			"a former error":    {`{"object":"error","message":"model is overloaded"}`, "model is overloaded", harness.ErrorInStream},
			"a detail":          {"{\n  \"detail\": \"model is overloaded\"\n}", "model is overloaded", harness.ErrorInStream},
			"a list of errors":  {`[{"error":{"code":429,"message":"model is overloaded"}}]`, "model is overloaded", harness.ErrorInStream},
			"a whole answer":    {whole, "the server answered without streaming", harness.Malformed},
			"a page":            {page, "Sign in Please sign in;", harness.Malformed},
			"words":             {"upstream connect error", "is no stream of events: upstream connect error", harness.Malformed},
			"lines of JSON":     {eRed + "\n" + eFinish + "\n", "", harness.Malformed},
		} {
			all = append(all, situation{"labels", what + " as " + name, typed(kind, c.body), failing("", c.kind, c.says), ""})
		}
	}
	return all
}

func encodings() []situation {
	const compressed = "answers came compressed ("
	parts := []string{lined(eRole, eRed), lined(eFox, eFinish), lined(eUsage) + "data: [DONE]\n\n"}
	open := encoded("gzip", zipped("gzip", true, parts...)...)
	open.then = staysOpen
	cut := encoded("gzip", zipped("gzip", true, parts[0])...)
	return []situation{
		{"encodings", "gzip", encoded("gzip", zipped("gzip", false, parts...)...), good, compressed + "gzip"},
		{"encodings", "gzip in one piece", encoded("GZip", zipped("gzip", false, sWhole)...), good, compressed + "gzip"},
		{"encodings", "gzip, byte by byte", encoded("gzip", strings.Split(strings.Join(zipped("gzip", false, parts...), ""), "")...), good, compressed},
		{"encodings", "x-gzip", encoded("x-gzip", zipped("gzip", false, sWhole)...), good, compressed},
		{"encodings", "gzip that stays open", open, good, compressed},
		{"encodings", "gzip that ends in the middle", cut, failing("Red", harness.Reset, "ended in the middle"), compressed},
		{"encodings", "deflate", encoded("deflate", zipped("zlib", false, parts...)...), good, compressed + "deflate"},
		{"encodings", "deflate without zlib", encoded("deflate", zipped("flate", false, parts...)...), good, compressed + "deflate"},
		{"encodings", "gzip by name only", encoded("gzip", sWhole), good, ""},
		{"encodings", "deflate by name only", encoded("deflate", sWhole), good, ""},
		{"encodings", "identity", encoded("identity", sWhole), good, ""},
		{"encodings", "br", encoded("br", "\x1b\x00"), failing("", harness.Malformed, "compressed (br), which was not asked for"), ""},
		{"encodings", "zstd", encoded("zstd", "\x28\xb5"), failing("", harness.Malformed, "compressed (zstd)"), ""},
		{"encodings", "two of them", encoded("gzip, br", "\x1b\x00"), failing("", harness.Malformed, "compressed (gzip, br)"), ""},
		{"encodings", "broken gzip", encoded("gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff\xff"), failing("", harness.Malformed, "cannot be decompressed"), compressed},
		{"encodings", "an error, zipped", encoded("gzip", zipped("gzip", false, `{"error":{"message":"no room"}}`)...), failing("", harness.ErrorInStream, "no room"), compressed},
	}
}

func transfers() (all []situation) {
	const head = "Content-Type: text/event-stream\r\n"
	plain := func(s string) rawAnswer { return rawAnswer{pieces: []string{s}, clear: true, then: closes} }
	chunked := "HTTP/1.1 200 OK\r\n" + head + "Transfer-Encoding: chunked\r\n"
	chunk := func(s, extension string) string { return fmt.Sprintf("%X%s\r\n%s\r\n", len(s), extension, s) }
	var small string
	for rest := sWhole; rest != ""; rest = rest[min(7, len(rest)):] {
		small += chunk(rest[:min(7, len(rest))], "")
	}
	for name, s := range map[string]string{
		"HTTP/1.0, to the end":         "HTTP/1.0 200 OK\r\n" + head + "\r\n" + sWhole,
		"HTTP/1.1, to the end":         "HTTP/1.1 200 OK\r\n" + head + "\r\n" + sWhole,
		"a length":                     fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", head, len(sWhole), sWhole),
		"lines that end with LF":       fmt.Sprintf("HTTP/1.1 200 OK\n%sContent-Length: %d\n\n%s", head, len(sWhole), sWhole),
		"no reason phrase":             fmt.Sprintf("HTTP/1.1 200\r\n%sContent-Length: %d\r\n\r\n%s", head, len(sWhole), sWhole),
		"Connection: close":            chunked + "Connection: close\r\n\r\n" + chunk(sWhole, "") + "0\r\n\r\n",
		"Keep-Alive":                   chunked + "Keep-Alive: timeout=5\r\n\r\n" + chunk(sWhole, "") + "0\r\n\r\n",
		"1xx before":                   "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + chunked + "\r\n" + chunk(sWhole, "") + "0\r\n\r\n",
		"an extension of a chunk":      chunked + "\r\n" + chunk(sWhole, ";a=b;c=\"d\"") + "0;e\r\n\r\n",
		"a trailer":                    chunked + "Trailer: X-Took\r\n\r\n" + chunk(sWhole, "") + "0\r\nX-Took: 3\r\n\r\n",
		"chunks that cut events":       chunked + "\r\n" + small + "0\r\n\r\n",
		"chunks' lengths with zeros":   chunked + "\r\n" + fmt.Sprintf("%08x\r\n%s\r\n", len(sWhole), sWhole) + "000\r\n\r\n",
		"half of a trailer":            chunked + "\r\n" + chunk(sWhole, "") + "0\r\nX-Took",
		"a chunk that ends too early":  chunked + "\r\n" + fmt.Sprintf("%x\r\n%s", len(sWhole)+100, sWhole),
		"a length that is too long":    fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", head, len(sWhole)+100, sWhole),
		"no chunk after [DONE], but …": chunked + "\r\n" + chunk(sWhole, "") + "oops\r\n",
	} {
		remark := ""
		if strings.Contains(name, "too") || strings.Contains(name, "half") || strings.Contains(name, "but") {
			remark = eitherWay
		}
		all = append(all, situation{"transfers", name, plain(s), good, remark})
	}
	return append(all,
		situation{"transfers", "a length that is too short", plain(fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", head, len(sText), sWhole)), failing("Red fox", harness.CutShort, "without a finish reason"), ""},
		situation{"transfers", "HTTP/1.0, cut short", plain("HTTP/1.0 200 OK\r\n" + head + "\r\n" + sText), failing("Red fox", harness.CutShort, "without a finish reason"), ""},
	)
}
