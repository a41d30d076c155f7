package py

import "math/big"

// numberAttr returns an attribute of an int, a bool or a float, nil when there is none.
func numberAttr(v Value, name string) (Value, error) {
	i, isInt := asInt(v)
	switch name {
	case "real":
		if isInt {
			return i, nil
		}
		return v, nil
	case "imag":
		if isInt {
			return NewInt(0), nil
		}
		return Float(0), nil
	case "conjugate":
		return bindMethod(v, name, &method{call: func(_ *Thread, self Value, _ []Value) (Value, error) { return Positive(self) }}), nil
	case "as_integer_ratio":
		return bindMethod(v, name, &method{call: integerRatio}), nil
	}
	if !isInt {
		if name == "is_integer" {
			return bindMethod(v, name, &method{call: func(_ *Thread, self Value, _ []Value) (Value, error) {
				return Bool(self.(Float).whole()), nil
			}}), nil
		}
		return nil, nil
	}
	switch name {
	case "numerator":
		return i, nil
	case "denominator":
		return NewInt(1), nil
	case "bit_length", "bit_count":
		return bindMethod(v, name, &method{call: func(*Thread, Value, []Value) (Value, error) {
			n, err := i.big()
			if err != nil {
				return nil, err
			}
			if name == "bit_length" {
				return NewInt(n.BitLen()), nil
			}
			ones := 0
			for b := range n.BitLen() {
				ones += int(new(big.Int).Abs(n).Bit(b))
			}
			return NewInt(ones), nil
		}}), nil
	}
	return nil, nil
}

func integerRatio(_ *Thread, self Value, _ []Value) (Value, error) {
	if i, ok := asInt(self); ok {
		return NewTuple(i, NewInt(1)), nil
	}
	f := self.(Float)
	if _, err := finiteToInt(float64(f)); err != nil {
		return nil, Raise(OverflowError, "cannot convert Infinity or NaN to integer ratio")
	}
	r, _ := f.exact().Rat(nil)
	return NewTuple(bigInt(r.Num()), bigInt(r.Denom())), nil
}
