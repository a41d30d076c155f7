package rabbit

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/internal/webhook"
)

// URL says where a broker is and who asks. It holds a password and shows none.
type URL struct {
	tls      bool
	host     string
	addr     string // host:port
	user     string
	password string
	vhost    string
}

// String returns the URL without its password.
func (u URL) String() string {
	scheme := "amqp"
	if u.tls {
		scheme = "amqps"
	}
	return (&url.URL{Scheme: scheme, User: url.User(u.user), Host: u.addr, Path: "/" + u.vhost, RawPath: "/" + url.PathEscape(u.vhost)}).String()
}

// GoString returns the URL without its password.
func (u URL) GoString() string { return u.String() }

// TLS says whether the connection is secured.
func (u URL) TLS() bool { return u.tls }

// Host returns the host's name or address.
func (u URL) Host() string { return u.host }

// Addr returns host and port as they are dialled.
func (u URL) Addr() string { return u.addr }

// maxShort is the longest text that AMQP has for a name (a "short string"), in bytes.
const maxShort = 255

// ParseURL reads amqp://user:password@host:port/vhost, or amqps for TLS. The user is guest
// with the password guest when there is none; an empty vhost is "/"; the ports are 5672
// and 5671 when there is none. Parameters behind a question mark are refused: some
// clients read files that are named there. The error holds nothing of the URL.
func ParseURL(secret webhook.Secret) (URL, error) {
	p, err := url.Parse(secret.Reveal())
	if err != nil {
		return URL{}, errors.New("is not a URL; what is special in user and password is written as %XX")
	}
	u := URL{host: p.Hostname(), user: "guest", password: "guest", vhost: strings.TrimPrefix(p.Path, "/")}
	port := "5672"
	switch p.Scheme {
	case "amqp":
	case "amqps":
		u.tls, port = true, "5671"
	default:
		return URL{}, errors.New("must begin with amqp:// or amqps://")
	}
	if p.User != nil {
		u.user = p.User.Username()
		u.password, _ = p.User.Password()
	}
	if u.vhost == "" {
		u.vhost = "/"
	}
	if p.Port() != "" {
		port = p.Port()
	}
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case u.host == "":
		return URL{}, errors.New("has no host")
	case err != nil || n == 0:
		return URL{}, errors.New("its port is not a number from 1 to 65535")
	case p.RawQuery != "" || p.ForceQuery || p.Fragment != "":
		return URL{}, errors.New("must have nothing behind the vhost")
	case len(u.vhost) > maxShort:
		return URL{}, fmt.Errorf("its vhost has more than %d bytes", maxShort)
	case strings.ContainsRune(u.user+u.password, 0):
		return URL{}, errors.New("user and password must not hold a zero byte")
	}
	u.addr = net.JoinHostPort(u.host, strconv.FormatUint(n, 10))
	return u, nil
}
