package py

import (
	"math"
	"math/big"
)

// Op is a binary operator, spelled as in Python.
type Op string

// The operators.
const (
	OpAdd      Op = "+"
	OpSub      Op = "-"
	OpMul      Op = "*"
	OpDiv      Op = "/"
	OpFloorDiv Op = "//"
	OpMod      Op = "%"
	OpPow      Op = "**"
)

// Binary is a op b.
func Binary(th *Thread, op Op, a, b Value) (Value, error) {
	if text, ok := Text(a); ok && op == OpMod {
		return percent(th, a, text, b)
	}
	if err := undefinedOperand(a, b); err != nil {
		return nil, err
	}
	if x, ok := asInt(a); ok {
		if y, ok := asInt(b); ok {
			return intOp(th, op, x, y)
		}
	}
	if x, y, ok, err := floatOperands(a, b); err != nil {
		return nil, err
	} else if ok {
		return floatOp(op, x, y)
	}
	var v Value
	var err error
	switch op {
	case OpAdd:
		v, err = concat(th, a, b)
	case OpMul:
		v, err = repeat(th, a, b)
	}
	if v != nil || err != nil {
		return v, err
	}
	return nil, Raise(TypeError, "unsupported operand type(s) for %s: '%s' and '%s'", op, a.TypeName(), b.TypeName())
}

// Negative is -v.
func Negative(v Value) (Value, error) {
	if i, ok := asInt(v); ok {
		n, err := i.big()
		if err != nil {
			return nil, err
		}
		return bigInt(new(big.Int).Neg(n)), nil
	}
	if f, ok := v.(Float); ok {
		return -f, nil
	}
	return nil, badUnary("-", v)
}

// Positive is +v.
func Positive(v Value) (Value, error) {
	if i, ok := asInt(v); ok {
		return i, nil
	}
	if f, ok := v.(Float); ok {
		return f, nil
	}
	return nil, badUnary("+", v)
}

// Abs is abs(v).
func Abs(v Value) (Value, error) {
	if i, ok := asInt(v); ok {
		if i.Sign() < 0 {
			return Negative(i)
		}
		return i, nil
	}
	if f, ok := v.(Float); ok {
		return Float(math.Abs(float64(f))), nil
	}
	if err := undefinedOperand(v, v); err != nil {
		return nil, err
	}
	return nil, Raise(TypeError, "bad operand type for abs(): '%s'", v.TypeName())
}

func badUnary(sign string, v Value) error {
	if err := undefinedOperand(v, v); err != nil {
		return err
	}
	return Raise(TypeError, "bad operand type for unary %s: '%s'", sign, v.TypeName())
}

func floatOperands(a, b Value) (x, y Float, ok bool, err error) {
	x, xFloat := a.(Float)
	y, yFloat := b.(Float)
	if !xFloat && !yFloat {
		return 0, 0, false, nil
	}
	if !xFloat {
		i, ok := asInt(a)
		if !ok {
			return 0, 0, false, nil
		}
		x, err = i.float()
	}
	if !yFloat {
		i, ok := asInt(b)
		if !ok {
			return 0, 0, false, nil
		}
		y, err = i.float()
	}
	return x, y, true, err
}

func intOp(th *Thread, op Op, a, b Int) (Value, error) {
	x, err := a.big()
	if err != nil {
		return nil, err
	}
	y, err := b.big()
	if err != nil {
		return nil, err
	}
	if words := (x.BitLen() + y.BitLen()) / 64; words > 2 {
		if err := th.Step(words*words/256 + words/4); err != nil {
			return nil, err
		}
	}
	switch op {
	case OpAdd:
		return bigInt(new(big.Int).Add(x, y)), nil
	case OpSub:
		return bigInt(new(big.Int).Sub(x, y)), nil
	case OpMul:
		if x.BitLen()+y.BitLen() > maxBits {
			return nil, errTooBig()
		}
		return bigInt(new(big.Int).Mul(x, y)), nil
	case OpPow:
		return intPower(th, x, y)
	}
	if y.Sign() == 0 {
		if op == OpDiv {
			return nil, Raise(ZeroDivisionError, "division by zero")
		}
		return nil, Raise(ZeroDivisionError, "integer division or modulo by zero")
	}
	if op == OpDiv {
		f, _ := new(big.Rat).SetFrac(x, y).Float64()
		if math.IsInf(f, 0) {
			return nil, Raise(OverflowError, "integer division result too large for a float")
		}
		return Float(f), nil
	}
	quotient, rest := new(big.Int).QuoRem(x, y, new(big.Int))
	if rest.Sign() != 0 && rest.Sign() != y.Sign() { // Python rounds down
		quotient.Sub(quotient, big.NewInt(1))
		rest.Add(rest, y)
	}
	if op == OpMod {
		return bigInt(rest), nil
	}
	return bigInt(quotient), nil
}

func errTooBig() error { return Raise(LimitError, "the number is too big") }

func intPower(th *Thread, x, y *big.Int) (Value, error) {
	if y.Sign() < 0 {
		a, err := bigInt(x).float()
		if err != nil {
			return nil, err
		}
		b, err := bigInt(y).float()
		if err != nil {
			return nil, err
		}
		return floatPower(a, b)
	}
	if x.BitLen() > 1 && (!y.IsInt64() || y.Int64() > int64(maxBits/(x.BitLen()-1))) {
		return nil, errTooBig()
	}
	if x.BitLen() <= 1 { // -1, 0 or 1: only whether y is odd matters
		y = new(big.Int).SetInt64(int64(y.Bit(0)) + 2*int64(min(y.BitLen(), 1)))
	}
	return bigInt(new(big.Int).Exp(x, y, nil)), th.Step(x.BitLen() * int(y.Int64()) / 64)
}

func floatOp(op Op, x, y Float) (Value, error) {
	switch op {
	case OpAdd:
		return x + y, nil
	case OpSub:
		return x - y, nil
	case OpMul:
		return x * y, nil
	case OpPow:
		return floatPower(x, y)
	}
	if y == 0 {
		what := map[Op]string{OpDiv: "float division by zero", OpFloorDiv: "float floor division by zero", OpMod: "float modulo"}
		return nil, Raise(ZeroDivisionError, "%s", what[op])
	}
	switch op {
	case OpDiv:
		return x / y, nil
	case OpMod:
		_, rest := floatDivMod(float64(x), float64(y))
		return Float(rest), nil
	}
	quotient, _ := floatDivMod(float64(x), float64(y))
	return Float(quotient), nil
}

// floatDivMod rounds down, so that the rest has the sign of y.
func floatDivMod(x, y float64) (quotient, rest float64) {
	rest = math.Mod(x, y)
	quotient = (x - rest) / y
	if rest != 0 {
		if (y < 0) != (rest < 0) {
			rest += y
			quotient--
		}
	} else {
		rest = math.Copysign(0, y)
	}
	if quotient == 0 {
		return math.Copysign(0, x/y), rest
	}
	down := math.Floor(quotient)
	if quotient-down > 0.5 {
		down++
	}
	return down, rest
}

func floatPower(x, y Float) (Value, error) {
	a, b := float64(x), float64(y)
	if a == 0 && b < 0 {
		return nil, Raise(ZeroDivisionError, "0.0 cannot be raised to a negative power")
	}
	if a < 0 && !math.IsInf(a, 0) && !math.IsInf(b, 0) && math.Trunc(b) != b {
		return nil, Raise(ValueError, "the root of a negative number is complex, which is not supported")
	}
	f := math.Pow(a, b)
	if math.IsInf(f, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return nil, Raise(OverflowError, "(34, 'Numerical result out of range')")
	}
	return Float(f), nil
}
