package viawazo

import (
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// encode writes text in a charset of Python's. The errors are Python's, too.
func encode(text, charset string) ([]byte, error) {
	e := encodingNamed(charset)
	if e == nil {
		return nil, fmt.Errorf("unknown encoding: %s", charset)
	}
	out, err := e.NewEncoder().Bytes([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("'%s' codec can't encode all of the body", charset)
	}
	return out, nil
}

// decode reads what a receiver answered, in the charset that it names, as
// python-requests does: text without a name of one is Latin-1 unless it is UTF-8.
func decode(body []byte, contentType string) string {
	media, params, _ := mime.ParseMediaType(contentType)
	if e := encodingNamed(params["charset"]); e != nil && params["charset"] != "" {
		if text, err := e.NewDecoder().Bytes(body); err == nil {
			return string(text)
		}
	}
	if !utf8.Valid(body) && strings.HasPrefix(media, "text/") {
		text, _ := charmap.ISO8859_1.NewDecoder().Bytes(body)
		return string(text)
	}
	return strings.ToValidUTF8(string(body), "\ufffd")
}

// encodingNamed finds a charset by a name that Python knows it by, or returns nil.
func encodingNamed(name string) encoding.Encoding {
	name = squeeze(name)
	switch name {
	case "utf8", "u8", "utf":
		return encoding.Nop
	case "utf8sig":
		return unicode.UTF8BOM
	case "ascii", "usascii", "646", "iso646us":
		return ascii{}
	case "utf16", "u16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "utf16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "utf16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case "utf32", "u32":
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case "utf32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case "utf32be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	case "shiftjis", "sjis", "cp932", "ms932", "mskanji":
		return japanese.ShiftJIS
	case "eucjp", "ujis":
		return japanese.EUCJP
	case "iso2022jp", "csiso2022jp":
		return japanese.ISO2022JP
	case "euckr", "cp949", "ksc5601", "uhc":
		return korean.EUCKR
	case "gbk", "cp936", "gb2312", "euccn":
		return simplifiedchinese.GBK
	case "gb18030":
		return simplifiedchinese.GB18030
	case "big5", "cp950":
		return traditionalchinese.Big5
	}
	return oneByte(name)
}

// oneByte finds a charset with a byte for each character.
func oneByte(name string) encoding.Encoding {
	latin := map[string]string{
		"latin": "1", "latin1": "1", "l1": "1", "cp819": "1", "latin2": "2", "l2": "2", "latin3": "3", "l3": "3",
		"latin4": "4", "l4": "4", "cyrillic": "5", "arabic": "6", "greek": "7", "hebrew": "8", "latin5": "9", "l5": "9",
		"latin6": "10", "l6": "10", "latin7": "13", "l7": "13", "latin8": "14", "l8": "14", "latin9": "15", "l9": "15",
		"latin10": "16", "l10": "16", "iso8859": "1",
	}
	if part, ok := latin[name]; ok {
		name = "iso8859" + part
	}
	if name == "macroman" || name == "mac" {
		name = "macintosh"
	}
	page, isPage := strings.CutPrefix(name, "cp")
	for _, e := range charmap.All {
		known := squeeze(fmt.Sprint(e)) // "ISO 8859-1", "Windows 1252", "IBM Code Page 437", "KOI8-R"
		if name == known || isPage && (known == "windows"+page || known == "ibmcodepage"+page) {
			return e
		}
	}
	return nil
}

// squeeze leaves of a charset's name what tells it from others.
func squeeze(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_ ", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// ascii is US-ASCII, which takes and gives nothing else.
type ascii struct{}

func (ascii) NewDecoder() *encoding.Decoder { return encoding.Nop.NewDecoder() }

func (ascii) NewEncoder() *encoding.Encoder {
	return &encoding.Encoder{Transformer: onlyASCII{encoding.Nop.NewEncoder()}}
}

// onlyASCII passes ASCII on and fails on everything else.
type onlyASCII struct{ *encoding.Encoder }

func (o onlyASCII) Transform(dst, src []byte, atEOF bool) (int, int, error) {
	for _, c := range src {
		if c >= utf8.RuneSelf {
			return 0, 0, encoding.ErrInvalidUTF8
		}
	}
	return o.Encoder.Transform(dst, src, atEOF)
}
