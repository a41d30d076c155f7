package auth_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/egress"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
	"github.com/switchhook/switchhook/internal/wazo/auth"
)

const (
	master = "10000000-0000-4000-8000-000000000000"
	tenant = "11111111-1111-4111-8111-111111111111"
	below  = "22222222-2222-4222-8222-222222222222"
	user   = "33333333-3333-4333-8333-333333333333"
)

// newClient returns a client of a wazo-auth of its own.
func newClient(t *testing.T) (*auth.Client, *testkit.WazoAuth) {
	t.Helper()
	a := testkit.NewWazoAuth(t, master)
	a.AddTenant(tenant, master)
	a.AddTenant(below, tenant)
	sender, _ := rig.NewSender(t, egress.Options{})
	host, port := a.Address()
	c, err := auth.New(auth.Options{
		Sender: sender, Host: host, Port: port, Username: testkit.WazoServiceID, Password: testkit.WazoServiceKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, a
}

func TestTokensAreCheckedEachTime(t *testing.T) {
	c, a := newClient(t)
	a.AddToken("good", testkit.WazoToken{Tenant: tenant, User: user, Wazo: below, Access: []string{"webhookd.read"}})
	check := func(token, access, in string) error { return c.Check(t.Context(), token, access, in) }
	for _, one := range []struct {
		token, access, tenant string
		want                  error
	}{
		{"good", "webhookd.read", "", nil},
		{"good", "webhookd.read", below, nil},
		{"good", "webhookd.read", master, auth.ErrDenied},
		{"good", "webhookd.write", "", auth.ErrDenied},
		{"bad", "webhookd.read", "", auth.ErrUnknown},
		{"../users", "webhookd.read", "", auth.ErrUnknown},
		{"a?b=c&d", "webhookd.read", "", auth.ErrUnknown},
	} {
		if err := check(one.token, one.access, one.tenant); !errors.Is(err, one.want) {
			t.Errorf("%s %s %s: %v, want %v", one.token, one.access, one.tenant, err, one.want)
		}
	}
	held, err := c.Holder(t.Context(), "good")
	if err != nil || held.Metadata.UUID != user || held.Metadata.TenantUUID != tenant || held.XivoUUID != below {
		t.Errorf("holder is %+v, %v", held, err)
	}
	if _, err := c.Holder(t.Context(), "bad"); !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("an unknown token's holder: %v", err)
	}
	before := len(a.Calls())
	for range 3 {
		_ = check("good", "webhookd.read", "")
	}
	if n := len(a.Calls()) - before; n != 3 {
		t.Errorf("3 checks made %d calls", n)
	}
}

func TestAServerThatIsBrokenIsUnreachable(t *testing.T) {
	c, a := newClient(t)
	a.AddToken("good", testkit.WazoToken{Tenant: tenant})
	for _, status := range []int{200, 301, 400, 401, 500, 503} {
		a.Break(status)
		_, is := errors.AsType[*auth.UnreachableError](c.Check(t.Context(), "good", "a", ""))
		if !is {
			t.Errorf("status %d is no failure", status)
		}
	}
	host, port := a.Address()
	gone, err := auth.New(auth.Options{Sender: refusing{}, Host: host, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	e, is := errors.AsType[*auth.UnreachableError](gone.Check(t.Context(), "good", "a", ""))
	if !is || e.Host != host || e.Port != port || !strings.Contains(e.Reason, "refused") {
		t.Errorf("unreachable is %v", e)
	}
}

// refusing is a sender that reaches nobody.
type refusing struct{}

func (refusing) Send(context.Context, *deliver.Request) (*deliver.Response, error) {
	return nil, &deliver.SendError{Reason: "connection refused"}
}

func TestTenantsAreListedAsTheCallerMay(t *testing.T) {
	c, a := newClient(t)
	a.AddToken("admin", testkit.WazoToken{Tenant: tenant})
	a.AddToken("small", testkit.WazoToken{Tenant: tenant, Access: []string{"webhookd.read"}})
	all, err := c.Tenants(t.Context(), "admin", tenant)
	slices.Sort(all)
	if err != nil || !slices.Equal(all, []string{tenant, below}) {
		t.Errorf("an administrator sees %v, %v", all, err)
	}
	own, err := c.Tenants(t.Context(), "small", tenant)
	if err != nil || !slices.Equal(own, []string{tenant}) {
		t.Errorf("who may not list sees %v, %v", own, err)
	}
}

func TestUsersAreReadWithOurOwnToken(t *testing.T) {
	c, a := newClient(t)
	if _, err := c.User(t.Context(), user); err == nil {
		t.Fatal("a user is read without a token of our own")
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- c.Run(ctx) }()
	got, err := c.WaitMaster(t.Context())
	if err != nil || got != master {
		t.Fatalf("master is %q, %v", got, err)
	}
	if own, ok := c.Own(); !ok || own.Metadata.JWT == "" {
		t.Errorf("our own token is %+v", own)
	}
	if _, err := c.User(t.Context(), user); err == nil {
		t.Error("a user who is not there is read")
	} else if _, missing := errors.AsType[*auth.NotFoundError](err); !missing {
		t.Errorf("a user who is not there: %v", err)
	}
	a.AddUser(user, tenant, true)
	u, err := c.User(t.Context(), user)
	if err != nil || !u.Enabled || u.TenantUUID != tenant {
		t.Errorf("user is %+v, %v", u, err)
	}
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// played answers requests for a token as it is told, and notes when they came.
type played struct {
	status []int // of the answers; the last one stays
	at     []time.Duration
	start  time.Time
}

func (p *played) Send(context.Context, *deliver.Request) (*deliver.Response, error) {
	p.at = append(p.at, time.Since(p.start))
	status := p.status[0]
	if len(p.status) > 1 {
		p.status = p.status[1:]
	}
	return &deliver.Response{Status: status, Body: []byte(`{"data":{"token":"t","metadata":{"tenant_uuid":"` + master + `"}}}`)}, nil
}

func TestOurOwnTokenIsRenewedWhenFourFifthsOfItsLifeAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &played{start: time.Now(), status: []int{500, 500, 500, 500, 500, 500, 500, 500, http.StatusOK, 500, http.StatusOK}}
		c, err := auth.New(auth.Options{Sender: p, Host: "auth"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Hour)
		defer stop()
		if err := c.Run(ctx); err != nil {
			t.Fatal(err)
		}
		first := 127 * time.Second // 1, 2, 4, 8, 16, 32, 32 and 32 seconds
		life := 4*time.Hour + 48*time.Minute
		want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 95}
		for i := range want {
			want[i] *= time.Second
		}
		want = append(want, first, first+life, first+life+time.Second, first+2*life+time.Second)
		if !slices.Equal(p.at, want) {
			t.Errorf("asked at %v, want %v", p.at, want)
		}
	})
}
