package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// figure is one number that a row found, with the bound it is held to.
type figure struct {
	What   string             `json:"what"`
	Value  float64            `json:"value"`
	Unit   string             `json:"unit"`
	Min    float64            `json:"min,omitempty"` // at least; 0 is none
	Max    float64            `json:"max,omitempty"` // at most; 0 is none
	Detail string             `json:"detail,omitempty"`
	Values map[string]float64 `json:"values,omitempty"` // what it was made of

	// Micros is the processor time of one delivery; the value is then made of it
	// and the limit.
	Micros float64 `json:"micros,omitempty"`
}

// verdict says whether the bound is met; "" when there is none.
func (f *figure) verdict() string {
	switch {
	case f.Min == 0 && f.Max == 0:
		return ""
	case f.Min > 0 && f.Value < f.Min, f.Max > 0 && f.Value > f.Max:
		return "missed"
	}
	return "met"
}

func (f *figure) target() string {
	switch {
	case f.Min > 0:
		return "≥ " + number(f.Min)
	case f.Max > 0:
		return "≤ " + number(f.Max)
	}
	return ""
}

func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// entry is a row with what came of it.
type entry struct {
	Row     string   `json:"row"`
	Store   string   `json:"store"`
	About   string   `json:"about"`
	Before  limit    `json:"limit_before,omitzero"`
	After   limit    `json:"limit_after,omitzero"`
	Figures []figure `json:"figures"`
	Error   string   `json:"error,omitempty"`
	Seconds float64  `json:"seconds"`
}

// report is what a run found.
type report struct {
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Quick   bool      `json:"quick"`
	CPUs    int       `json:"cpus"`
	Go      string    `json:"go"`
	System  string    `json:"system"`
	Entries []entry   `json:"rows"`
}

func newReport(b *bench) *report {
	return &report{
		Started: time.Now(), Quick: b.quick, CPUs: runtime.NumCPU(),
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// lastLimit is the limit that was measured after the last row; zero when none was.
func (r *report) lastLimit() limit {
	if len(r.Entries) == 0 {
		return limit{}
	}
	return r.Entries[len(r.Entries)-1].After
}

// add books a row. Ratios to the limit are made here, of the limits before and after.
func (r *report) add(e entry) {
	for i := range e.Figures {
		f := &e.Figures[i]
		if f.Micros > 0 && f.Value == 0 {
			f.Value = (e.Before.Micros + e.After.Micros) / 2 / f.Micros
		}
		say("    %-44s %8s %-6s %8s %s", f.What, number(f.Value), f.Unit, f.target(), f.verdict())
	}
	if e.Error != "" {
		say("    failed: %s", e.Error)
	}
	r.Entries = append(r.Entries, e)
}

// failed says which rows could not be measured.
func (r *report) failed() error {
	var errs []error
	for _, e := range r.Entries {
		if e.Error != "" {
			errs = append(errs, fmt.Errorf("%s on %s: %s", e.Row, e.Store, e.Error))
		}
	}
	return errors.Join(errs...)
}

// print writes the table to standard output.
func (r *report) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "row\tstore\twhat\tmeasured\ttarget\t\tlimit, µs\tdetail\n")
	for _, e := range r.Entries {
		limits := ""
		if e.Before.Micros > 0 {
			limits = fmt.Sprintf("%.0f %.0f", e.Before.Micros, e.After.Micros)
		}
		for _, f := range e.Figures {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Row, e.Store, f.What,
				strings.TrimSpace(number(f.Value)+" "+f.Unit), f.target(), f.verdict(), limits, f.Detail)
		}
		if e.Error != "" {
			fmt.Fprintf(w, "%s\t%s\tfailed: %s\n", e.Row, e.Store, strings.ReplaceAll(e.Error, "\n", " "))
		}
	}
	w.Flush()
	fmt.Printf("\n%d CPUs, %s, %s, %.0f s. The limit is the processor time of a bare POST, before and after the row.\n",
		r.CPUs, r.System, r.Go, r.Seconds)
}
