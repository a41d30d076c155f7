package render

import (
	"math"

	"github.com/switchhook/switchhook/internal/render/py"
)

// numberFilter returns the filters that are about numbers.
func numberFilter(name string) filter {
	switch name {
	case "abs":
		return filterWith(func(_ *frame, v py.Value, _ []py.Value) (py.Value, error) { return py.Abs(v) })
	case "int":
		return filterWith(filterInt, "default?", "base?")
	case "float":
		return filterWith(filterFloat, "default?")
	case "round":
		return filterWith(filterRound, "precision?", "method?")
	case "sum":
		return filterWith(filterSum, "attribute?", "start?")
	case "filesizeformat":
		return filterWith(filterFileSize, "binary?")
	}
	return nil
}

// noNumber says whether err means that something cannot be read as a number.
func noNumber(err error) bool { return py.Caught(err, py.TypeError, py.ValueError) }

func filterInt(_ *frame, v py.Value, args []py.Value) (py.Value, error) {
	base, err := py.IntOr(args[1], 10)
	if err != nil {
		return nil, err
	}
	i, err := py.ToInt(v, base)
	if !noNumber(err) {
		return i, err
	}
	x, err := py.ToFloat(v)
	if err == nil {
		i, err = py.ToInt(x, 10)
	}
	if noNumber(err) {
		return orInt(args[0], 0), nil
	}
	return i, err
}

func filterFloat(_ *frame, v py.Value, args []py.Value) (py.Value, error) {
	x, err := py.ToFloat(v)
	if !noNumber(err) {
		return x, err
	}
	if args[0] != nil {
		return args[0], nil
	}
	return py.Float(0), nil
}

func filterRound(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	method, err := py.TextOr(args[1], "common")
	if err != nil {
		return nil, err
	}
	switch method {
	case "common":
		if _, none := args[0].(py.None); none { // to the nearest int
			nearest, err := roundTo(v, 0)
			if err != nil {
				return nil, err
			}
			return py.ToInt(nearest, 10)
		}
		digits, err := py.IntOr(args[0], 0)
		if err != nil {
			return nil, err
		}
		return roundTo(v, digits)
	case "ceil", "floor":
	default:
		return nil, py.Raise(py.ValueError, "method must be common, ceil or floor")
	}
	unit, err := py.Binary(f.th, py.OpPow, py.NewInt(10), orInt(args[0], 0))
	if err != nil {
		return nil, err
	}
	scaled, err := py.Binary(f.th, py.OpMul, v, unit)
	if err != nil {
		return nil, err
	}
	if x, ok := scaled.(py.Float); ok {
		up := math.Ceil
		if method == "floor" {
			up = math.Floor
		}
		if scaled, err = py.ToInt(py.Float(up(float64(x))), 10); err != nil {
			return nil, err
		}
	}
	return py.Binary(f.th, py.OpDiv, scaled, unit)
}

// roundTo is round(v, digits): an int stays one.
func roundTo(v py.Value, digits int) (py.Value, error) {
	switch x := v.(type) {
	case py.Float:
		r := py.Round(x, digits)
		if math.IsInf(float64(r), 0) && !math.IsInf(float64(x), 0) {
			return nil, py.Raise(py.OverflowError, "rounded value too large to represent")
		}
		return r, nil
	case py.Int, py.Bool:
		return py.RoundInt(x, digits)
	case *py.Undefined:
		return nil, x.Raise()
	}
	return nil, py.Raise(py.TypeError, "type %s doesn't define __round__ method", v.TypeName())
}

func filterSum(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	items, err := mapped(f, v, newGetter(args[0], false))
	if err != nil {
		return nil, err
	}
	total := orInt(args[1], 0)
	if _, text := py.Text(total); text {
		return nil, py.Raise(py.TypeError, "sum() can't sum strings [use ''.join(seq) instead]")
	}
	for _, item := range items {
		if total, err = py.Binary(f.th, py.OpAdd, total, item); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// filterFileSize writes a number of bytes for people.
func filterFileSize(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	x, err := py.ToFloat(v)
	if err != nil {
		return nil, err
	}
	base, prefixes, behind := py.Float(1000), "kMGTPEZY", "B"
	if py.TruthOr(args[0], false) {
		base, prefixes, behind = 1024, "KMGTPEZY", "iB"
	}
	switch {
	case x == 1:
		return py.Str("1 Byte"), nil
	case x < base:
		return py.Binary(f.th, py.OpMod, py.Str("%d Bytes"), x)
	}
	unit, i := base*base, 0
	for !(x < unit) && i < len(prefixes)-1 {
		unit *= base
		i++
	}
	return py.Binary(f.th, py.OpMod, py.Str("%.1f "+prefixes[i:i+1]+behind), base*x/unit)
}
