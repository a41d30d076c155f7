package wazo_test

import (
	"strings"
	"testing"
)

// what spells a problem of a field.
func what(message, id string, constraint any) object {
	return object{"message": message, "constraint_id": id, "constraint": constraint}
}

func missing() object { return what("Missing data for required field.", "required", "required") }
func null() object    { return what("Field may not be null.", "not_null", "not_null") }
func kind(name, in string) object {
	return what("Not a valid "+in+".", "type", name)
}

func long(n float64, text string) []any {
	return []any{what("Longer than maximum length "+text+".", "length", object{"min": nil, "max": n})}
}

func exactly36() []any { return []any{what("Length must be 36.", "length", object{"equal": 36.0})} }
func noNUL() []any {
	return []any{what("Must not have a NUL character.", "characters", "no NUL")}
}

func TestEveryFieldOfASubscriptionIsChecked(t *testing.T) {
	w := newWorld(t)
	text, list, dict := kind("string", "string"), kind("list", "list"), kind("dict", "mapping type")
	method := what("Must be one of: head, get, post, put, delete.", "enum", object{"choices": []any{"head", "get", "post", "put", "delete"}})
	verify := what("Must be true, false or a path.", "verify-certificate-invalid", []any{"true", "false", "/*"})
	valueType := []any{what("Keys and values must be strings.", "key-value-type", "string")}
	noScalar := []any{what("Values must be strings.", "key-value-type", "string")}
	valueLength := []any{what("A key or a value is too long.", "key-value-length", object{"key-max": 128.0, "value-max": 2048.0})}
	http := func(changes object) object {
		c := object{"url": "u", "method": "get"}
		for name, value := range changes {
			if c[name] = value; value == leftOut {
				delete(c, name)
			}
		}
		return object{"config": c}
	}
	other := func(config any) object { return object{"service": "x", "config": config} }
	for _, c := range []struct {
		about   string
		changes object
		want    object
	}{
		{"nothing", object{"name": leftOut, "service": leftOut, "events": leftOut, "config": leftOut}, object{"name": missing(), "service": missing(), "events": missing(), "config": missing()}},
		{"all null", object{"name": nil, "service": nil, "events": nil, "config": nil, "metadata": nil}, object{"name": null(), "service": null(), "events": null(), "config": null(), "metadata": null()}},
		{"wrong types", object{"name": 5, "service": true, "events": "a", "config": object{}, "metadata": "x", "events_user_uuid": 1, "owner_user_uuid": []int{}}, object{
			"name": text, "service": text, "events": list, "metadata": dict, "events_user_uuid": text, "owner_user_uuid": text,
		}},
		{"a long name", object{"name": strings.Repeat("é", 129)}, object{"name": long(128, "128")}},
		{"a long service", object{"service": strings.Repeat("s", 129), "config": object{}}, object{"service": long(128, "128")}},
		{"events", object{"events": []any{"a", 5, nil, strings.Repeat("e", 129), ""}}, object{"events": object{"1": text, "2": null(), "3": long(128, "128")}}},
		{"an event twice", object{"events": []any{"a", "b", "a"}}, object{"events": []any{what("Must not have an item twice.", "unique", "unique")}}},
		{"short UUIDs", object{"events_user_uuid": "x", "events_wazo_uuid": "", "owner_user_uuid": strings.Repeat("x", 37)}, object{
			"events_user_uuid": exactly36(), "events_wazo_uuid": exactly36(), "owner_user_uuid": exactly36(),
		}},
		{"metadata of objects", object{"metadata": object{"a": object{}}}, object{"metadata": noScalar}},
		{"metadata of lists", object{"metadata": object{"a": []int{1}}}, object{"metadata": noScalar}},
		{"NUL", object{"name": "\x00", "events": []any{"\x00"}, "metadata": object{"\x00": "x"}, "events_user_uuid": strings.Repeat("\x00", 36)}, object{
			"name": noNUL(), "events": object{"0": noNUL()}, "metadata": noNUL(), "events_user_uuid": noNUL(),
		}},
		{"a service that is an object", object{"service": object{}}, object{"service": text, "config": what("Invalid service type.", "destination-type", object{"type": "string"})}},
		{"a service that is a list", object{"service": []any{}}, object{"service": text, "config": what("Invalid service type.", "destination-type", object{"type": "string"})}},
		{"a config that is a list", object{"config": []any{}}, object{"config": dict}},
		{"a config that is a text", object{"config": "x"}, object{"config": dict}},
		{"a config that is empty", object{"config": object{}}, object{"config": object{"url": missing(), "method": missing()}}},
		{"required nulls", http(object{"url": nil, "method": nil}), object{"config": object{"url": null(), "method": null()}}},
		{"wrong types in it", http(object{"url": 1, "method": 2, "body": 3, "content_type": false, "verify_certificate": true}), object{"config": object{
			"url": text, "method": text, "body": text, "content_type": text, "verify_certificate": text,
		}}},
		{"what is not known", http(object{"headers": object{}, "x": nil}), object{"config": object{"headers": []any{"Unknown field."}, "x": []any{"Unknown field."}}}},
		{"a method", http(object{"method": "patch"}), object{"config": object{"method": method}}},
		{"a certificate", http(object{"verify_certificate": "True"}), object{"config": object{"verify_certificate": verify}}},
		{"long values", http(object{"url": strings.Repeat("u", 8193), "body": strings.Repeat("b", 16385), "content_type": strings.Repeat("c", 257), "verify_certificate": "/" + strings.Repeat("v", 1024)}), object{"config": object{
			"url": long(8192, "8192"), "body": long(16384, "16384"), "content_type": long(256, "256"), "verify_certificate": long(1024, "1024"),
		}}},
		{"NUL in it", http(object{"url": "\x00"}), object{"config": object{"url": noNUL()}}},
		{"another service's numbers", other(object{"time_sleep": 10}), object{"config": valueType}},
		{"another service's null", other(object{"k": nil}), object{"config": valueType}},
		{"another service's long key", other(object{strings.Repeat("k", 129): "v"}), object{"config": valueLength}},
		{"another service's long value", other(object{"k": strings.Repeat("v", 2049)}), object{"config": valueLength}},
		{"another service's NUL", other(object{"k": "\x00"}), object{"config": noNUL()}},
		{"mobile's numbers", object{"service": "mobile", "config": object{"a": 1}}, object{"config": valueType}},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := *w
			w.TB = t
			w.same(w.refused(400, "invalid-data", "POST", "/subscriptions", body(c.changes)), c.want)
			w.same(w.refused(400, "invalid-data", "PUT", "/subscriptions/"+nowhere, body(c.changes)), c.want) // before it is looked up
		})
	}
	w.same(w.want(200, "GET", "/subscriptions", nil)["total"], any(0.0))
}

func TestWhatIsJustShortEnoughIsKept(t *testing.T) {
	w := newWorld(t)
	b := body(object{
		"name": strings.Repeat("é", 128), "events": []string{strings.Repeat("é", 128), ""}, "metadata": object{"": ""},
		"config":           object{"url": strings.Repeat("u", 8192), "method": "HeAd", "body": strings.Repeat("ü", 16384), "content_type": "x", "verify_certificate": "/"},
		"events_user_uuid": strings.Repeat("\n", 36), "events_wazo_uuid": strings.Repeat("*", 36),
	})
	made := w.want(201, "POST", "/subscriptions", b)
	w.same(made["name"], b["name"])
	w.same(made["config"].(object)["body"], b["config"].(object)["body"])
	w.same(w.want(200, "GET", "/subscriptions/"+made["uuid"].(string), nil), made)
	many := object{}
	for i := range 200 {
		many[strings.Repeat("k", 100)+string(rune('a'+i%26))+strings.Repeat("x", i/26)] = strings.Repeat("v", 2048)
	}
	w.subscribe(object{"service": "x", "config": many})
}

func TestABodyMustBeADeclaredJSONObject(t *testing.T) {
	w := newWorld(t)
	good := `{"name":"n","service":"x","events":[],"config":{}}`
	for contentType, status := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "APPLICATION/JSON": 201, "application/vnd.x+json": 201,
		"text/json": 400, "text/plain": 400, "": 400, "text/x+json": 400, "application/x-www-form-urlencoded": 400,
	} {
		got := w.send("POST", "/subscriptions", good, "Content-Type", contentType)
		if got.Status != status || status == 400 && len(got.Object(w)) != 1 {
			t.Errorf("%q: %d %s", contentType, got.Status, got.Body)
		}
	}
	for _, text := range []string{"", "{", "nonsense", `{"a":1}x`, "{'a':1}", `{"a":NaN}`, "\xff", "{\"name\":\"\xff\"}", `{"name":"n",}`} {
		got := w.send("POST", "/subscriptions", text, "Content-Type", "application/json")
		if got.Status != 400 || len(got.Object(w)) != 1 || got.Object(w)["message"] == "" {
			t.Errorf("%q: %d %s", text, got.Status, got.Body)
		}
	}
	for _, text := range []string{"[]", "null", "5", `"text"`} {
		w.same(w.refused(400, "invalid-data", "POST", "/subscriptions", text), object{"_schema": []any{"Invalid input type."}})
		w.same(w.refused(400, "invalid-data", "POST", "/mobile/notifications", text), object{"_schema": []any{"Invalid input type."}})
	}
	if got := w.send("POST", "/subscriptions", `{"name":"`+strings.Repeat("x", 2<<20)+`"}`); got.Status != 413 {
		t.Errorf("a large body: %d %.200s", got.Status, got.Body)
	}
	w.same(w.send("POST", "/subscriptions", strings.Repeat("[", 100_000)).Status, 400)
}

func TestATokenIsLookedAtBeforeABody(t *testing.T) {
	w := newWorld(t)
	w.as("wrong").refused(401, "unauthorized", "POST", "/subscriptions", "{")
	w.as(w.tokenOf(w.master, "", "webhookd.status.read")).refused(401, "unauthorized", "POST", "/subscriptions", "{")
}
