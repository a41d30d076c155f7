package render

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/render/py"
)

// hostile are templates that would take for ever, or all memory.
func hostile() []string {
	double := func(step string) string {
		return "{% set ns = namespace(x='ab', l=[1], t=(1,), n=3, d={}) %}{% for i in range(100000) %}" + step + "{% endfor %}"
	}
	return []string{
		"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
		"{% for a in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
		"{% for a in range(100000) %}{% set x %}{{ 'x' * 1000 }}{% endset %}{% endfor %}",
		"{{ 'x' * 10**9 }}", "{{ [1] * 10**9 }}", "{{ (1,) * 10**15 }}", "{{ 'x' * 10**30 }}", "{{ 9**(9**9) }}", "{{ 10**(10**10) }}", "{{ (2**60000) ** 2 }}",
		"{{ 'x'.center(10**9) }}", "{{ 'x'.ljust(10**9, 'é') }}", "{{ 'x'.zfill(10**9) }}", "{{ '\t'.expandtabs(10**9) }}", "{{ ('\t' * 10000).expandtabs(10000) }}", "{{ '%1000000000d' % 1 }}", "{{ '%.1000000000f' % 1 }}", "{{ '%*d' % (10**9, 1) }}",
		"{{ '{:1000000000}'.format(1) }}", "{{ '{:.1000000000f}'.format(1.5) }}", "{{ '{:01000000000,}'.format(1) }}", "{{ '{:{}}'.format('x', 10**9) }}", "{{ 'x'|center(10**9) }}", "{{ 'x'|indent(10**9, true) }}", "{{ ('a\n' * 10000)|indent(10000) }}",
		"{{ ('a' * 10000).replace('a', 'b' * 10000) }}", "{{ ('a' * 10000)|replace('', 'b' * 10000) }}", "{{ ('x' * 10000).join('y' * 10000) }}", "{{ range(100000)|join('x' * 10000) }}", "{{ ('a ' * 1000000).split() }}", "{{ ('a,' * 4000000).split(',') }}",
		"{{ [[]]|tojson(10**9) }}", "{{ [[[[1]]]]|tojson('x' * 10000000) }}", "{{ lipsum(10**9) }}", "{{ lipsum(min=10**9, max=10**9+1) }}", "{{ [1]|batch(10**9, 0)|list }}", "{{ range(100000)|slice(10**12)|list }}", "{{ [1]|slice(10**12, 'x')|list }}",
		double("{% set ns.x = ns.x ~ ns.x %}"), double("{% set ns.x = ns.x + ns.x %}"), double("{% set ns.l = ns.l + ns.l %}"), double("{% set ns.l = [ns.l, ns.l] %}") + "{{ ns.l }}", double("{% set ns.t = (ns.t, ns.t) %}") + "{{ {ns.t: 1} }}",
		"{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}",
		"{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|pprint }}", "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}{{ ns.l < ns.m }}",
		"{% set ns = namespace(t=(1,)) %}{% for i in range(60) %}{% set ns.t = (ns.t, ns.t) %}{% endfor %}{{ {ns.t: 1} }}", "{% set ns = namespace(n=3) %}{% for i in range(100000) %}{% set ns.n = ns.n * ns.n %}{% endfor %}", "{% set n = 3 ** 20000 %}{% for i in range(100000) %}{% set x = n * n // n %}{% endfor %}",
		"{% set n = 7 ** 5000 %}{% for i in range(100000) %}{% set x = n|string %}{% endfor %}", "{% set a = [] %}{% set b = [a] %}{{ a.append(b) }}{{ a == b }}", "{% set l = [0] %}{% for x in l %}{{ l.append(x) or '' }}{% endfor %}", "{% set l = [0] %}{{ l.extend(l|map('string')) }}{% for x in l %}{% for y in l %}{% set z = l.append(1) %}{% endfor %}{% endfor %}",
		"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}", "{% block b %}{{ self.b() }}{% endblock %}", "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}", "{% macro m(n) %}{% call m(n) %}{{ caller() }}{% endcall %}{{ caller() }}{% endmacro %}{% call m(1) %}x{% endcall %}",
		"{% set d = {} %}{% for i in range(100000) %}{% set x = d.update({i: i}) %}{% endfor %}{% for i in range(100000) %}{% set x = d.pop(i) %}{% endfor %}", "{% for i in range(100000) %}{% set x = range(100000)|list|sort(reverse=true) %}{% endfor %}", "{% for i in range(100000) %}{{ range(100000)|sum }}{% endfor %}", "{% for i in range(100000) %}{{ range(100000)|random }}{{ 99999 in range(100000)|list }}{% endfor %}",
		"{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% set x = s.count('b') %}{% endfor %}", "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% set x = s.upper() %}{% endfor %}", "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% set x = s == s ~ '' %}{% endfor %}", "{% set s = 'é' * 400000 %}{% for i in range(100000) %}{% set x = s[399999] %}{% endfor %}", "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% set x = s|length %}{% endfor %}",
		"{% set s = 'é' * 1000000 %}{% for i in range(100000) %}{% set x = s|length %}{% endfor %}", "{% set s = 'a' * 100000 %}{% for i in range(100000) %}{% set x = s|urlize %}{% endfor %}", "{% set s = 'www.' ~ 'a.b' * 30000 %}{% for i in range(100000) %}{% set x = s|urlize %}{% endfor %}", "{% set s = 'a.' * 30000 ~ '@' %}{% for i in range(100000) %}{% set x = s|urlize %}{% endfor %}", "{% set s = ('(' * 5000) ~ ('a' * 5000) ~ (')' * 5000) %}{% for i in range(100000) %}{% set x = s|urlize %}{% endfor %}",
		"{% set s = 'a(' * 5000 ~ ')' * 5000 %}{% for i in range(100000) %}{% set x = s|urlize %}{% endfor %}", "{% set s = 'a' * 100000 %}{% for i in range(100000) %}{% set x = s|wordwrap(1) %}{% endfor %}", "{% set s = 'a-' * 100000 %}{% for i in range(100000) %}{% set x = s|wordwrap(3) %}{% endfor %}", "{% set s = '-' * 100000 %}{% for i in range(100000) %}{% set x = s|wordwrap(3) %}{% endfor %}",
		"{% set s = '<' * 100000 %}{% for i in range(100000) %}{% set x = s|striptags %}{% endfor %}", "{% set s = '<!--' * 25000 %}{% for i in range(100000) %}{% set x = s|striptags %}{% endfor %}", "{% set s = '&' * 100000 %}{% for i in range(100000) %}{% set x = s|striptags|e|e|e %}{% endfor %}", "{% set s = 'a b ' * 25000 %}{% for i in range(100000) %}{% set x = [s]|pprint %}{% endfor %}", "{% set s = 'Σ' * 50000 %}{% for i in range(100000) %}{% set x = s.lower() %}{% endfor %}",
		"{% set s = 'a' * 20000 ~ 'b' %}{% for i in range(100000) %}{% set x = (s * 20).count('a' * 20000 ~ 'c') %}{% endfor %}", "{% set s = 'ab' * 20000 %}{% for i in range(100000) %}{% set x = s.strip('abcdefgh' * 2000) %}{% endfor %}", "{% set s = 'ab' * 20000 %}{% for i in range(100000) %}{% set x = s.translate({}) %}{% endfor %}", "{% set s = '{}' * 20000 %}{% for i in range(100000) %}{% set x = s.format(*range(20000)) %}{% endfor %}", "{% set s = '%s' * 20000 %}{% for i in range(100000) %}{% set x = s % (('a',) * 20000) %}{% endfor %}",
		"{% for i in range(100000) %}{% set x = '(' * 10000 %}{% set y = ('%' ~ x) % {} if false %}{% set z = x|title|capitalize|wordcount %}{% endfor %}", "{% macro m() %}{{ varargs|length }}{{ kwargs }}{% endmacro %}{% for i in range(100000) %}{{ m(*range(100000)) }}{% endfor %}", "{% for i in range(100000) %}{{ dict(range(100000)|batch(2))|length }}{% endfor %}", "{% for i in range(100000) %}{{ range(100000)|map('string')|map('upper')|map('lower')|unique|list|length }}{% endfor %}", "{% for i in range(100000) %}{{ range(100000)|groupby(attribute='real')|length }}{% endfor %}",
		"{{ [1]|map('map', 'map')|list }}{% for i in range(100000) %}{% set l = range(100000)|select('in', range(100000)|list)|list %}{% endfor %}", "{% for i in range(100000) %}{% set c = cycler(*range(100000)) %}{% endfor %}", "{% autoescape true %}{% for i in range(100000) %}{% set x = '<' * 100000 ~ '>'|safe %}{% endfor %}{% endautoescape %}", "{% for i in range(100000) %}{% set x = ('<' * 100000)|e %}{% endfor %}", "{% for i in range(100000) %}{% set x = ('<' * 100000)|urlencode %}{% endfor %}",
		"{{" + strings.Repeat(" 1 +", 15000) + " 1 }}{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "{{ x" + strings.Repeat(".a", 20000) + " }}", "{{ 1" + strings.Repeat("|string", 8000) + " }}{{ 'x' * 10**9 }}",
	}
}

// limitOf says whether an error is of a kind that a limit gives.
func limitOf(err error) bool {
	class := py.ClassOf(err)
	return slices.Contains([]py.Class{py.LimitError, py.RecursionError, py.OverflowError, py.ValueError, py.UndefinedError}, class)
}

func TestHostileTemplatesEndSoon(t *testing.T) {
	const allowed = time.Minute // for a machine that is busy with something else; about 0.1 s is usual
	for i, src := range hostile() {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			tmpl, err := Compile(src, Limits{})
			if err == nil {
				_, err = tmpl.Render(map[string]py.Value{})
			}
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if took > allowed {
				t.Errorf("%.200s took %v", src, took)
			}
			allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
			if testing.Verbose() {
				t.Logf("%v, %d MiB: %.150s: %v", took, allocated, src, err)
			}
			if allocated > 1024 {
				t.Errorf("%.200s allocated %d MiB", src, allocated)
			}
			if err == nil || !limitOf(err) {
				t.Errorf("%.200s: no limit was reached: %v", src, err)
			}
		})
	}
}

func TestTemplatesThatAreTooLongOrTooDeepAreRefused(t *testing.T) {
	for _, src := range []string{
		strings.Repeat("x", 64<<10+1),
		"{{ " + strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000) + " }}",
		"{{ " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + " }}",
		"{{ " + strings.Repeat("{1:", 1000) + "1" + strings.Repeat("}", 1000) + " }}",
		"{{ " + strings.Repeat("-", 30000) + "1 }}",
		"{{ " + strings.Repeat("not ", 10000) + "1 }}",
		"{{ " + strings.Repeat("1 if 1 else ", 5000) + "1 }}",
		"{{ " + strings.Repeat("a[", 5000) + "1" + strings.Repeat("]", 5000) + " }}",
		"{{ " + strings.Repeat("a(", 5000) + "1" + strings.Repeat(")", 5000) + " }}",
		"{{ " + strings.Repeat("a|f(", 5000) + "1" + strings.Repeat(")", 5000) + " }}",
		strings.Repeat("{% if 1 %}", 3000) + strings.Repeat("{% endif %}", 3000),
		strings.Repeat("{% for x in y %}", 2000) + strings.Repeat("{% endfor %}", 2000),
		"{% for " + strings.Repeat("(", 2000) + "a" + strings.Repeat(")", 2000) + " in b %}{% endfor %}",
		"\xff", "{{ '\xed\xa0\x80' }}",
	} {
		if tmpl, err := Compile(src, Limits{}); err == nil {
			t.Errorf("%.40q… was compiled: %v", src, tmpl)
		}
	}
}

// Long chains are not nested, and still cost stack when they are worked out. Jinja
// gives up at about 200 links.
func TestChainsEndInARecursionErrorWhenTheyAreTooLong(t *testing.T) {
	for _, c := range []struct{ head, link, tail string }{
		{"{{ 1", " + 1", " }}"},
		{"{{ s", "|string", " }}"},
		{"{{ s", " is eq s", " }}"},
		{"{{ s", ".upper()", " }}"},
		{"{{ s", " or s", " }}"},
		{"{{ l", "[0:]", " }}"},
	} {
		for links, want := range map[int]py.Class{190: "", 5000: py.RecursionError} {
			tmpl, err := Compile(c.head+strings.Repeat(c.link, links)+c.tail, Limits{})
			if err != nil {
				t.Fatalf("%d times %q: %v", links, c.link, err)
			}
			_, err = tmpl.Render(map[string]py.Value{"s": py.Str(""), "l": py.NewList()})
			if got := py.ClassOf(err); err != nil && got != want || err == nil && want != "" {
				t.Errorf("%d times %q: %v, want %q", links, c.link, err, want)
			}
		}
	}
}

func TestAnIfMayHaveManyBranches(t *testing.T) {
	src := "{% if n == 1 %}" + strings.Repeat("{% elif n == 2 %}", 2500) + "{% elif n == 3 %}yes{% else %}no{% endif %}"
	for n, want := range map[int]string{3: "yes", 4: "no"} {
		tmpl, err := Compile(src, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Render(map[string]py.Value{"n": py.NewInt(n)}); err != nil || got != want {
			t.Errorf("n is %d: %q, %v", n, got, err)
		}
	}
}

func TestLimitsAreWhatIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		src    string
		limits Limits
		ok     bool
	}{
		{"12345", Limits{Source: 5}, true},
		{"123456", Limits{Source: 5}, false},
		{"{{ 'x' * 10 }}", Limits{Output: 10}, true},
		{"{{ 'x' * 11 }}", Limits{Output: 10}, false},
		{"{% for i in range(50) %}{{ i }}{% endfor %}", Limits{Steps: 1000}, true},
		{"{% for i in range(500) %}{{ i }}{% endfor %}", Limits{Steps: 1000}, false},
		{"{% set x = 'x' * 1000 %}", Limits{Memory: 2000}, true},
		{"{% set x = 'x' * 3000 %}", Limits{Memory: 2000}, false},
		{"{{ ((1)) }}", Limits{Nesting: 10}, true},
		{"{{ ((((((1)))))) }}", Limits{Nesting: 10}, false},
		{"{% macro m(n) %}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(10) }}", Limits{Depth: 20}, true},
		{"{% macro m(n) %}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(30) }}", Limits{Depth: 20}, false},
	} {
		tmpl, err := Compile(c.src, c.limits)
		if err == nil {
			_, err = tmpl.Render(nil)
		}
		if (err == nil) != c.ok {
			t.Errorf("%s with %+v: %v", c.src, c.limits, err)
		}
		var syntax *SyntaxError
		if err != nil && !limitOf(err) && !errors.As(err, &syntax) {
			t.Errorf("%s: %v", c.src, err)
		}
	}
}

// FuzzTemplate compiles and renders any text; the limits must hold.
func FuzzTemplate(f *testing.F) {
	for _, src := range []string{
		"a{{ x.y[0]|upper }}b", "{% for k, v in d.items() if v %}{{ loop.index }}{{ k }}{% else %}-{% endfor %}", "{% macro m(a, b=1) %}{{ caller(a) }}{{ varargs }}{% endmacro %}{% call(x) m(1) %}{{ x }}{% endcall %}",
		"{%- set x, y = 1, [2] -%}{% set z %}a{% endset %}{# c #}{% raw %}{{{% endraw %}", "{{ '%5.2f'|format(1) }}{{ '{:>{w}}'.format(s, w=5) }}{{ s[::-1] }}{{ 2 ** 10 // 3 % 7 }}", "{% with a = 1 %}{% filter indent %}{{ a }}\n{% endfilter %}{% endwith %}{% autoescape true %}{{ '<'|e ~ s }}{% endautoescape %}",
		"{{ d|tojson(2) }}{{ d|urlencode }}{{ l|groupby(0)|list }}{{ l|sort(reverse=true)|batch(2, none)|list }}{{ s|urlize|wordwrap(3)|truncate(2) }}", "{% block a scoped %}{{ self.a }}{% endblock %}{% include x %}", "{{ ''.__class__.__mro__ }}{{ namespace(a=1).a }}{{ 1 if x is not defined else 2 }}",
	} {
		f.Add(src)
	}
	limits := Limits{Steps: 20_000, Memory: 4 << 20, Output: 1 << 16, Source: 4096}
	f.Fuzz(func(t *testing.T, src string) {
		start := time.Now()
		tmpl, err := Compile(src, limits)
		if err == nil {
			vars := decodeObject(t, `{"s":"Hé <b>","l":[[1,2],[1,3]],"d":{"a":1,"b":[null,true,2.5]},"x":5}`)
			named := map[string]py.Value{}
			for name, v := range vars.All() {
				text, _ := py.Text(name)
				named[text] = v
			}
			var out string
			if out, err = tmpl.Render(named); len(out) > limits.Output {
				t.Fatalf("%d bytes", len(out))
			}
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\r\n") || err.Error() == "") {
			t.Fatalf("the error is not one line: %q", err)
		}
		if took := time.Since(start); took > time.Minute {
			t.Fatalf("took %v", took)
		}
	})
}
