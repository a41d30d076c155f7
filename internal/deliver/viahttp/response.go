package viahttp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/switchhook/switchhook/internal/deliver"
)

// Limits on what a receiver may make us read beside the body.
const (
	maxHeadBytes  = 64 << 10 // status line and headers, interim responses included
	maxInterim    = 8        // interim (1xx) responses
	maxChunkLines = 16 << 10 // bytes of chunk sizes and extensions beyond 16 a chunk, and of trailers
)

// protocolError says that what came is not an HTTP/1 response.
type protocolError string

func (e protocolError) Error() string { return string(e) }

// The ways not to be one.
const (
	errNotHTTP       protocolError = "the response is not HTTP"
	errHeadTooLarge  protocolError = "the response headers are larger than 64 KiB"
	errHeader        protocolError = "the response has a malformed header"
	errInterim       protocolError = "the response never gets beyond interim ones"
	errUpgrade       protocolError = "the response switches protocols"
	errLength        protocolError = "the response has a malformed Content-Length"
	errEncoding      protocolError = "the response has a Transfer-Encoding other than chunked"
	errChunk         protocolError = "the response has a malformed chunk"
	errChunkTooLarge protocolError = "the response has endless chunk extensions or trailers"
)

// framing says where a body ends.
type framing struct {
	length  int64 // bytes; or untilClose
	chunked bool
}

// untilClose is the length of a body that ends with its connection.
const untilClose = -1

// responseHead is what comes before the body.
type responseHead struct {
	framing
	status int
	header deliver.Header
	close  bool // the connection ends with this response
}

// readHead reads the final response's status line and headers. For a response to
// HEAD the body is empty.
func (e *exchange) readHead(toHEAD bool) (responseHead, error) {
	budget := maxHeadBytes
	for range maxInterim + 1 {
		e.in = e.in[:0]
		h, err := e.readOneHead(&budget)
		if err != nil {
			return h, err
		}
		if h.status == 101 {
			return h, errUpgrade
		}
		if h.status < 200 {
			continue
		}
		if toHEAD || h.status == 204 || h.status == 304 {
			h.framing = framing{}
		}
		h.header = bytes.Clone(e.in)
		return h, nil
	}
	return responseHead{}, errInterim
}

// readOneHead leaves the headers in e.in as "Name: value\n" lines.
func (e *exchange) readOneHead(budget *int) (responseHead, error) {
	h := responseHead{framing: framing{length: untilClose}}
	line, err := readLine(e.br, budget)
	if err != nil {
		return h, err
	}
	var ok bool
	if h.status, h.close, ok = parseStatus(line); !ok {
		return h, errNotHTTP
	}
	for {
		line, err := readLine(e.br, budget)
		if err != nil {
			return h, err
		}
		if len(line) == 0 {
			break
		}
		if err := h.add(e, line); err != nil {
			return h, err
		}
	}
	if h.chunked {
		// A length beside chunks is ignored, and so is what would follow (RFC
		// 9112, section 6.3).
		h.close = h.close || h.length != untilClose
		h.length = 0
	}
	return h, nil
}

// parseStatus reads "HTTP/1.1 200 OK". Before HTTP/1.1 a connection ends with
// its response.
func parseStatus(line []byte) (status int, last, ok bool) {
	const shape = "HTTP/1.x nnn"
	if len(line) < len(shape) || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return 0, false, false
	}
	if len(line) > len(shape) && line[len(shape)] != ' ' {
		return 0, false, false
	}
	for _, c := range [...]byte{line[7], line[9], line[10], line[11]} {
		if c < '0' || c > '9' {
			return 0, false, false
		}
	}
	status = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
	return status, line[7] == '0', status >= 100
}

// add takes one header line: it goes to e.in, and h learns what it says about
// the body and the connection.
func (h *responseHead) add(e *exchange, line []byte) error {
	if line[0] == ' ' || line[0] == '\t' { // folded (RFC 9112, section 5.2)
		if len(e.in) == 0 || !isFieldValue(string(line)) {
			return errHeader
		}
		e.in = append(e.in[:len(e.in)-1], ' ')
		e.in = append(e.in, bytes.Trim(line, " \t")...)
		e.in = append(e.in, '\n')
		return nil
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	value = bytes.Trim(value, " \t")
	if !ok || !isToken(name) || bytes.IndexByte(value, 0) >= 0 || bytes.IndexByte(value, '\r') >= 0 {
		return errHeader
	}
	e.in = append(e.in, name...)
	e.in = append(e.in, ": "...)
	e.in = append(e.in, value...)
	e.in = append(e.in, '\n')
	switch {
	case len(name) == len("Connection") && bytes.EqualFold(name, []byte("Connection")):
		for token := range bytes.SplitSeq(value, []byte(",")) {
			h.close = h.close || bytes.EqualFold(bytes.TrimSpace(token), []byte("close"))
		}
	case len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(value), 10, 62)
		if err != nil || h.length != untilClose && h.length != int64(n) {
			return errLength
		}
		h.length = int64(n)
	case len(name) == len("Transfer-Encoding") && bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if h.chunked || !bytes.EqualFold(value, []byte("chunked")) {
			return errEncoding
		}
		h.chunked = true
	}
	return nil
}

// readLine reads up to a line feed, which a carriage return may precede, and
// returns the line without either. It is valid until the next read. The budget
// bounds the bytes read.
func readLine(br *bufio.Reader, budget *int) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) && len(long) <= *budget {
			line, err = br.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	*budget -= len(line)
	if *budget < 0 {
		return nil, errHeadTooLarge
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// readBody reads at most limit bytes. Truncated says that there may be more, and
// that the connection can not be used again. What came before an error is
// returned with it.
func readBody(br *bufio.Reader, f framing, limit int) (body []byte, truncated bool, err error) {
	switch {
	case f.chunked:
		return readChunks(br, limit)
	case f.length == 0:
		return nil, false, nil
	case f.length == untilClose:
		body, err = readSome(br, nil, limit)
		if err == io.EOF && len(body) == 0 {
			return nil, false, nil
		}
		if err == io.EOF {
			return body, false, nil
		}
		return body, err == nil, err
	}
	n := int(min(f.length, int64(limit)))
	body, err = readSome(br, nil, n)
	return body, f.length > int64(limit), unexpected(err)
}

// readSome appends n bytes to body. The error is io.EOF when there were fewer.
func readSome(br *bufio.Reader, body []byte, n int) ([]byte, error) {
	for n > 0 {
		// Grow as the bytes come: what was announced may never come.
		part := min(n, max(len(body), 4<<10))
		start := len(body)
		body = append(body, make([]byte, part)...)
		got, err := io.ReadFull(br, body[start:])
		body = body[:start+got]
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			return bytes.Clone(body), err // without the room for what never came
		}
		n -= part
	}
	return body, nil
}

// readChunks reads a chunked body (RFC 9112, section 7.1).
func readChunks(br *bufio.Reader, limit int) (body []byte, truncated bool, err error) {
	budget := maxChunkLines
	for {
		budget += 16 // what an honest chunk may take
		line, err := readLine(br, &budget)
		if err != nil {
			return body, false, chunkError(err)
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimRight(size, " \t")), 16, 62)
		if err != nil {
			return body, false, errChunk
		}
		if n == 0 {
			return body, false, readTrailers(br, &budget)
		}
		if left := limit - len(body); n > uint64(left) {
			body, err = readSome(br, body, left)
			return body, err == nil, unexpected(err)
		}
		if body, err = readSome(br, body, int(n)); err != nil {
			return body, false, unexpected(err)
		}
		if line, err = readLine(br, &budget); err != nil {
			return body, false, chunkError(err)
		}
		if len(line) != 0 {
			return body, false, errChunk
		}
	}
}

// readTrailers reads and drops what follows the last chunk.
func readTrailers(br *bufio.Reader, budget *int) error {
	for {
		line, err := readLine(br, budget)
		if err != nil {
			return chunkError(err)
		}
		if len(line) == 0 {
			return nil
		}
	}
}

func chunkError(err error) error {
	if errors.Is(err, errHeadTooLarge) {
		return errChunkTooLarge
	}
	return unexpected(err)
}

// unexpected is err, where the end of the connection comes too early.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
