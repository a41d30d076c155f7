package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// accountVerbs are for the accounts of the tree below the root, as the Kazoo dialect has
// them. Ids may be given in any spelling.
type accountVerbs struct {
	Create accountCreate `cmd:"" help:"Create an account below another one."`
	List   accountList   `cmd:"" help:"List an account with all that are below it."`
	Delete accountDelete `cmd:"" help:"Delete an account with everything below it: accounts, users, hooks."`
}

type account struct {
	ID     string `json:"id"`
	UUID   string `json:"uuid"`
	Hex    string `json:"hex"`
	Name   string `json:"name"`
	Realm  string `json:"realm"`
	Parent string `json:"parent"`
	Depth  int    `json:"depth"`
}

const accountHeadings = "ID NAME REALM PARENT"

func (a *account) row() []string {
	return []string{a.ID, strings.Repeat("  ", a.Depth) + a.Name, orDash(a.Realm), orDash(a.Parent)}
}

type accountCreate struct {
	operator
	Name   string `required:"" help:"What it is called."`
	Parent string `placeholder:"ID" help:"The account above it. Without it: the master account."`
	Realm  string `help:"SIP realm, by which its users may log in. Without it: one is made."`
}

// Run creates an account.
func (v *accountCreate) Run(s *session) error {
	f := fields{"name": v.Name}
	f.text("parent", v.Parent)
	f.text("realm", v.Realm)
	return show(s, &v.operator, http.MethodPost, "/kazoo/accounts", f, accountHeadings, (*account).row)
}

type accountList struct {
	operator
	Account string `arg:"" optional:"" help:"Id. Without it: the master account."`
}

// Run lists accounts.
func (v *accountList) Run(s *session) error {
	return showAll(s, &v.operator, "/kazoo/accounts"+query("account", v.Account), accountHeadings, (*account).row)
}

type accountDelete struct {
	operator
	Account string `arg:"" help:"Id."`
}

// Run deletes an account.
func (v *accountDelete) Run(s *session) error {
	return show(s, &v.operator, http.MethodDelete, "/kazoo/accounts/"+url.PathEscape(v.Account), nil, accountHeadings, (*account).row)
}

// userVerbs are for the users of such accounts, who log in with name and password.
type userVerbs struct {
	Create userCreate `cmd:"" help:"Create a user."`
	Passwd userPasswd `cmd:"" help:"Give a user another password; tokens of the old one end."`
}

type user struct {
	ID       string `json:"id"`
	Account  string `json:"account"`
	Username string `json:"username"`
}

const userHeadings = "ID USERNAME ACCOUNT"

func (u *user) row() []string { return []string{u.ID, u.Username, u.Account} }

type userCreate struct {
	operator
	Account  string `placeholder:"ID" help:"The account. Without it: the master account."`
	Username string `required:"" help:"Name to log in with; small letters count."`
	Password string `required:"" env:"SWITCHHOOK_USER_PASSWORD" help:"Password. The environment keeps it out of the list of processes."`
}

// Run creates a user.
func (v *userCreate) Run(s *session) error {
	account, err := v.owner(s, v.Account)
	if err != nil {
		return err
	}
	f := fields{"username": v.Username, "password": v.Password}
	return show(s, &v.operator, http.MethodPost, "/kazoo/accounts/"+account+"/users", f, userHeadings, (*user).row)
}

type userPasswd struct {
	operator
	Account  string `placeholder:"ID" help:"The account. Without it: the master account."`
	Username string `required:"" help:"Whose password."`
	Password string `required:"" env:"SWITCHHOOK_USER_PASSWORD" help:"The new password. The environment keeps it out of the list of processes."`
}

// Run changes a password.
func (v *userPasswd) Run(s *session) error {
	account, err := v.owner(s, v.Account)
	if err != nil {
		return err
	}
	path := "/kazoo/accounts/" + account + "/users/" + url.PathEscape(strings.ToLower(v.Username)) + "/password"
	return show(s, &v.operator, http.MethodPut, path, fields{"password": v.Password}, userHeadings, (*user).row)
}

// owner is an account as it stands in a path: the one named, or the master account.
func (o *operator) owner(s *session, named string) (string, error) {
	if named != "" {
		return url.PathEscape(named), nil
	}
	answer, err := o.operate(s, http.MethodGet, "/kazoo/accounts", nil)
	if err != nil {
		return "", err
	}
	var all []account
	if err := json.Unmarshal(answer, &all); err != nil || len(all) == 0 {
		return "", fmt.Errorf("the answer is not what was expected: %w", err)
	}
	return all[0].ID, nil
}
