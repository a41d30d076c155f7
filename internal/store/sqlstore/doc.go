package sqlstore

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/switchhook/switchhook/internal/webhook"
)

// writeDoc encodes a document. What it is given always encodes.
func writeDoc(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("sqlstore: encode a document: %v", err))
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func readDoc(b []byte, v any) error {
	if len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read a document: %w", err)
	}
	return nil
}

// raw is someone's JSON inside a document. It is kept as a text, so that it
// comes back byte for byte.
type raw string

func (r raw) message() json.RawMessage {
	if r == "" {
		return nil
	}
	return json.RawMessage(r)
}

// rawMap is raw under names.
type rawMap map[string]string

func rawMapOf(a webhook.Annotations) rawMap {
	if len(a) == 0 {
		return nil
	}
	m := make(rawMap, len(a))
	for k, v := range a {
		m[k] = string(v)
	}
	return m
}

func (m rawMap) annotations() webhook.Annotations {
	if len(m) == 0 {
		return nil
	}
	a := make(webhook.Annotations, len(m))
	for k, v := range m {
		a[k] = json.RawMessage(v)
	}
	return a
}
