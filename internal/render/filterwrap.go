package render

import (
	"slices"
	"strings"
	"unicode"

	"github.com/switchhook/switchhook/internal/render/py"
)

// wrapFilter returns the filter that breaks lines.
func wrapFilter(name string) filter {
	if name != "wordwrap" {
		return nil
	}
	return filterWith(filterWordWrap, "width?", "break_long_words?", "wrapstring?", "break_on_hyphens?")
}

func filterWordWrap(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	width, err := py.IntOr(args[0], 79)
	if err != nil {
		return nil, err
	}
	between := "\n"
	if !isNone(args[2]) {
		if between, err = py.TextOr(args[2], ""); err != nil {
			return nil, err
		}
	}
	lines, err := f.method(v, "splitlines")
	if err != nil {
		return nil, err
	}
	w := wrapper{width: width, breakWords: py.TruthOr(args[1], true), breakHyphens: py.TruthOr(args[3], true)}
	var out []string
	for _, line := range lines.(*py.List).Items {
		text, _ := py.Text(line)
		if width <= 0 {
			return nil, py.Raise(py.ValueError, "invalid width %d (must be > 0)", width)
		}
		if err := f.th.Alloc(16 * len(text)); err != nil {
			return nil, err
		}
		wrapped := w.wrap([]rune(text))
		if len(wrapped) == 0 {
			wrapped = []string{""}
		}
		out = append(out, wrapped...)
	}
	if err := f.th.Alloc(len(out) * (len(between) + 16)); err != nil {
		return nil, err
	}
	return py.Str(strings.Join(out, between)), nil
}

// wrapper breaks a line where it gets too long, the way Python's textwrap does with
// white space left as it is.
type wrapper struct {
	width                    int
	breakWords, breakHyphens bool
}

// isBlank says what counts as white space here: ASCII's alone.
func isBlank(r rune) bool { return strings.ContainsRune("\t\n\v\f\r ", r) }

func blankChunk(chunk []rune) bool {
	return !slices.ContainsFunc(chunk, func(r rune) bool { return !py.IsSpace(r) })
}

// wrap fills lines with chunks.
func (w wrapper) wrap(text []rune) []string {
	chunks := w.chunks(text)
	var lines []string
	for len(chunks) > 0 {
		if blankChunk(chunks[0]) && len(lines) > 0 {
			if chunks = chunks[1:]; len(chunks) == 0 {
				break
			}
		}
		var line []rune
		last := 0 // where the last chunk of the line begins
		for len(chunks) > 0 && len(line)+len(chunks[0]) <= w.width {
			last = len(line)
			line = append(line, chunks[0]...)
			chunks = chunks[1:]
		}
		if len(chunks) > 0 && len(chunks[0]) > w.width {
			if n, ok := w.breakAt(chunks[0], w.width-len(line), len(line) == 0); ok {
				last = len(line) // also where there is no room left, so that a blank before it stays
				line = append(line, chunks[0][:n]...)
				chunks[0] = chunks[0][n:]
			}
			if len(chunks[0]) == 0 {
				chunks = chunks[1:]
			}
		}
		if len(line) > 0 && blankChunk(line[last:]) {
			line = line[:last]
		}
		if len(line) > 0 {
			lines = append(lines, string(line))
		}
	}
	return lines
}

// breakAt is how much of a word that is too long for any line fits in the room that is
// left. A word that must not be broken gets a line of its own.
func (w wrapper) breakAt(word []rune, room int, empty bool) (n int, ok bool) {
	if !w.breakWords {
		return len(word), empty
	}
	if w.breakHyphens {
		onlyHyphens := true
		hyphen := 0
		for i := range min(room, len(word)) {
			if word[i] == '-' && !onlyHyphens {
				hyphen = i
			}
			onlyHyphens = onlyHyphens && word[i] == '-'
		}
		if hyphen > 0 {
			return hyphen + 1, true
		}
	}
	return room, true
}

// chunks cuts a text where lines may be broken: around white space, and behind
// hyphens and before dashes within words.
func (w wrapper) chunks(text []rune) [][]rune {
	var chunks [][]rune
	for at := 0; at < len(text); {
		end := w.chunkEnd(text, at)
		chunks = append(chunks, text[at:end])
		at = end
	}
	return chunks
}

func (w wrapper) chunkEnd(text []rune, at int) int {
	end := at
	for end < len(text) && isBlank(text[end]) {
		end++
	}
	if end > at {
		return end
	}
	if w.breakHyphens && at > 0 && isPunctuated(text[at-1]) {
		if dash := dashEnd(text, at); dash > at {
			return dash
		}
	}
	for end = at + 1; end < len(text) && !isBlank(text[end]); end++ {
		if !w.breakHyphens || text[end] != '-' {
			continue
		}
		if hyphenates(text, end) {
			return end + 1
		}
		if isPunctuated(text[end-1]) && dashEnd(text, end) > end {
			return end
		}
	}
	return end
}

// isPunctuated says what may stand before a dash.
func isPunctuated(r rune) bool { return py.IsWordChar(r) || strings.ContainsRune(`!"'&.,?`, r) }

func isLetter(r rune) bool { return py.IsWordChar(r) && !unicode.Is(unicode.Nd, r) }

// dashEnd is the end of a dash of two or more hyphens before a word; at, when there is
// none.
func dashEnd(text []rune, at int) int {
	end := at
	for end < len(text) && text[end] == '-' {
		end++
	}
	if end-at >= 2 && end < len(text) && py.IsWordChar(text[end]) {
		return end
	}
	return at
}

// hyphenates says whether the hyphen at i stands within a word: letters are before and
// behind it.
func hyphenates(text []rune, i int) bool {
	is := func(j int, what func(rune) bool) bool { return j >= 0 && j < len(text) && what(text[j]) }
	isHyphen := func(r rune) bool { return r == '-' }
	before := is(i-1, isLetter) && is(i-2, isLetter) || is(i-1, isPunctuated) && is(i-2, isHyphen) && is(i-3, isLetter)
	behind := is(i+1, isLetter) && (is(i+2, isLetter) || is(i+2, isHyphen) && is(i+3, isLetter))
	return before && behind
}
