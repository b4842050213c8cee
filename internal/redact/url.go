package redact

import (
	"net/url"
	"strings"
)

// Unreadable stands for an address with an @ that cannot be taken apart: which part of it
// is a secret is then not known.
const Unreadable = "that address"

// apiVersion is the parameter that is part of Azure's addresses. Its value is a date, and no secret.
const apiVersion = "api-version"

// URL is an address without credentials. Names of a query's parameters stay, their
// values do not, but for that of api-version, and neither does a fragment.
func URL(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil && strings.Contains(raw, "@") {
		return Unreadable
	}
	if err != nil || u.Scheme == "" && u.Host == "" || u.Opaque != "" { // "user:password@host:8000" has no scheme, or a false one
		return hostOnly(raw)
	}
	if strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") { // a password with a slash, or the like, in it
		return Unreadable
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	query := hiddenValues(u.RawQuery)
	u.RawQuery, u.ForceQuery = "", false
	return u.String() + query
}

// hostOnly is URL for an address that is not made of the usual parts.
func hostOnly(raw string) string {
	raw, _, _ = strings.Cut(strings.TrimSpace(raw), "#")
	address, query, _ := strings.Cut(raw, "?")
	if at := strings.LastIndex(address, "@"); at >= 0 {
		address = address[at+1:]
	}
	return address + hiddenValues(query)
}

// hiddenValues is a query with its names only.
func hiddenValues(query string) string {
	if query == "" {
		return ""
	}
	var names []string
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, valued := strings.Cut(part, "=")
		if name == apiVersion && isVersion(value) {
			names = append(names, part)
			continue
		}
		if !valued {
			name = "" // it may be a token by itself
		} else {
			name += "="
		}
		names = append(names, name+Hidden)
	}
	return "?" + strings.Join(names, "&")
}

// isVersion reports whether a value is a date, as 2024-10-21 or 2024-10-01-preview, or a word as short as v1.
func isVersion(value string) bool {
	date := strings.TrimSuffix(value, "-preview")
	return len(value) > 0 && len(value) < 3 || len(date) == len("2006-01-02") && strings.Trim(date, "0123456789-") == ""
}
