package wazo

import (
	"errors"
	"net/http"
	"strconv"
)

type nothing struct{}

func (a *API) listServices(c *call) error {
	out := struct {
		Services map[string]nothing `json:"services"`
	}{map[string]nothing{}}
	for name := range a.Services {
		out.Services[name] = nothing{}
	}
	return answer(c.w, http.StatusOK, out)
}

type component struct {
	Status string `json:"status"`
}

func componentOf(ok bool) component {
	if ok {
		return component{"ok"}
	}
	return component{"fail"}
}

// status says what works, with 200 in any case.
func (a *API) status(c *call) error {
	_, err := a.Auth.Master(c.ctx())
	if err != nil && !errors.Is(err, ErrNoMaster) {
		return err
	}
	return answer(c.w, http.StatusOK, map[string]component{
		"bus_consumer": componentOf(a.BusUp != nil && a.BusUp()), "master_tenant": componentOf(err == nil),
	})
}

func (a *API) showConfig(c *call) error {
	master, err := a.needMaster(c)
	if err != nil {
		return err
	}
	return answer(c.w, http.StatusOK, a.Settings.Show(master))
}

// patchConfig changes the one setting that can be changed.
func (a *API) patchConfig(c *call) error {
	master, err := a.needMaster(c)
	if err != nil {
		return err
	}
	v, err := a.undeclared(c)
	if err != nil {
		return err
	}
	changes, err := readPatch(v)
	if err != nil {
		return err
	}
	for _, on := range changes {
		a.Settings.SetDebug(on)
	}
	return answer(c.w, http.StatusOK, a.Settings.Show(master))
}

// readPatch reads the operations of a JSON patch: the values that /debug gets.
func readPatch(v any) ([]bool, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, invalidData(notAnObject())
	}
	var values []bool
	all := &form{details: map[string]any{}}
	for i, one := range list {
		place := strconv.Itoa(i)
		in, ok := one.(map[string]any)
		if !ok {
			all.details[place] = notAnObject()
			continue
		}
		f, done := all.within(place, in)
		f.exactly("op", "replace")
		f.exactly("path", "/debug")
		values = append(values, f.truth("value"))
		for name := range in {
			if name != "op" && name != "path" && name != "value" {
				f.say(name, "Unknown field.")
			}
		}
		done()
	}
	return values, all.err()
}

// say notes what is wrong in words alone.
func (f *form) say(field, message string) { f.details[field] = []string{message} }

// told is present, with problems in words alone.
func (f *form) told(field string) (v any, ok bool) {
	v, ok = f.in[field]
	switch {
	case !ok:
		f.say(field, "Missing data for required field.")
	case v == nil:
		f.say(field, "Field may not be null.")
		ok = false
	}
	return v, ok
}

func (f *form) exactly(field, want string) {
	if v, ok := f.told(field); ok && v != want {
		f.say(field, "Must be one of: "+want+".")
	}
}

// truth reads true, false, or a word for it.
func (f *form) truth(field string) bool {
	v, ok := f.told(field)
	if !ok {
		return false
	}
	if b, is := v.(bool); is {
		return b
	}
	text, _ := scalar(v)
	if text == nil {
		f.say(field, "Not a valid boolean.")
		return false
	}
	b, ok := truth(*text)
	if !ok {
		f.say(field, "Not a valid boolean.")
	}
	return b
}
