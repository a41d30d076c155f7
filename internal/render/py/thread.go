package py

// Thread is one run of a template, and what it may still use up. It is not for
// concurrent use. The limits are the caller's promise to its neighbours: a run that
// reaches one ends with a LimitError, which nothing inside a template can catch.
type Thread struct {
	steps int // left
	bytes int // left
	depth int // of calls that wait for each other
	deep  int // how deep that may get
}

// NewThread returns a thread that may take so many steps (one is about an operation
// on a value), allocate so many bytes altogether, and nest so many calls.
func NewThread(steps, bytes, depth int) *Thread {
	return &Thread{steps: steps, bytes: bytes, deep: depth}
}

// Step spends n steps.
func (th *Thread) Step(n int) error {
	if th.steps -= n; th.steps < 0 {
		th.steps = 0
		return Raise(LimitError, "the template takes too many steps")
	}
	return nil
}

// bytesPerStep is how many bytes can be gone through in the time of a step.
const bytesPerStep = 64

// longText is from how many bytes on it counts that going through a text makes copies
// of it, and of its parts.
const longText = 4096

// Scan spends what going through n bytes takes.
func (th *Thread) Scan(n int) error {
	if n > longText {
		return th.Alloc(product(n, 8))
	}
	return th.Step(n/bytesPerStep + 1)
}

// Alloc spends n bytes of memory, and the time it takes to fill them. Nothing is
// given back: it bounds all that a run ever makes.
func (th *Thread) Alloc(n int) error {
	if n < 0 || n > th.bytes {
		th.bytes = 0
		return Raise(LimitError, "the template takes too much memory")
	}
	th.bytes -= n
	return th.Step(n/bytesPerStep + 1)
}

// valueSize is what a value in a list takes, in bytes.
const valueSize = 16

// AllocItems spends the memory of n items of a list.
func (th *Thread) AllocItems(n int) error {
	if n > th.bytes/valueSize {
		return th.Alloc(th.bytes + 1)
	}
	if err := th.Step(n / 4); err != nil {
		return err
	}
	return th.Alloc(n * valueSize)
}

// Enter begins a call that may contain others; Leave ends it, also after an error.
func (th *Thread) Enter() error {
	th.depth++
	if th.depth > th.deep {
		return Raise(RecursionError, "maximum recursion depth exceeded")
	}
	return th.Step(1)
}

// Leave ends what Enter began.
func (th *Thread) Leave() { th.depth-- }
