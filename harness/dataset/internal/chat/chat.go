// Package chat reads the messages of chats as files have them: roles, texts, parts, and images that are files.
package chat

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// Messages reads the messages of chats. Images that are files lie in the dataset's
// folder, or below it.
type Messages struct{ Files fs.FS }

// All are the messages of a chat; images that are files become part of them where they
// are to be sent, and are only looked at where they are checked.
func (m Messages) All(list []json.RawMessage, inline bool) (out []harness.Message, err error) {
	nothing := true
	for i, raw := range list {
		var fields map[string]json.RawMessage
		var role string
		if err := json.Unmarshal(raw, &fields); err != nil {
			return nil, fmt.Errorf("message %d: %w", i+1, source.ExplainJSON(err))
		}
		if json.Unmarshal(fields["role"], &role) != nil || role == "" {
			return nil, fmt.Errorf("message %d needs a role and a content", i+1)
		}
		message, err := m.One(role, fields, inline)
		if err != nil {
			return nil, fmt.Errorf("message %d %w", i+1, err)
		}
		out = append(out, message)
		nothing = nothing && IsEmpty(fields)
	}
	if nothing {
		return nil, source.NewUnaskable(source.EmptyPrompt, "the messages are empty")
	}
	return out, nil
}

var errNoContent = errors.New("needs a role and a content")

// One is a message of these fields. It is sent whole where it is more than a role and a
// text, with every field that does not only describe it: calls, reasoning, tools. A content
// may be empty, as in the loops of agents.
func (m Messages) One(role string, fields map[string]json.RawMessage, inline bool) (harness.Message, error) {
	out := harness.Message{Role: role}
	content, said := fields["content"]
	isNull := string(content) == "null"
	isText := said && !isNull && json.Unmarshal(content, &out.Content) == nil
	whole := map[string]any{"role": role}
	for name, value := range fields {
		if name != "content" && string(value) != "null" && (name == "name" || !line.Describes(name)) {
			whole[name] = value
		}
	}
	switch {
	case !said && !saysMore(whole):
		return out, errNoContent
	case isText:
		whole["content"] = out.Content
	case isNull:
		whole["content"] = nil
	case said:
		parts, err := m.parts(content, inline)
		if err != nil {
			return out, err
		}
		whole["content"] = parts
	}
	if isText && len(whole) == 2 {
		return out, nil
	}
	var err error
	out.Whole, err = json.Marshal(whole)
	return out, err
}

// saysMore reports whether a message says something without a content.
func saysMore(fields map[string]any) bool {
	for _, name := range []string{"tool_calls", "function_call", "refusal", "audio", "reasoning", "reasoning_content"} {
		if _, ok := fields[name]; ok {
			return true
		}
	}
	return false
}

// IsEmpty reports whether a message of these fields says nothing.
func IsEmpty(fields map[string]json.RawMessage) bool {
	var text string
	switch content := fields["content"]; {
	case string(content) == "[]":
	case content != nil && json.Unmarshal(content, &text) != nil, strings.TrimSpace(text) != "":
		return false
	}
	more := map[string]any{}
	for name, value := range fields {
		if string(value) != "null" {
			more[name] = value
		}
	}
	return !saysMore(more)
}

// parts are the parts of a content, as they are sent: texts, or objects.
func (m Messages) parts(content json.RawMessage, inline bool) ([]json.RawMessage, error) {
	var parts []json.RawMessage
	if json.Unmarshal(content, &parts) != nil {
		return nil, errors.New(`has a content that is neither a text nor a list of parts such as {"type": "text", "text": "…"}`)
	}
	for i, raw := range parts {
		var err error
		if raw[0] == '"' {
			continue
		}
		if parts[i], err = m.part(raw, inline); err != nil {
			return nil, fmt.Errorf("part %d%w", i+1, err)
		}
	}
	return parts, nil
}

// part is a part of a content that is an object.
func (m Messages) part(raw json.RawMessage, inline bool) (json.RawMessage, error) {
	var part, fields map[string]json.RawMessage
	var kind, url string
	if json.Unmarshal(raw, &part) != nil || json.Unmarshal(part["type"], &kind) != nil || kind == "" {
		return nil, errors.New(` has no "type"; write {"type": "text", "text": "…"} or {"type": "image_url", "image_url": {"url": "…"}}`)
	}
	if kind != "image_url" {
		return raw, nil
	}
	if json.Unmarshal(part["image_url"], &fields) != nil || json.Unmarshal(fields["url"], &url) != nil {
		return nil, errors.New(` has no image; write {"type": "image_url", "image_url": {"url": "file:cat.png"}}`)
	}
	url, err := m.image(url, inline)
	if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	fields["url"], _ = json.Marshal(url) // a string always marshals
	part["image_url"], _ = json.Marshal(fields)
	return json.Marshal(part)
}

// largestImage is the largest file that is read: larger than what models look at.
const largestImage = 20 << 20

// image is the address of an image as it is sent: where the server finds it, or the
// image itself.
func (m Messages) image(url string, inline bool) (string, error) {
	name, isFile := strings.CutPrefix(url, "file:")
	switch {
	case strings.HasPrefix(url, "https://"), strings.HasPrefix(url, "http://"), strings.HasPrefix(url, "data:image/"):
		return url, nil
	case !isFile:
		return "", fmt.Errorf("%.60q is no image; write https://…, data:image/png;base64,… or file:cat.png", url)
	}
	if name = path.Clean(name); !fs.ValidPath(name) {
		return "", fmt.Errorf("%q must lie in the dataset's folder or below it: file:images/cat.png", url)
	}
	file, err := m.Files.Open(name)
	if err != nil {
		return "", fmt.Errorf("there is no image %s in the dataset's folder", name)
	}
	defer file.Close()
	limit := int64(512) // what a type is known by
	if inline {
		limit = largestImage
	}
	raw, err := io.ReadAll(io.LimitReader(file, limit))
	if err != nil {
		return "", err
	}
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	kind := http.DetectContentType(raw)
	switch {
	case info.Size() > largestImage:
		return "", fmt.Errorf("the image %s has %d bytes; the limit is %d MiB", name, info.Size(), largestImage>>20)
	case !strings.HasPrefix(kind, "image/"):
		return "", fmt.Errorf("%s is no image (%s) but must be one: PNG, JPEG, GIF or WebP", name, kind)
	case !inline:
		return url, nil
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(raw), nil
}
