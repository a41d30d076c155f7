package testkit

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Answer answers one request and says whether the connection may carry another.
// It returns soon after the exchange's Done is closed.
type Answer func(x *Exchange) (keep bool)

// Exchange is one request that waits for its answer.
type Exchange struct {
	Conn    net.Conn
	Request *Request
	Done    <-chan struct{} // closed when the receiver is released or closed
}

// pause waits, and says false when the exchange is over first.
func (x *Exchange) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-x.Done:
		return false
	}
}

// Status answers with a status and no body.
func Status(code int) Answer { return Respond(code, "") }

// Respond answers with a status, a body and headers given as "Name: value".
func Respond(code int, body string, headers ...string) Answer {
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\n", code, http.StatusText(code))
	for _, h := range headers {
		head += h + "\r\n"
	}
	return Raw(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body), true)
}

// Redirect answers with a status of 300 to 399 and a Location.
func Redirect(code int, location string) Answer {
	return Respond(code, "", "Location: "+location)
}

// Raw answers with these bytes, whatever they are, and then keeps or closes the
// connection.
func Raw(text string, keep bool) Answer {
	return func(x *Exchange) bool {
		_, err := io.WriteString(x.Conn, text)
		return err == nil && keep
	}
}

// Close closes the connection without an answer.
func Close() Answer { return Raw("", false) }

// Delay waits before it answers.
func Delay(d time.Duration, then Answer) Answer {
	return func(x *Exchange) bool { return x.pause(d) && then(x) }
}

// Hang does not answer before it is released, and then closes.
func Hang() Answer {
	return func(x *Exchange) bool {
		<-x.Done
		return false
	}
}

// HangUntilReleased does not answer before it is released, and then answers.
func HangUntilReleased(then Answer) Answer {
	return func(x *Exchange) bool {
		<-x.Done
		return then(x)
	}
}

// HangAfter answers with these bytes and then leaves the connection open,
// silent, until it is released.
func HangAfter(text string) Answer {
	return func(x *Exchange) bool {
		_, _ = io.WriteString(x.Conn, text)
		<-x.Done
		return false
	}
}

// Drip answers with these bytes one by one, with a pause before each.
func Drip(pause time.Duration, text string) Answer {
	return func(x *Exchange) bool {
		for i := range len(text) {
			if !x.pause(pause) {
				return false
			}
			if _, err := io.WriteString(x.Conn, text[i:i+1]); err != nil {
				return false
			}
		}
		return true
	}
}

// Flood answers with prefix and then with chunk again and again, until the other
// side closes or it is released. Endless headers, bodies and interim responses
// are all floods.
func Flood(prefix, chunk string) Answer {
	return func(x *Exchange) bool {
		if _, err := io.WriteString(x.Conn, prefix); err != nil {
			return false
		}
		chunk := strings.Repeat(chunk, max(1, 4096/len(chunk)))
		for {
			select {
			case <-x.Done:
				return false
			default:
			}
			if _, err := io.WriteString(x.Conn, chunk); err != nil {
				return false
			}
		}
	}
}
