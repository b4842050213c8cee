package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// JSON takes secrets out of a value of JSON: strings behind names of secrets, all that is known,
// and what a string holds that has a text, JSON or Python in it. Names stay, and so does their
// order. What is no JSON is a text.
func (s *Secrets) JSON(raw []byte) []byte {
	w := jsonWriter{secrets: s}
	return w.rewrite(raw)
}

// rewrite is a value of JSON without secrets.
func (w *jsonWriter) rewrite(raw []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && len(w.within) == 0 && w.out.Len() > 0 {
			return w.out.Bytes()
		}
		if err != nil {
			return []byte(w.clean(string(raw)))
		}
		w.write(token)
	}
}

// OwnJSON is [Secrets.Own] within the strings of a value of JSON.
func (s *Secrets) OwnJSON(raw []byte) []byte {
	w := jsonWriter{secrets: s, own: true}
	return w.rewrite(raw)
}

// A jsonWriter writes JSON without secrets, token by token.
type jsonWriter struct {
	secrets *Secrets
	own     bool // only known values are replaced
	out     bytes.Buffer
	within  []container
}

// A container is an object or a list that has not ended.
type container struct {
	object bool
	n      int  // of tokens in it so far
	secret kind // all that is in it
	next   kind // the value that comes
	named  kind // {"name": "HF_TOKEN", "value": "…"}
	key    string
}

func (w *jsonWriter) write(token json.Token) {
	if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
		w.within = w.within[:len(w.within)-1]
		w.out.WriteByte(byte(delim))
		return
	}
	var in *container
	if len(w.within) > 0 {
		in = &w.within[len(w.within)-1]
		w.separate(in)
	}
	if in != nil && in.object && in.n%2 == 0 {
		in.key = token.(string)
		in.next = max(in.secret, kindOf(in.key))
		if strings.EqualFold(in.key, "value") {
			in.next = max(in.next, in.named)
		}
		in.n++
		w.marshal(w.clean(in.key))
		return
	}
	secret := ordinary
	if in != nil {
		secret = max(in.secret, in.next)
		if w.own {
			secret = ordinary
		}
		in.n++
		in.next = ordinary
	}
	switch value := token.(type) {
	case json.Delim:
		w.within = append(w.within, container{object: value == '{', secret: secret})
		w.out.WriteByte(byte(value))
	case string:
		w.text(in, value, secret)
	default:
		if raw, _ := json.Marshal(value); secret == certain && !secret.literal(string(raw)) {
			value = Hidden
		}
		w.marshal(value)
	}
}

func (w *jsonWriter) clean(text string) string {
	if w.own {
		return w.secrets.Own(text)
	}
	return w.secrets.Text(text)
}

func (w *jsonWriter) text(in *container, value string, secret kind) {
	if in != nil && in.object && (strings.EqualFold(in.key, "name") || strings.EqualFold(in.key, "key")) {
		in.named = max(in.named, kindOf(value))
	}
	if in != nil && !in.object && strings.HasPrefix(value, "-") && !strings.Contains(value, "=") {
		in.next = kindOf(value) // ["--api-key", "abc"]
	}
	named := secret != ordinary && in != nil && in.object && strings.EqualFold(in.key, "key") && kindOf(value) != ordinary
	if secret != ordinary && !named && !secret.literal(value) {
		value = Hidden
	}
	w.marshal(w.clean(value))
}

func (w *jsonWriter) separate(in *container) {
	switch {
	case in.object && in.n%2 == 1:
		w.out.WriteByte(':')
	case in.n > 0:
		w.out.WriteByte(',')
	}
}

func (w *jsonWriter) marshal(value any) {
	encoder := json.NewEncoder(&w.out)
	encoder.SetEscapeHTML(false)
	encoder.Encode(value)
	w.out.Truncate(w.out.Len() - 1) // its line break
}
