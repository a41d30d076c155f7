package httpx

import (
	"net/http"
	"net/url"
	"strings"
)

// CleanPath collapses double slashes and trims trailing ones before next sees the
// path. http.ServeMux would redirect instead, on which clients repeat a POST as a
// GET. Dot segments stay what they are and find no route.
func CleanPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isClean(r.URL.Path) && r.URL.RawPath == "" {
			next.ServeHTTP(w, r)
			return
		}
		u := *r.URL
		u.Path, u.RawPath = Clean(u.Path), Clean(u.RawPath)
		if p, err := url.PathUnescape(u.RawPath); err != nil || p != u.Path {
			u.RawPath = ""
		}
		r2 := *r
		r2.URL = &u
		next.ServeHTTP(w, &r2)
	})
}

func isClean(path string) bool {
	return len(path) <= 1 || path[len(path)-1] != '/' && !strings.Contains(path, "//")
}

// Clean returns a path without double and trailing slashes.
func Clean(path string) string {
	if isClean(path) {
		return path
	}
	b := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] == '/' && len(b) > 0 && b[len(b)-1] == '/' {
			continue
		}
		b = append(b, path[i])
	}
	for len(b) > 1 && b[len(b)-1] == '/' {
		b = b[:len(b)-1]
	}
	return string(b)
}
