package render

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"testing"
)

// oracle is a Python that answers what Python and Jinja do.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// question is one line to the oracle; see testdata/oracle.py.
type question struct {
	JSON     *string         `json:"json,omitempty"`
	Sort     bool            `json:"sort,omitempty"`
	Template *string         `json:"template,omitempty"`
	Vars     json.RawMessage `json:"vars,omitempty"`
}

// answer is what came out, or the class of the exception.
type answer struct {
	Out *string `json:"out,omitempty"`
	Err string  `json:"err,omitempty"`
	Why string  `json:"why,omitempty"`
}

// newOracle starts a Python that can import module, or returns nil when there is none:
// then the recorded answers alone decide.
func newOracle(t testing.TB, module string) *oracle {
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import "+module).Run() != nil {
			continue
		}
		cmd := exec.Command(python, "testdata/oracle.py")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = in.Close()
			_ = cmd.Wait()
		})
		return &oracle{in, bufio.NewReaderSize(out, 1<<20)}
	}
	return nil
}

// ask asks many questions at once.
func (o *oracle) ask(t testing.TB, questions []question) []answer {
	failed := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(o.in)
		enc := json.NewEncoder(w)
		for _, q := range questions {
			if err := enc.Encode(q); err != nil {
				failed <- err
				return
			}
		}
		failed <- w.Flush()
	}()
	answers := make([]answer, len(questions))
	for i := range answers {
		line, err := o.out.ReadBytes('\n')
		if err != nil {
			t.Fatalf("the oracle stopped at question %d: %v", i, err)
		}
		if err := json.Unmarshal(line, &answers[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return answers
}
