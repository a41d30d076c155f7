package cli

import (
	"strings"
	"testing"
)

func TestAccountsAndUsersAreMadeFromTheCommandLine(t *testing.T) {
	serving(t)
	type made struct{ ID, UUID, Hex, Name, Parent, Username, Account string }
	var a, b, u made
	mustJSON(t, &a, "account", "create", "--name", "Acme")
	mustJSON(t, &b, "account", "create", "--name", "Below", "--parent", a.UUID, "--realm", "below.example")
	if b.Parent != a.Hex || b.ID != b.Hex || strings.ReplaceAll(b.UUID, "-", "") != b.Hex {
		t.Errorf("%+v below %+v", b, a)
	}
	mustJSON(t, &u, "user", "create", "--account", b.UUID, "--username", "Ann", "--password", "secret")
	if u.Username != "ann" || u.Account != b.Hex {
		t.Errorf("%+v", u)
	}
	if code, _, errs := invoke(t, "", "user", "create", "--account", b.ID, "--username", "ann", "--password", "x"); code != exitFailed || !strings.Contains(errs, "username") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	must(t, "user", "passwd", "--account", b.ID, "--username", "ann", "--password", "another")
	if out := must(t, "account", "list", a.ID); !strings.Contains(out, "  Below") || !strings.Contains(out, "below.example") || strings.Contains(out, "root") {
		t.Error(out)
	}
	must(t, "account", "delete", a.UUID)
	if out := must(t, "account", "list"); strings.Contains(out, "Acme") || strings.Contains(out, "Below") {
		t.Error(out)
	}
	if code, _, errs := invoke(t, "", "account", "delete", a.ID); code != exitFailed || !strings.Contains(errs, "there is no account") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestTheUpkeepOfKazooHooksFromTheCommandLine(t *testing.T) {
	serving(t)
	var a struct{ ID string }
	mustJSON(t, &a, "account", "create", "--name", "Acme")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"no webhooks configured", []string{"hooks-configured"}},
		{"no webhooks configured", []string{"hooks-configured", a.ID}},
		{"5000", []string{"set-failure-expiry", "5000"}},
		{"7", []string{"set-disable-threshold", a.ID, "7"}},
		{"ACCOUNT", []string{"failure-status"}},
		{"no hooks were disabled for failing", []string{"enable-account-hooks", a.ID}},
		{"no hooks were disabled for failing", []string{"enable-descendant-hooks", a.ID}},
		{"flushed          0", []string{"flush-account-failures", a.ID}},
		{"flushed          0", []string{"flush-hook-failures", a.ID, "x"}},
		{"webhooks_channel_create", []string{"reset-hook-definitions"}},
		{"webhooks_sms", []string{"reset-hook-definition", "sms"}},
		{"no views", []string{"register-views"}},
	} {
		if out := must(t, append([]string{"kazoo"}, c.args...)...); !strings.Contains(out, c.want) {
			t.Errorf("%v prints %s", c.args, out)
		}
	}
	var hooks []any
	mustJSON(t, &hooks, "kazoo", "hooks-configured")
	for _, args := range [][]string{{"set-failure-expiry", "abc"}, {"set-disable-threshold", a.ID, "1.5"}, {"set-disable-threshold", a.ID, "1", "2"}} {
		if code, _, errs := invoke(t, "", append([]string{"kazoo"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
	if code, _, errs := invoke(t, "", "kazoo", "set-disable-threshold", "0"); code != exitFailed || !strings.Contains(errs, "attempt_failure_count") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
