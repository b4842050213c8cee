package wire

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// Complaint is what the body of an error says, in any of the shapes there are.
func Complaint(raw []byte) string {
	switch {
	case IsPage(raw):
		return pageText(raw)
	case !IsJSON(raw):
		return string(raw)
	}
	root := gjson.ParseBytes(raw)
	if root.IsArray() && root.Get("#").Int() == 1 {
		root = root.Get("0") // as Google's servers have it
	}
	if root.Type == gjson.String {
		return root.Str
	}
	if said := ComplaintOf(root); said != "" {
		return said
	}
	return string(bytes.TrimSpace(raw))
}

// ComplaintOf is what an object says went wrong; "" where it says nothing. Servers
// write it in many places; the fullest come first.
func ComplaintOf(root gjson.Result) string {
	for _, path := range []string{
		"error.message", "error.msg", "error.detail", "error.error", "error", "message", "detail", "detail.message", "detail.error", "detail.0.msg", "msg",
		"error_msg", "error_message", "errorMessage", "errors.0.message", "errors.0.detail", "errors.0", "status_msg", "reason", "title", "error.type", "error.code", "type",
	} {
		if v := root.Get(path); v.Type == gjson.String && strings.TrimSpace(v.Str) != "" {
			return v.Str
		}
	}
	return ""
}

// Truthy reports whether a member says something: null, false, 0, "", {} and [] do
// not. Many servers send "error": null with every event.
func Truthy(v gjson.Result) bool {
	switch v.Type {
	case gjson.Null, gjson.False:
		return false
	case gjson.Number:
		return v.Num != 0
	case gjson.String:
		return v.Str != ""
	case gjson.JSON:
		filled := false
		v.ForEach(func(_, _ gjson.Result) bool { filled = true; return false })
		return filled
	}
	return true
}

// Complains reports whether an object that is no part of an answer is an error: it
// says so itself, or has a code that is none of success with words to it.
func Complains(root gjson.Result) bool {
	if Truthy(root.Get("detail")) || Truthy(root.Get("errors")) || root.Get("success").Type == gjson.False {
		return true
	}
	for _, kind := range []string{"type", "object", "status"} {
		if said := strings.ToLower(root.Get(kind).Str); strings.Contains(said, "error") || strings.HasPrefix(said, "fail") {
			return true
		}
	}
	for _, code := range []string{"code", "status", "status_code", "statusCode", "error_code", "errcode"} {
		v := root.Get(code)
		if Truthy(v) && !slices.Contains([]string{"0", "200", "ok", "success"}, strings.ToLower(v.String())) && ComplaintOf(root) != "" {
			return true
		}
	}
	return false
}

// IsPage reports whether a body is a web page.
func IsPage(body []byte) bool {
	start := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 256)])))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

// pageText is what a reader of a web page would see of it, without its scripts.
func pageText(page []byte) string {
	unseen := regexp.MustCompile(`(?is)<(script|style)\b.*?(</(script|style)>|$)|<!--.*?(-->|$)|<[^>]*(>|$)`)
	text := html.UnescapeString(string(unseen.ReplaceAll(page, []byte(" "))))
	return strings.Join(strings.Fields(text), " ")
}
