package rabbit

import (
	"fmt"
	"math"
	"time"

	"github.com/rabbitmq/amqp091-go"
)

// maxDepth bounds how deeply tables lie in one another.
const maxDepth = 16

// Table makes a header table. Values are nil, bool, any integer, float64, string,
// []byte, time.Time, []any and map[string]any of those.
func Table(m map[string]any) (amqp091.Table, error) {
	if m == nil {
		return nil, nil
	}
	v, err := field(m, 0)
	if err != nil {
		return nil, err
	}
	return v.(amqp091.Table), nil
}

func field(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("header table is nested too deeply")
	}
	switch v := v.(type) {
	case nil, bool, int8, int16, int32, int64, uint8, uint16, uint32, float32, float64, string, []byte, time.Time:
		return v, nil
	case int:
		return int64(v), nil // a plain int would be written with 32 bits where it fits
	case map[string]any:
		t := make(amqp091.Table, len(v))
		for name, member := range v {
			if len(name) > maxShort {
				return nil, fmt.Errorf("header name of %d bytes, %d are allowed", len(name), maxShort)
			}
			var err error
			if t[name], err = field(member, depth+1); err != nil {
				return nil, err
			}
		}
		return t, nil
	case []any:
		list := make([]any, len(v))
		for i, member := range v {
			var err error
			if list[i], err = field(member, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("header value of type %T", v)
}

// Plain makes a map of a header table that came: integers are int64, floats and
// decimals float64, tables map[string]any; the rest is as Table takes it.
func Plain(t amqp091.Table) map[string]any {
	if t == nil {
		return nil
	}
	m := make(map[string]any, len(t))
	for name, v := range t {
		m[name] = plain(v)
	}
	return m
}

func plain(v any) any {
	switch v := v.(type) {
	case int8:
		return int64(v)
	case uint8:
		return int64(v)
	case int16:
		return int64(v)
	case uint16:
		return int64(v)
	case int32:
		return int64(v)
	case uint32:
		return int64(v)
	case int:
		return int64(v)
	case float32:
		return float64(v)
	case amqp091.Decimal:
		return float64(v.Value) / math.Pow10(int(v.Scale))
	case amqp091.Table:
		return Plain(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	}
	return v
}
