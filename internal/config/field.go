package config

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/webhook"
)

// field is one setting of a Config.
type field struct {
	key   string // "egress.allow"
	doc   string
	mask  string // how it is shown: "" as it is, "all" not at all, "url" without its password
	min   string
	max   string
	value reflect.Value // settable
}

// fields lists the settings of c in the order of the struct.
func (c *Config) fields() []field { return fieldsOf(c) }

// fieldsOf lists the settings of the struct that settings points to.
func fieldsOf(settings any) []field {
	var all []field
	walk(reflect.ValueOf(settings).Elem(), "", func(f field) { all = append(all, f) })
	return all
}

func walk(v reflect.Value, prefix string, visit func(field)) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		key := prefix + tag.Get("key")
		if v.Field(i).Kind() == reflect.Struct {
			walk(v.Field(i), key+".", visit)
			continue
		}
		visit(field{
			key: key, doc: tag.Get("doc"), mask: tag.Get("mask"),
			min: tag.Get("min"), max: tag.Get("max"), value: v.Field(i),
		})
	}
}

// env is the environment variable that sets the field.
func (f field) env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(f.key, ".", "_"))
}

// isList says whether the field takes several values.
func (f field) isList() bool { return f.value.Kind() == reflect.Slice }

// set gives the field its value from text: one text, or as many as there are for a list.
func (f field) set(texts []string) error {
	if !f.isList() {
		if len(texts) != 1 {
			return fmt.Errorf("takes one value, not a list")
		}
		return setOne(f.value, texts[0])
	}
	list := reflect.MakeSlice(f.value.Type(), len(texts), len(texts))
	for i, t := range texts {
		if err := setOne(list.Index(i), t); err != nil {
			return err
		}
	}
	if len(texts) == 0 {
		list = reflect.Zero(f.value.Type())
	}
	f.value.Set(list)
	return nil
}

func setOne(v reflect.Value, text string) error {
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p = text
	case *webhook.Secret:
		*p = webhook.Secret(text)
	case *bool:
		return assign(p, text, parseBool)
	case *int:
		return assign(p, text, parseInt)
	case *float64:
		return assign(p, text, parseFloat)
	case *Size:
		return assign(p, text, ParseSize)
	case *time.Duration:
		return assign(p, text, ParseDuration)
	default:
		panic(fmt.Sprintf("config: no way to set a %s", v.Type())) // a field of a new type needs its line here
	}
	return nil
}

func assign[T any](p *T, text string, parse func(string) (T, error)) error {
	v, err := parse(text)
	if err == nil {
		*p = v
	}
	return err
}

// split reads a list in one text: comma separated, spaces around members dropped.
func (f field) split(text string) []string {
	if !f.isList() {
		return []string{text}
	}
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// texts spells the value so that set reads it back.
func (f field) texts() []string {
	if !f.isList() {
		return []string{formatOne(f.value)}
	}
	var list []string
	for i := range f.value.Len() {
		list = append(list, formatOne(f.value.Index(i)))
	}
	return list
}

func formatOne(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string:
		return x
	case webhook.Secret:
		return x.Reveal()
	case bool:
		return strconv.FormatBool(x)
	case int:
		return strconv.Itoa(x)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case Size:
		return x.String()
	case time.Duration:
		return formatDuration(x)
	default:
		panic(fmt.Sprintf("config: no way to format a %s", v.Type()))
	}
}

// shown spells the value for people, without what is secret in it.
func (f field) shown() []string {
	texts := f.texts()
	switch {
	case f.isList() || texts[0] == "":
	case f.mask == "all":
		texts[0] = webhook.Redacted
	case f.mask == "url":
		texts[0] = maskURL(texts[0])
	}
	return texts
}

func maskURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return webhook.Redacted
	}
	u.RawQuery = "" // libpq takes passwords there, too
	return u.Redacted()
}

// bound reads a min or max of the field's own kind; empty is zero.
func (f field) bound(text string) int64 {
	if text == "" {
		return 0
	}
	t := f.value.Type()
	if f.isList() {
		t = t.Elem()
	}
	v := reflect.New(t).Elem()
	if err := setOne(v, text); err != nil {
		panic(fmt.Sprintf("config: bound of %s: %v", f.key, err)) // the tag is wrong
	}
	return v.Int()
}

// boundText spells a min, which is zero when it is not given.
func (f field) boundText(text string) string {
	if text == "" {
		return "0"
	}
	return text
}
