package main

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"
)

// usage is what a process has used.
type usage struct {
	CPU      time.Duration // user and system, since it started
	Resident int64         // bytes of memory, now
}

// resident is the memory of this process as Linux counts it, elsewhere what the Go
// runtime got from the system.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if f := bytes.Fields(text); err == nil && len(f) > 1 {
		if pages, err := strconv.ParseInt(string(f[1]), 10, 64); err == nil {
			return pages * int64(os.Getpagesize())
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// meter adds up the processor time of all processes of a row.
type meter struct {
	parts []part
	begun map[string]time.Duration
}

// part is one process, or several of a kind.
type part struct {
	name string
	cpu  func() (time.Duration, error)
}

func cpuOf(c *child) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		r, err := c.ask(order{Do: doUsage})
		return r.Usage.CPU, err
	}
}

// callers are this process.
func callers() part {
	return part{"callers", func() (time.Duration, error) { return ownUsage().CPU, nil }}
}

// begin notes what was used before.
func (m *meter) begin() (err error) {
	m.begun, err = m.read()
	return err
}

// end returns what was used since begin, by part, and in all.
func (m *meter) end() (map[string]time.Duration, time.Duration, error) {
	used, err := m.read()
	var sum time.Duration
	for name := range used {
		used[name] -= m.begun[name]
		sum += used[name]
	}
	return used, sum, err
}

func (m *meter) read() (map[string]time.Duration, error) {
	read := map[string]time.Duration{}
	for _, p := range m.parts {
		cpu, err := p.cpu()
		if err != nil {
			return nil, err
		}
		read[p.name] = cpu
	}
	return read, nil
}
