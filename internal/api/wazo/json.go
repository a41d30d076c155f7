package wazo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/httpx"
)

// answer answers with a value as JSON.
func answer(w http.ResponseWriter, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	httpx.WriteJSON(w, status, body)
	return nil
}

// encode writes JSON in which <, > and & are themselves.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// body reads the JSON that a request has for a body. What is no JSON, or is not
// declared to be any, is refused with a message alone.
func (a *API) body(c *call) (any, error) {
	if !declaresJSON(c.r.Header.Get("Content-Type")) {
		return nil, plain(http.StatusBadRequest, "The request's body is not declared to be JSON.")
	}
	return a.undeclared(c)
}

// undeclared is body, whatever the request says of it.
func (a *API) undeclared(c *call) (any, error) {
	text, err := httpx.ReadBody(c.r, a.BodyLimit)
	if err != nil {
		return nil, err
	}
	v, err := decode(text)
	if err != nil {
		return nil, plain(http.StatusBadRequest, "Failed to decode JSON object: %s", err)
	}
	return v, nil
}

// declaresJSON says whether a content type is application/json or one of those that
// end in +json.
func declaresJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return false
	}
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// decode reads one JSON value. Numbers are json.Number.
func decode(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("there is none")
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something follows at byte %d", d.InputOffset())
	}
	return v, nil
}
