package control

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// EnsureRoot makes the root account if there is none, and gives it an API key if
// nobody has a credential for it. The key's text is returned only then.
func (c *Control) EnsureRoot(ctx context.Context) (root *webhook.Account, key string, err error) {
	root, err = c.root(ctx)
	if err != nil {
		return nil, "", err
	}
	held, err := c.store.Credentials(ctx, root.ID)
	if err != nil {
		return nil, "", fmt.Errorf("list credentials of the root: %w", err)
	}
	if len(held) > 0 {
		return root, "", nil
	}
	_, key, err = c.CreateKey(ctx, webhook.Credential{AccountID: root.ID, Scope: webhook.ScopeRoot, Name: "root"})
	return root, key, err
}

// Root returns the root account, or CodeNotFound before EnsureRoot.
func (c *Control) Root(ctx context.Context) (*webhook.Account, error) {
	roots, err := c.store.Accounts(ctx, id.ID{}, webhook.Page{Limit: 1, Ascending: true})
	switch {
	case err != nil:
		return nil, fmt.Errorf("find the root account: %w", err)
	case len(roots.Items) == 0:
		return nil, webhook.Errorf(webhook.CodeNotFound, "", "there is no root account yet")
	}
	return &roots.Items[0], nil
}

func (c *Control) root(ctx context.Context) (*webhook.Account, error) {
	root, err := c.Root(ctx)
	if webhook.CodeOf(err) != webhook.CodeNotFound {
		return root, err
	}
	now := c.now()
	// Two nodes that start at the same time make one root.
	once := &Once{Key: "root account", Expires: now.Add(10 * time.Minute)}
	a := &webhook.Account{ID: c.ids.New(), Name: "root", CreatedAt: now, UpdatedAt: now}
	if err := c.store.CreateAccount(ctx, a, once); err != nil {
		return nil, fmt.Errorf("create the root account: %w", err)
	}
	c.seen(ctx)
	if once.Replayed {
		return c.Root(ctx)
	}
	return a, nil
}

// CreateAccount stores an account below a.ParentID. UID, Name, RateLimit, Metadata
// and Annotations are the caller's; the rest is filled in. created is false when
// an earlier call with the same once made it. A UID that a sibling has is
// CodeConflict with Field "uid".
func (c *Control) CreateAccount(ctx context.Context, a webhook.Account, once *Once) (made *webhook.Account, created bool, err error) {
	if err := c.checkAccount(&a); err != nil {
		return nil, false, err
	}
	parent, err := c.directory.Account(ctx, a.ParentID)
	if err != nil {
		return nil, false, fmt.Errorf("find the parent account: %w", err)
	}
	if once, err = c.prepared(once, parent.ID); err != nil {
		return nil, false, err
	}
	now := c.now()
	a.ID, a.CreatedAt, a.UpdatedAt = c.ids.New(), now, now
	a.Path = append(slices.Clone(parent.Path), parent.ID)
	if err := c.store.CreateAccount(ctx, &a, once); err != nil {
		return nil, false, fmt.Errorf("create account: %w", err)
	}
	return c.createdAccount(ctx, &a, once)
}

func (c *Control) createdAccount(ctx context.Context, a *webhook.Account, once *Once) (*webhook.Account, bool, error) {
	ref, replayed, err := earlier(once)
	if err != nil {
		return nil, false, err
	}
	if !replayed {
		c.seen(ctx)
		return a, true, nil
	}
	first, err := c.store.Account(ctx, ref)
	if err != nil {
		return nil, false, fmt.Errorf("find the account of an earlier call: %w", err)
	}
	return &first, false, nil
}

// GetOrCreateAccount returns the child of a.ParentID that has a.UID as it is, or
// makes it from a. The account is shared and read-only.
func (c *Control) GetOrCreateAccount(ctx context.Context, a webhook.Account, once *Once) (got *webhook.Account, created bool, err error) {
	if a.UID != "" {
		got, err := c.FindAccount(ctx, a.ParentID, id.ID{}, a.UID)
		if webhook.CodeOf(err) != webhook.CodeNotFound {
			return got, false, err
		}
	}
	got, created, err = c.CreateAccount(ctx, a, once)
	if e := asError(err); e != nil && e.Code == webhook.CodeConflict && e.Field == "uid" {
		got, err = c.FindAccount(ctx, a.ParentID, id.ID{}, a.UID) // someone was quicker
	}
	return got, created, err
}

// FindAccount returns an account below parent: by its id when that is not zero,
// else the child of parent with the uid. CodeNotFound also stands for accounts that
// are elsewhere. The account is shared and read-only.
func (c *Control) FindAccount(ctx context.Context, parent, account id.ID, uid string) (*webhook.Account, error) {
	var a *webhook.Account
	var err error
	switch {
	case !account.IsZero():
		a, err = c.directory.Account(ctx, account)
	case uid != "":
		a, err = c.directory.AccountByUID(ctx, parent, uid)
	default:
		return nil, noAccount()
	}
	if err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	if !slices.Contains(a.Path, parent) {
		return nil, noAccount()
	}
	return a, nil
}

// Account returns an account wherever it is. It is shared and read-only.
func (c *Control) Account(ctx context.Context, account id.ID) (*webhook.Account, error) {
	a, err := c.directory.Account(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	return a, nil
}

// Accounts lists the children of parent, ordered by id.
func (c *Control) Accounts(ctx context.Context, parent id.ID, p webhook.Page) (webhook.Slice[webhook.Account], error) {
	s, err := c.store.Accounts(ctx, parent, p)
	if err != nil {
		return s, fmt.Errorf("list accounts: %w", err)
	}
	return s, nil
}

// Descendants lists the accounts below ancestor at any depth, ordered by id.
func (c *Control) Descendants(ctx context.Context, ancestor id.ID, p webhook.Page) (webhook.Slice[webhook.Account], error) {
	s, err := c.store.AccountsBelow(ctx, ancestor, p)
	if err != nil {
		return s, fmt.Errorf("list accounts: %w", err)
	}
	return s, nil
}

// sameName is how many accounts of one name are looked at.
const sameName = 50

// AccountsNamed lists the accounts, wherever they are, whose names are the same but for
// small and capital letters and whatever is no letter or digit; oldest first.
func (c *Control) AccountsNamed(ctx context.Context, name string) ([]webhook.Account, error) {
	all, err := c.store.AccountsNamed(ctx, webhook.PlainName(name), sameName)
	if err != nil {
		return nil, fmt.Errorf("find accounts by name: %w", err)
	}
	return all, nil
}

// AccountsWithUID lists the accounts, wherever they are, that have the uid; oldest first.
func (c *Control) AccountsWithUID(ctx context.Context, uid string) ([]webhook.Account, error) {
	all, err := c.store.AccountsWithUID(ctx, uid, sameName)
	if err != nil {
		return nil, fmt.Errorf("find accounts by uid: %w", err)
	}
	return all, nil
}

// UpdateAccount lets change edit what the caller may set: see CreateAccount. change
// may be called more than once. Its error is returned as it is.
func (c *Control) UpdateAccount(ctx context.Context, account id.ID, change func(*webhook.Account) error) (*webhook.Account, error) {
	a, err := c.store.UpdateAccount(ctx, account, func(a *webhook.Account) error {
		a.Metadata, a.Annotations = maps.Clone(a.Metadata), maps.Clone(a.Annotations)
		if err := change(a); err != nil {
			return err
		}
		a.UpdatedAt = c.now()
		return c.checkAccount(a)
	})
	if err != nil {
		return nil, fmt.Errorf("update account: %w", err)
	}
	c.seen(ctx)
	return &a, nil
}

// DeleteAccount deletes an account with everything below it. The root can not be
// deleted: CodeForbidden.
func (c *Control) DeleteAccount(ctx context.Context, account id.ID) error {
	a, err := c.directory.Account(ctx, account)
	if err != nil {
		return fmt.Errorf("find account: %w", err)
	}
	if a.IsRoot() {
		return webhook.Errorf(webhook.CodeForbidden, "", "the root account cannot be deleted")
	}
	if err := c.store.DeleteAccount(ctx, account, c.now()); err != nil {
		return fmt.Errorf("delete account: %w", err)
	}
	c.seen(ctx)
	return nil
}

func (c *Control) checkAccount(a *webhook.Account) error {
	if err := checkName("name", a.Name); err != nil {
		return err
	}
	if err := checkUID(a.UID); err != nil {
		return err
	}
	if a.RateLimit < 0 {
		return invalid("rateLimit", "must not be negative")
	}
	if err := c.checkMetadata(a.Metadata); err != nil {
		return err
	}
	return c.checkAnnotations(a.Annotations)
}

func noAccount() error {
	return webhook.Errorf(webhook.CodeNotFound, "", "there is no such account")
}
