package suite_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

// saying writes a text and closes the connection.
func saying(text string) func(net.Conn) {
	return func(conn net.Conn) { io.WriteString(conn, text) }
}

// sayingForEver writes a text, and then another one again and again.
func sayingForEver(start, text string) func(net.Conn) {
	return func(conn net.Conn) {
		block := []byte(strings.Repeat(text, max(1, 32<<10/len(text))))
		for _, err := io.WriteString(conn, start); err == nil; _, err = conn.Write(block) {
		}
	}
}

// sayingSlowly writes a text, and then another one byte by byte, again and again.
func sayingSlowly(start, text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, err := io.WriteString(conn, start)
		for n := 0; err == nil; n++ {
			time.Sleep(50 * time.Millisecond)
			_, err = conn.Write([]byte{text[n%len(text)]})
		}
	}
}

// saysNoMore writes a text and then nothing.
func saysNoMore(start string) func(net.Conn) {
	return func(conn net.Conn) {
		io.WriteString(conn, start)
		io.Copy(io.Discard, conn)
	}
}

func chunked(pieces ...string) string {
	var all strings.Builder
	for _, p := range pieces {
		fmt.Fprintf(&all, "%x\r\n%s\r\n", len(p), p)
	}
	return all.String()
}

func framings() []misbehaviour {
	body := wellAnswered()
	long := func(said string) string { return streamHead + "Content-Length: " + said + "\r\n\r\n" + body }
	const noLength = "cannot be the length of the answer"
	whole := streamHead + "Transfer-Encoding: chunked\r\n"
	return []misbehaviour{
		{does: "promises 5 bytes more than it sends", conn: saying(long(fmt.Sprint(len(body) + 5))), may: everyRow},
		{does: "promises half of what it sends", conn: saying(long(fmt.Sprint(len(body) / 2))), ends: "cut short", may: "m"},
		{does: "sends two lengths that differ", conn: saying(streamHead + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + body), ends: noLength, may: "m"},
		{does: "sends a length as a list", conn: saying(long("145,145")), ends: noLength, may: "m"},
		{does: "sends a negative length", conn: saying(long("-1")), ends: noLength, may: "m"},
		{does: "sends a length of twenty digits", conn: saying(long("99999999999999999999")), ends: noLength, may: "m"},
		{does: "sends a length with a sign", conn: saying(long("+5")), ends: noLength, may: "m"},
		{does: "sends Transfer-Encoding twice", conn: saying(whole + "Transfer-Encoding: chunked\r\n\r\n" + chunked(body, "")), ends: "which was not asked for", may: "m"},
		{does: "sends Transfer-Encoding and Content-Length", conn: saying(whole + "Content-Length: 3\r\n\r\n" + chunked(body, "")), may: everyRow},
		{does: "sends Transfer-Encoding: gzip, chunked", conn: saying(streamHead + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked(body, "")), ends: "which was not asked for", may: "m"},
		{does: "sends a chunk of a negative length", conn: saying(whole + "\r\n-5\r\n" + body), ends: "is no length of a chunk", may: "m"},
		{does: "sends a chunk of 2^63 bytes", conn: saying(whole + "\r\n7fffffffffffffff\r\n" + body), ends: "is no length of a chunk", may: "m"},
		{does: "sends a chunk that is longer than it says", conn: saying(whole + "\r\n5\r\ndata: x\r\n"), ends: "a chunk of the answer goes on with", may: "m"},
		{does: "sends a chunk's extension without end", conn: sayingForEver(whole+"\r\n5;", "x=y;"), ends: "longer than 65536 bytes", may: "m"},
		{does: "sends trailers without end", conn: sayingForEver(whole+"\r\n"+chunked(piece("a", ""))+"0\r\n", "x: y\r\n"), ends: "longer than 65536 bytes", may: "m"},
		{does: "sends chunks of one byte", conn: saying(whole + "\r\n" + chunked(strings.Split(body, "")...) + "0\r\n\r\n"), may: everyRow},
		{does: "sends no last chunk", conn: saying(whole + "\r\n" + chunked("data: "+piece("a", "")+"\n\n")), ends: "the server closed the connection in the middle of its answer", may: "m"},
		{does: "answers in chunks as HTTP/1.0", conn: saying(strings.Replace(whole, "1.1", "1.0", 1) + "\r\n" + chunked(body, "")), ends: "which HTTP/1.0 does not have", may: "m"},
	}
}

func heads() []misbehaviour {
	const noHTTP = "which is no HTTP/1.1"
	return []misbehaviour{
		{does: "sends fields of a head without end", conn: sayingForEver(streamHead, "X-Y: z\r\n"), ends: "longer than 65536 bytes", may: "m"},
		{does: "sends one field without end", conn: sayingForEver(streamHead+"X-Y: ", "z"), ends: "longer than 65536 bytes", may: "m"},
		{does: "sends 100 Continue for ever", conn: sayingForEver("", "HTTP/1.1 100 Continue\r\n\r\n"), ends: "longer than 65536 bytes", may: "m"},
		{does: "sends 103 Early Hints, and answers", conn: saying("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + streamHead + "\r\n" + wellAnswered()), may: everyRow},
		{does: "switches protocols", conn: saying("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), ends: "the server wants to speak another protocol", may: "m"},
		{does: "answers status 999", conn: saying("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), ends: "http 999", may: "m"},
		{does: "answers status 000", conn: saying("HTTP/1.1 000 None\r\n\r\n"), ends: "is no status", may: "m"},
		{does: "answers as ICY", conn: saying("ICY 200 OK\r\n\r\n" + wellAnswered()), ends: noHTTP, may: "m"},
		{does: "answers in HTTP/2", conn: saying("\x00\x00\x12\x04\x00\x00\x00\x00\x00"), ends: "the server closed the connection in the middle of its answer", may: "m"},
		{does: "answers in TLS", conn: saying("\x15\x03\x01\x00\x02\x02\x46\r\n\r\n"), ends: "malformed", may: "m"},
		{does: "answers without a head", conn: saying(wellAnswered()), ends: noHTTP, may: "m"},
		{does: "folds a field", conn: saying("HTTP/1.1 200 OK\r\nX-Y: a\r\n b\r\n\r\n"), ends: "is no field of a head", may: "m"},
		{does: "sends a NUL in a field's name", conn: saying("HTTP/1.1 200 OK\r\nX\x00Y: a\r\n\r\n"), ends: "is no field of a head", may: "m"},
		{does: "sends a space before the colon", conn: saying("HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello"), ends: "is no field of a head", may: "m"},
		{does: "sends its head byte by byte for ever", conn: sayingSlowly(streamHead+"X-Y: ", "z"), ends: "timeout", may: "m"},
	}
}

func endsOfConnections() []misbehaviour {
	first := streamHead + "\r\ndata: " + piece("a", "") + "\n\n"
	reset := func(said string) func(net.Conn) {
		return func(conn net.Conn) {
			io.WriteString(conn, said)
			if tcp, ok := conn.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
		}
	}
	return []misbehaviour{
		{does: "resets the connection before an answer", conn: reset(""), ends: "reset", may: "m"},
		{does: "resets the connection in its head", conn: reset("HTTP/1.1 200"), ends: "reset", may: "m"},
		{does: "resets the connection after a piece", conn: reset(first), ends: "reset", may: "m"},
		{does: "closes the connection before an answer", conn: saying(""), ends: "the server closed the connection without an answer", may: "m"},
		{does: "closes the connection in its head", conn: saying("HTTP/1.1 200 O"), ends: "the server closed the connection in the middle of its answer", may: "m"},
		{does: "closes the connection after a piece", conn: saying(first), ends: "cut short: the stream ended without a finish reason", may: "m"},
		{does: "takes the request and says nothing", conn: saysNoMore(""), ends: "timeout", may: "m"},
		{does: "sends a head and nothing more", conn: saysNoMore(streamHead + "\r\n"), ends: "timeout", may: "m"},
		{does: "stops after a piece", conn: saysNoMore(first), ends: "timeout", may: "m"},
		{does: "sends no end after [DONE]", conn: saysNoMore(streamHead + "Transfer-Encoding: chunked\r\n\r\n" + chunked(wellAnswered())), may: everyRow},
		{does: "sends an event's bytes one by one for ever", conn: sayingSlowly(streamHead+"\r\ndata: ", "x"), ends: "timeout", may: "m"},
	}
}

// answeringOne answers the request that was read already, and then those that follow, each
// with these writes.
func answeringOne(writes ...string) func(net.Conn) {
	return func(conn net.Conn) {
		requests := bufio.NewReader(conn)
		for {
			for _, text := range writes {
				if _, err := io.WriteString(conn, text); err != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
			request, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			io.Copy(io.Discard, request.Body)
		}
	}
}

func earlyAnswers() []misbehaviour {
	well := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", streamHead, len(wellAnswered()), wellAnswered())
	forged := strings.ReplaceAll(well, "cmpl-1", "forged")
	return []misbehaviour{
		{does: "sends two answers to one request", conn: answeringOne(well + forged), may: everyRow},
		{does: "sends two answers to one request, over TLS", over: "tls", conn: answeringOne(well + forged), may: everyRow},
		{does: "sends the next request's answer with the end of one", conn: answeringOne(well[:len(well)-1], well[len(well)-1:]+forged), may: everyRow},
		{does: "sends the next request's answer with the end of one, over TLS", over: "tls", conn: answeringOne(well[:len(well)-1], well[len(well)-1:]+forged), may: everyRow},
		{does: "says 408 to an idle connection", conn: answeringOne(well, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), may: everyRow},
	}
}
