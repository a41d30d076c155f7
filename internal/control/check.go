package control

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/webhook"
)

// How long texts may be.
const (
	maxName        = 256  // characters of names, uids, usernames
	maxDescription = 8192 // bytes
	maxMetaName    = 256  // bytes of a metadata name
	maxMetaValue   = 4096 // bytes of a metadata value
	maxURL         = 8192 // bytes
)

// uidPattern is what the caller's own names may look like: they stand in paths.
var uidPattern = regexp.MustCompile(`^[a-zA-Z0-9\-_.]+$`)

func invalid(field, format string, args ...any) error {
	return webhook.Errorf(webhook.CodeInvalid, field, format, args...)
}

// asError returns the *webhook.Error in err's chain, or nil.
func asError(err error) *webhook.Error {
	e, _ := errors.AsType[*webhook.Error](err)
	return e
}

// within puts a field in front of the field of an error.
func within(field string, err error) error {
	e := asError(err)
	if e == nil {
		return err
	}
	inner := *e
	inner.Field = field
	if e.Field != "" {
		inner.Field += "." + e.Field
	}
	return &inner
}

// checkName refuses what is no name for people: empty, long, or not printable.
func checkName(field, text string) error {
	if text == "" {
		return invalid(field, "must not be empty")
	}
	return checkText(field, text, maxName)
}

// checkText refuses text that is longer than so many characters or not printable.
func checkText(field, text string, limit int) error {
	switch {
	case !utf8.ValidString(text):
		return invalid(field, "must be valid UTF-8")
	case utf8.RuneCountInString(text) > limit:
		return invalid(field, "must have at most %d characters", limit)
	case strings.ContainsFunc(text, unicode.IsControl):
		return invalid(field, "must not have control characters")
	}
	return nil
}

// checkProse refuses what a database cannot hold as text. Lines may break.
func checkProse(field, text string, limit int) error {
	switch {
	case len(text) > limit:
		return invalid(field, "must have at most %d bytes", limit)
	case !utf8.ValidString(text):
		return invalid(field, "must be valid UTF-8")
	case strings.ContainsRune(text, 0):
		return invalid(field, "must not have a NUL character")
	}
	return nil
}

func checkUID(uid string) error {
	switch {
	case uid == "":
		return nil
	case len(uid) > maxName:
		return invalid("uid", "must have at most %d characters", maxName)
	case !uidPattern.MatchString(uid):
		return invalid("uid", "may have letters, digits and - _ . only")
	}
	return nil
}

func (c *Control) checkMetadata(m map[string]string) error {
	if len(m) > c.limits.MetadataPairs {
		return invalid("metadata", "must have at most %d members", c.limits.MetadataPairs)
	}
	for name, value := range m {
		if name == "" {
			return invalid("metadata", "must not have an empty name")
		}
		if err := checkText("metadata", name, maxMetaName); err != nil {
			return err
		}
		if err := checkProse("metadata."+name, value, maxMetaValue); err != nil {
			return err
		}
	}
	return nil
}

func (c *Control) checkAnnotations(a webhook.Annotations) error {
	size := 0
	for dialect, value := range a {
		if !json.Valid(value) {
			return invalid("annotations."+dialect, "must be JSON")
		}
		size += len(dialect) + len(value)
	}
	if size > c.limits.AnnotationSize {
		return webhook.Errorf(webhook.CodeTooLarge, "annotations", "must have at most %d bytes", c.limits.AnnotationSize)
	}
	return nil
}
