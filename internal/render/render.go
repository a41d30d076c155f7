// Package render makes the bytes that are sent out of an event: Python-style JSON,
// form encoding, and templates in the Jinja language. It is pure: nothing here opens,
// sends or waits. It does not know who asks: which event is encoded how is each
// dialect's own.
package render
