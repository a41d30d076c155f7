package kazoo

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/switchhook/switchhook/internal/api/kazoo/hooktype"
	"github.com/switchhook/switchhook/internal/render"
	"github.com/switchhook/switchhook/internal/render/py"
)

// catalogue lists what hooks there are, from Z to A.
func (c *call) catalogue() (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	types := slices.Clone(c.api.Catalogue.Types())
	slices.SortStableFunc(types, func(a, b hooktype.Type) int { return p.order(cmp.Compare(a.Name, b.Name)) })
	var dicts []*py.Dict
	for i := range types {
		dicts = append(dicts, types[i].Metadata(c.who.operator()))
	}
	return c.documents(p, dicts, "name")
}

// order turns a comparison around where a list is descending.
func (p *pageIn) order(comparison int) int {
	if p.ascending {
		return comparison
	}
	return -comparison
}

// documents answers a list of documents, which are ordered by one of their members.
func (c *call) documents(p pageIn, dicts []*py.Dict, by string) (*answer, error) {
	f := c.filters()
	var rows []row
	for _, dict := range dicts {
		raw, err := render.JSON(dict)
		if err != nil {
			return nil, err
		}
		d, err := parseDocument(raw)
		if err != nil {
			return nil, err
		}
		if f.wants(&d) {
			rows = append(rows, row{key: d.text(by), show: d, full: d})
		}
	}
	return p.paged(rows, false, ""), nil
}

// listSamples lists what hooks have samples.
func (c *call) listSamples() (*answer, error) {
	return &answer{data: c.api.Catalogue.SampleNames()}, nil
}

// showSamples lists payloads as a hook sends them.
func (c *call) showSamples() (*answer, error) {
	name := c.params["name"]
	samples := c.api.Catalogue.Samples(name)
	if samples == nil {
		return nil, badName(name)
	}
	p := pageIn{all: true}
	ans, err := c.documents(p, samples, "")
	if err != nil {
		return nil, err
	}
	ans.page.unbounded = false
	return ans, nil
}

// modifierFaults notes where a hook's custom_data does not choose what its type wants
// chosen.
func (a *API) modifierFaults(doc *document, operator bool, f faults) {
	t := a.Catalogue.Find(doc.text("hook"))
	if t == nil {
		return
	}
	var custom map[string]json.RawMessage
	if raw := doc.get("custom_data"); len(raw) > 0 && json.Unmarshal(raw, &custom) != nil {
		return // which is a fault already
	}
	for i := range t.Modifiers {
		m := &t.Modifiers[i]
		path := []string{"custom_data", m.Key}
		raw, given := custom[m.Key]
		value, isText := asText(raw)
		switch {
		case !given:
			f.add(path, "required", "missing required modifier")
		case isText && !m.Allows(value):
			f.add(path, "enum", unlisted, "cause", value, "target", m.Values(operator))
		}
	}
}
