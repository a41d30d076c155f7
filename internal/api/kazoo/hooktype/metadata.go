package hooktype

import "github.com/switchhook/switchhook/internal/render/py"

// Metadata is what the catalogue shows of a type: id, name, description and, where
// there are any, modifiers. Choices that are the operators' are left out for others.
func (t *Type) Metadata(operator bool) *py.Dict {
	d := py.NewDict()
	d.Set("id", py.Str(t.ID))
	d.Set("name", py.Str(t.Name))
	d.Set("description", py.Str(t.Description))
	if len(t.Modifiers) > 0 {
		all := py.NewDict()
		for _, m := range t.Modifiers {
			all.Set(m.Key, m.metadata(operator))
		}
		d.Set("modifiers", all)
	}
	return d
}

func (m *Modifier) metadata(operator bool) *py.Dict {
	d := py.NewDict()
	if !m.Named {
		d.Set("type", py.Str("array"))
		set(d, "description", py.Str(m.Description))
		items := py.NewList()
		for _, value := range m.Values(operator) {
			items.Items = append(items.Items, py.Str(value))
		}
		d.Set("items", items)
		return d
	}
	d.Set("type", py.Str("object"))
	set(d, "description", py.Str(m.Description))
	items := py.NewDict()
	for _, c := range m.Choices {
		if !c.Operators || operator {
			item := py.NewDict()
			item.Set("friendly_name", py.Str(c.Name))
			item.Set("description", py.Str(c.Description))
			items.Set(c.Value, item)
		}
	}
	d.Set("items", items)
	return d
}

// Values lists what can be chosen, in the order of the catalogue; without those that
// only operators are shown unless operator is set.
func (m *Modifier) Values(operator bool) []string {
	var values []string
	for _, c := range m.Choices {
		if !c.Operators || operator {
			values = append(values, c.Value)
		}
	}
	return values
}

// Allows says whether a hook may choose the value. What only operators are shown may be
// chosen by everybody.
func (m *Modifier) Allows(value string) bool {
	if value == All && !m.Named {
		return true
	}
	for _, c := range m.Choices {
		if c.Value == value {
			return true
		}
	}
	return false
}

// listed makes choices that have nothing but a value.
func listed(values []string) []Choice {
	choices := make([]Choice, len(values))
	for i, v := range values {
		choices[i] = Choice{Value: v}
	}
	return choices
}
