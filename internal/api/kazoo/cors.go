package kazoo

import (
	"net/http"
	"strings"
)

// What pages of other origins may send and see.
const (
	allowHeaders = "Content-Type, Depth, User-Agent, X-Http-Method-Override, X-File-Size, X-Requested-With, " +
		"If-Modified-Since, X-File-Name, Cache-Control, X-Auth-Token, X-Kazoo-Cluster-ID, If-Match"
	exposeHeaders = "Content-Type, X-Auth-Token, X-Request-ID, X-Kazoo-Cluster-ID, Location, ETag"
	maxAge        = "86400"
)

// crossOrigin says whether a page of another origin may be asking.
func (c *call) crossOrigin() bool {
	for _, name := range []string{"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"} {
		if _, ok := c.r.Header[name]; ok {
			return true
		}
	}
	return false
}

// allowOrigins lets pages of any origin see the answer: the credential is a header that
// they have to set themselves, never a cookie.
func (c *call) allowOrigins() {
	h := c.w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", strings.Join(append([]string{http.MethodOptions}, c.allowed...), ", "))
	h.Set("Access-Control-Allow-Headers", allowHeaders)
	h.Set("Access-Control-Expose-Headers", exposeHeaders)
	h.Set("Access-Control-Max-Age", maxAge)
}
