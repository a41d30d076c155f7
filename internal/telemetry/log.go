// Package telemetry is how Switchhook is watched: its log, its metrics and its
// version. It decides nothing and knows no part of the engine; the server connects
// the parts' own hooks to it. Labels of metrics are bounded: never a URL, a tenant
// or an id.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
)

// The formats of the log.
const (
	FormatText = "text" // key=value lines, for people
	FormatJSON = "json" // one object a line, for machines
)

// ParseLevel reads a level: "debug", "info", "warn" or "error".
func ParseLevel(s string) (slog.Level, error) {
	switch s {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("%q is not debug, info, warn or error", s)
}

// NewLogger returns a logger that writes lines of the level and above to w, and the
// level, which may be changed while it is used.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, *slog.LevelVar, error) {
	l, err := ParseLevel(level)
	if err != nil {
		return nil, nil, fmt.Errorf("log level: %w", err)
	}
	v := new(slog.LevelVar)
	v.Set(l)
	o := &slog.HandlerOptions{Level: v}
	switch format {
	case FormatText:
		return slog.New(slog.NewTextHandler(w, o)), v, nil
	case FormatJSON:
		return slog.New(slog.NewJSONHandler(w, o)), v, nil
	}
	return nil, nil, fmt.Errorf("log format: %q is not %s or %s", format, FormatText, FormatJSON)
}
