package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/id"
)

type wazoVerbs struct {
	Tenant wazoTenantVerbs `cmd:"" help:"Tenants."`
	Token  wazoTokenVerbs  `cmd:"" help:"Tokens."`
}

type wazoTenantVerbs struct {
	Create wazoTenantCreate `cmd:"" help:"Create a tenant and print its UUID."`
	List   wazoTenantList   `cmd:"" help:"List the master tenant and all below."`
}

type wazoTokenVerbs struct {
	Create wazoTokenCreate `cmd:"" help:"Create a token and print it, once."`
}

// ask does a Wazo operation and reads its answer, which is printed as it is with --json;
// done says so.
func (o *operator) ask(s *session, method, path string, body, into any) (done bool, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return false, err
	}
	answer, err := o.operate(s, method, "/wazo"+path, bytes.NewReader(text))
	if err != nil {
		return false, err
	}
	if o.JSON {
		return true, printJSON(s.out, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return false, fmt.Errorf("the answer is not what was expected: %w", err)
	}
	return false, nil
}

type wazoTenant struct {
	UUID   string `json:"uuid"`
	Name   string `json:"name"`
	Parent string `json:"parent_uuid"`
}

type wazoTenantCreate struct {
	operator
	Name   string `arg:"" help:"Name for people."`
	Parent string `placeholder:"UUID" help:"Tenant that it is below. Without it: the master tenant."`
	UUID   string `name:"uuid" placeholder:"UUID" help:"UUID that it has elsewhere. Without it: a new one."`
}

// Run creates a tenant and prints its UUID alone on standard output.
func (v *wazoTenantCreate) Run(s *session) error {
	var made wazoTenant
	done, err := v.ask(s, http.MethodPost, "/tenants", map[string]string{"name": v.Name, "parent_uuid": v.Parent, "uuid": v.UUID}, &made)
	if done || err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, made.UUID)
	return err
}

type wazoTenantList struct{ operator }

// Run lists tenants.
func (v *wazoTenantList) Run(s *session) error {
	var all struct{ Items []wazoTenant }
	done, err := v.ask(s, http.MethodGet, "/tenants", nil, &all)
	if done || err != nil {
		return err
	}
	var rows [][]string
	for _, t := range all.Items {
		rows = append(rows, []string{t.UUID, t.Name, t.Parent, t.app()})
	}
	return printTable(s.out, "UUID NAME PARENT APP", rows)
}

// app returns the id of the tenant as an app of the native API; the master tenant is none.
func (t *wazoTenant) app() string {
	v, err := id.Parse(t.UUID)
	if err != nil || t.Parent == t.UUID {
		return ""
	}
	return v.Prefixed("app_")
}

type wazoTokenCreate struct {
	operator
	Tenant  string   `placeholder:"UUID" help:"Tenant that it is of. Without it: the master tenant."`
	User    string   `placeholder:"UUID" help:"User that it is of."`
	ACL     []string `name:"acl" sep:"," placeholder:"ACCESS" help:"What it may do, such as webhookd.subscriptions.#; repeatable. Without it: everything."`
	Name    string   `help:"What it is for."`
	Expires string   `placeholder:"DURATION" help:"How long it is valid, for example 90d. Without it: for ever."`
}

// Run creates a token and prints it alone on standard output.
func (v *wazoTokenCreate) Run(s *session) error {
	in := map[string]any{"tenant_uuid": v.Tenant, "user_uuid": v.User, "acl": v.ACL, "name": v.Name}
	if v.Expires != "" {
		d, err := config.ParseDuration(v.Expires)
		if err != nil || d < time.Second {
			return usagef("--expires: %q is not a duration like 90d", v.Expires)
		}
		in["expires_in"] = int64(d / time.Second)
	}
	var made struct {
		Token string
		ACL   []string
	}
	done, err := v.ask(s, http.MethodPost, "/tokens", in, &made)
	if done || err != nil {
		return err
	}
	fmt.Fprintf(s.err, "This is the only time that the token is shown. It may: %s\n", strings.Join(made.ACL, " "))
	_, err = fmt.Fprintln(s.out, made.Token)
	return err
}
