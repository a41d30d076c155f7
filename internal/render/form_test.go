package render

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/internal/render/py"
	"github.com/switchhook/switchhook/internal/webhook"
)

func decodeObject(t testing.TB, raw string) *py.Dict {
	t.Helper()
	v, err := Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return v.(*py.Dict)
}

func TestForm(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"scalars, in order", `{"b":"x","a":1,"t":true,"f":false,"n":-2.5}`, "b=x&a=1&t=true&f=false&n=-2.5"},
		{"nothing", `{}`, ""},
		{"null is skipped", `{"a":null,"b":[null,1,null],"c":{"d":null}}`, "b[]=1"},
		{"what is empty contributes nothing", `{"a":{},"x":1,"b":[],"c":{"d":{},"e":[]},"f":[[],{}]}`, "x=1"},
		{"an empty text is something", `{"a":"","b":[""]}`, "a=&b[]="},
		{"arrays", `{"k":["v1",2,true]}`, "k[]=v1&k[]=2&k[]=true"},
		{"objects", `{"k":{"sub":"v","a":{"b":1,"c":[2,3]}}}`, "k[sub]=v&k[a][b]=1&k[a][c][]=2&k[a][c][]=3"},
		{"objects in arrays", `{"k":[{"a":1,"b":{"c":2}},{"a":3}]}`, "k[][a]=1&k[][b][c]=2&k[][a]=3"},
		{"arrays in arrays", `{"k":[[1,[2]],3]}`, "k[][]=1&k[][][]=2&k[]=3"},
		{"values are encoded, names are not", `{"a b&[é":"a b&=é😀+/?%-_.~\n"}`, "a b&[é=a+b%26%3D%C3%A9%F0%9F%98%80%2B%2F%3F%25-_.~%0A"},
		{"numbers", `{"a":123456789012345678901234567890,"b":1.0,"c":1e30,"d":-0.0,"e":63848000000}`, "a=123456789012345678901234567890&b=1.0&c=1e%2B30&d=-0.0&e=63848000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Form(decodeObject(t, c.in), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFormIsBounded(t *testing.T) {
	name := strings.Repeat("n", 1000)
	raw := strings.Repeat(`{"`+name+`":`, 100) + `[` + strings.Repeat("1,", 10_000) + `1]` + strings.Repeat("}", 100)
	got, err := Form(decodeObject(t, raw), 1_000_000)
	if webhook.CodeOf(err) != webhook.CodeTooLarge || got != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if got, err := Form(decodeObject(t, `{"a":"xyz"}`), 5); err != nil || string(got) != "a=xyz" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Form(decodeObject(t, `{"a":"xyz"}`), 4); err == nil {
		t.Error("a byte too many was not refused")
	}
}

func TestNormalizeKeys(t *testing.T) {
	in := decodeObject(t, `{"Fax-JobId":{"RPid":1,"Caller-ID-Name":"A-B C"},"B":null,"List":[{"X-Y":null,"É-Z":[null,{"Q":1}]},null],"A-B":1,"c":0,"a_b":2}`)
	got, err := AppendPythonJSON(nil, NormalizeKeys(in), JSONStyle{})
	want := `{"fax_jobid": {"rpid": 1, "caller_id_name": "A-B C"}, "list": [{"\u00c9_z": [null, {"q": 1}]}, null], "a_b": 2, "c": 0}`
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if in.Get("Fax-JobId") == nil {
		t.Error("the original was changed")
	}
}

// leaves lists the names and values that a form ought to have.
func leaves(name string, v py.Value, out *[][2]string) {
	switch v := v.(type) {
	case py.None:
	case *py.Dict:
		for key, v := range v.All() {
			text, _ := py.Text(key)
			if name == "" {
				leaves(text, v, out)
			} else {
				leaves(name+"["+text+"]", v, out)
			}
		}
	case *py.List:
		for _, v := range v.Items {
			leaves(name+"[]", v, out)
		}
	default:
		*out = append(*out, [2]string{name, scalar(v)})
	}
}

// checkForm holds the form of an object, whose names hold nothing that means something
// in a form, to the values that are in the object.
func checkForm(t interface {
	Helper()
	Fatalf(string, ...any)
}, payload *py.Dict,
) {
	t.Helper()
	got, err := Form(payload, 1<<24)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var want, have [][2]string
	leaves("", payload, &want)
	if len(got) > 0 {
		for _, pair := range strings.Split(string(got), "&") {
			name, value, _ := strings.Cut(pair, "=")
			decoded, err := url.QueryUnescape(value)
			if err != nil {
				t.Fatalf("%q: %v", pair, err)
			}
			have = append(have, [2]string{name, decoded})
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Fatalf("%s\n%s", got, diff)
	}
}

func TestFormSaysEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := Decode([]byte(`{"k":` + jsonText(4).Draw(t, "json") + `}`))
		if err != nil {
			t.Fatalf("%v", err)
		}
		checkForm(t, plainNames(v).(*py.Dict))
	})
}

// plainNames gives members names that mean nothing in a form.
func plainNames(v py.Value) py.Value {
	switch v := v.(type) {
	case *py.Dict:
		out := py.NewDict()
		for key, v := range v.All() {
			text, _ := py.Text(key)
			out.Set("n"+url.PathEscape(strings.NewReplacer("&", "", "=", "").Replace(text)), plainNames(v))
		}
		return out
	case *py.List:
		out := py.NewList()
		for _, v := range v.Items {
			out.Items = append(out.Items, plainNames(v))
		}
		return out
	}
	return v
}

// FuzzForm makes forms of any payload.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"a":{"b":[1,null,{"c":"x y&="}]},"":""}`, `{"a":[[[]]]}`, `{"é":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := Decode(raw)
		if err != nil {
			return
		}
		payload, ok := v.(*py.Dict)
		if !ok {
			return
		}
		if got, err := Form(payload, 1<<16); err == nil && len(got) > 1<<16 {
			t.Fatalf("%d bytes", len(got))
		}
		checkForm(t, plainNames(NormalizeKeys(payload)).(*py.Dict))
	})
}
