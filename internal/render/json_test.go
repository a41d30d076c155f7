package render

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/internal/webhook"
)

func TestPythonJSON(t *testing.T) {
	long := strings.Repeat("1234567890", 600)
	for _, c := range []struct {
		name  string
		in    string
		style JSONStyle
		want  string
	}{
		{"separators", `{"a":[1,2,{"b":null}],"c":{}}`, JSONStyle{}, `{"a": [1, 2, {"b": null}], "c": {}}`},
		{"blanks are dropped", " [ 1 ,\n2\t] \r", JSONStyle{}, `[1, 2]`},
		{"scalars", `null`, JSONStyle{}, `null`},
		{"arrival order", `{"b":1,"a":2}`, JSONStyle{}, `{"b": 1, "a": 2}`},
		{"sorted, at every level", `{"b":{"y":1,"x":2},"a":2}`, JSONStyle{SortKeys: true}, `{"a": 2, "b": {"x": 2, "y": 1}}`},
		{"sorted by code point", `{"é":1,"z":2,"Z":3,"😀":4,"\uffff":5,"":6}`, JSONStyle{SortKeys: true}, `{"": 6, "Z": 3, "z": 2, "\u00e9": 1, "\uffff": 5, "\ud83d\ude00": 4}`},
		{"the last of equal names, where the first one was", `{"a":1,"b":2,"a":3}`, JSONStyle{}, `{"a": 3, "b": 2}`},
		{"whole floats", `[1.0,1e2,-2.0,1e15,1e16,9007199254740992.0,9007199254740994.0,-0.0,0.0]`, JSONStyle{}, `[1.0, 100.0, -2.0, 1000000000000000.0, 1e+16, 9007199254740992.0, 9007199254740994.0, -0.0, 0.0]`},
		{"whole floats as integers", `[1.0,1e2,-2.0,1e15,1e16,9007199254740992.0,9007199254740994.0,-0.0,0.0,2.5]`, JSONStyle{WholeNumbers: true}, `[1, 100, -2, 1000000000000000, 1e+16, 9007199254740992, 9007199254740994.0, -0.0, 0, 2.5]`},
		{"floats", `[0.1,1.5e300,1e-7,0.0001,0.00001,123456789.125,1e22,5e-324,1.7976931348623157e308,1.10]`, JSONStyle{}, `[0.1, 1.5e+300, 1e-07, 0.0001, 1e-05, 123456789.125, 1e+22, 5e-324, 1.7976931348623157e+308, 1.1]`},
		{"beyond every float", `[1e999,-1e999]`, JSONStyle{}, `[Infinity, -Infinity]`},
		{"integers of any size", `[0,-0,9007199254740993,-18446744073709551617,` + long + `]`, JSONStyle{WholeNumbers: true}, `[0, 0, 9007199254740993, -18446744073709551617, ` + long + `]`},
		{"escapes", `"<&>\"\\\/\u0001\u007f\n\t\b\f\r"`, JSONStyle{}, `"<&>\"\\/\u0001\u007f\n\t\b\f\r"`},
		{"beyond ASCII", `"hé€😀\u2028\ud83d\ude00"`, JSONStyle{}, `"h\u00e9\u20ac\ud83d\ude00\u2028\ud83d\ude00"`},
		{"halves of pairs", `"\ud83d \ude00\ud83d\u0041\udE00\ud83d\ud83d\ude00"`, JSONStyle{}, `"\ud83d \ude00\ud83dA\ude00\ud83d\ud83d\ude00"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := PythonJSON([]byte(c.in), c.style)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The bodies that PyWebhooks sends are signed as they are; these are known pairs.
func TestPythonJSONKeepsKnownSignatures(t *testing.T) {
	const key = "5a4a1cf4895441a1dfaa504c471510be819198e7"
	for body, signature := range map[string]string{
		`{"items": [{"item1": 1}, {"item2": 2}], "message": "hello world"}`: "6f03a972308786b9d21b41fb821a3ce8dc51cafa",
		`{}`:                                     "f1d4e47d8d83b77608bac560e047c19ebca19a5f",
		`[]`:                                     "7cb155c27d10404508129e38445515b1908d13e5",
		`null`:                                   "9cd9714c22c5e77622374ea405a5fee4f31efc25",
		`"text"`:                                 "0aae32fed4dda76aca2f93179854aff00cf07932",
		`{"a": "\u2028\u007f\ud83d\ude00/\\\""}`: "10d2097aabe345590b8fa305751e0bb16421f68c",
		`[1.0, 100.0, 1e+30, -0.0, 1e+16, 9007199254740993, 1e-05, 0.0001, 100.5, 123456789.125, 1e+22, 5e-324, 1.7976931348623157e+308]`: "34cc2dcf907f39472e99ded6c4b92034eda0a6d9",
	} {
		got, err := PythonJSON([]byte(body), JSONStyle{SortKeys: true})
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != body {
			t.Errorf("%s became %s", body, got)
		}
		mac := hmac.New(sha1.New, []byte(key))
		mac.Write(got)
		if sum := hex.EncodeToString(mac.Sum(nil)); sum != signature {
			t.Errorf("%s: signature %s, want %s", body, sum, signature)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, in := range []string{
		``, ` `, `nul`, `NaN`, `Infinity`, `-Infinity`, `[1,]`, `[,1]`, `[1 2]`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{'a':1}`, `{1:2}`, `01`, `-`, `-01`, `1.`, `.5`, `1e`, `1e+`, `+1`, `0x1`,
		`"a`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"\n\"", "\"\x00\"", "\"\xff\"", "\"\xed\xa0\x80\"", `[1]]`, `1 2`, `{"a":1}x`, `"a" "b"`, `[`, `{`, `{"a":1`, "\ufeff1", `tru`, `truee`, `[1}`, `{"a":1]`,
		strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2),
	} {
		if v, err := Decode([]byte(in)); err == nil {
			t.Errorf("%.40q was read as %v", in, v)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: %q has several lines", in, err)
		}
	}
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if got, err := PythonJSON([]byte(deep), JSONStyle{}); err != nil || string(got) != deep {
		t.Errorf("%d arrays in each other: %v", maxDepth, err)
	}
}

func TestManyEqualNamesCostNoMore(t *testing.T) {
	in := "{" + strings.TrimSuffix(strings.Repeat(`"a":1,"b":2,`, 50_000), ",") + "}"
	got, err := PythonJSON([]byte(in), JSONStyle{})
	if err != nil || string(got) != `{"a": 1, "b": 2}` {
		t.Errorf("%.100s, %v", got, err)
	}
}

func TestPrettyJSON(t *testing.T) {
	v, err := Decode([]byte(`{"b":[1,{"c":"é<\u0001\u007f\ud83d","d":[]}],"a":{},"n":null,"f":1.0,"big":1e999}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := PrettyJSON(v, 1<<20)
	want := `{
  "b": [
    1,
    {
      "c": "é<\u0001` + "\x7f" + `\ud83d",
      "d": []
    }
  ],
  "a": {},
  "n": null,
  "f": 1.0,
  "big": 1e999
}`
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if !json.Valid(got) {
		t.Error("it is no JSON")
	}
	deep, err := Decode([]byte(strings.Repeat(`[1,`, 900) + "1" + strings.Repeat("]", 900)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PrettyJSON(deep, 100_000); webhook.CodeOf(err) != webhook.CodeTooLarge {
		t.Errorf("too long a result: %v", err)
	}
}

// jsonText draws a JSON text.
func jsonText(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"null", "true", "false", "0", "-0", "1.0", "1e5", "-0.0", "1E400", "123456789012345678901234567890"}).Draw(t, "constant")
		case 1:
			f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
			if math.IsNaN(f) || math.IsInf(f, 0) {
				f = 0
			}
			return strconv.FormatFloat(f, rapid.SampledFrom([]byte("efg")).Draw(t, "form"), -1, 64)
		case 2:
			return strconv.FormatInt(rapid.Int64().Draw(t, "int"), 10)
		case 3:
			return jsonString().Draw(t, "text")
		case 4:
			return "[" + strings.Join(rapid.SliceOfN(jsonText(depth-1), 0, 4).Draw(t, "items"), " ,") + "]"
		}
		var members []string
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			members = append(members, jsonString().Draw(t, "name")+": "+jsonText(depth-1).Draw(t, "value"))
		}
		return "{" + strings.Join(members, ",") + "}"
	})
}

func jsonString() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var out bytes.Buffer
		for _, r := range rapid.SliceOfN(rapid.Rune(), 0, 6).Draw(t, "runes") {
			if r < 0x10000 && rapid.Bool().Draw(t, "escaped") {
				out.WriteString(`\u` + hex.EncodeToString([]byte{byte(r >> 8), byte(r)}))
				continue
			}
			quoted, _ := json.Marshal(string(r))
			out.Write(quoted[1 : len(quoted)-1])
		}
		out.WriteString(rapid.SampledFrom([]string{"", "", `\ud800`, `\udc00`, `\/`, "a"}).Draw(t, "end"))
		return `"` + out.String() + `"`
	})
}

// TestPythonJSONEqualsPython compares with Python's json module, in one process.
func TestPythonJSONEqualsPython(t *testing.T) {
	python := newOracle(t, "json")
	if python == nil {
		t.Skip("there is no Python to compare with; TestPythonJSON has known answers")
	}
	var questions []question
	rapid.Check(t, func(t *rapid.T) {
		text := jsonText(4).Draw(t, "json")
		questions = append(questions, question{JSON: &text, Sort: rapid.Bool().Draw(t, "sort")})
	})
	for i, want := range python.ask(t, questions) {
		got, err := PythonJSON([]byte(*questions[i].JSON), JSONStyle{SortKeys: questions[i].Sort})
		if err != nil || want.Out == nil || string(got) != *want.Out {
			t.Errorf("%s\n got %s %v\nwant %s", *questions[i].JSON, got, err, want)
		}
	}
}

func TestPythonJSONIsAFixedPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		style := JSONStyle{SortKeys: rapid.Bool().Draw(t, "sort"), WholeNumbers: rapid.Bool().Draw(t, "whole")}
		once, err := PythonJSON([]byte(jsonText(4).Draw(t, "json")), style)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(once, []byte("Infinity")) {
			return
		}
		again, err := PythonJSON(once, style)
		if err != nil || !bytes.Equal(once, again) {
			t.Fatalf("%s became %s, %v", once, again, err)
		}
	})
}

// FuzzPythonJSON holds the decoder to what encoding/json takes for JSON, and the
// encoder to JSON that says the same.
func FuzzPythonJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00"],"a":null}`, `"\ud800"`, `[1e999]`, ` [ ] `, `{"":{}}`, `01`, `nul`, "\"\xff\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := PythonJSON(raw, JSONStyle{})
		valid := json.Valid(raw)
		if err != nil {
			if valid && bytes.Equal(raw, bytes.ToValidUTF8(raw, nil)) && !tooDeep(raw) {
				t.Fatalf("%q was refused: %v", raw, err)
			}
			return
		}
		if !valid {
			t.Fatalf("%q was taken for JSON: %s", raw, got)
		}
		var want, have any
		if json.Unmarshal(raw, &want) != nil {
			return // a number that is too great for a float64
		}
		if err := json.Unmarshal(got, &have); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Fatal(diff)
		}
	})
}

func tooDeep(raw []byte) bool {
	return bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) > maxDepth
}

func BenchmarkPythonJSON(b *testing.B) {
	raw := []byte(`{"uuid":"6e3c1a52-3c1d-4c31-9d40-7c8f6d6b1a11","name":"user_created","data":{"id":12,"price":12.50,"tags":["a","b","c"],"text":"` +
		strings.Repeat("some text, ", 60) + `é"},"origin":null,"ok":true}`)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := PythonJSON(raw, JSONStyle{SortKeys: true}); err != nil {
			b.Fatal(err)
		}
	}
}
