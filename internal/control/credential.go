package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Principal is who acts: a credential and the account that it is for.
type Principal struct {
	Credential *webhook.Credential
	Account    *webhook.Account
}

// Organisation says whether the principal reaches below its account, and its
// catalogue of event types.
func (p *Principal) Organisation() bool { return p.Credential.Scope == webhook.ScopeRoot }

// ReadOnly says whether the principal may change nothing.
func (p *Principal) ReadOnly() bool { return p.Credential.Scope == webhook.ScopeReadOnly }

// CanSee says whether the principal may look at what the account has.
func (p *Principal) CanSee(account *webhook.Account) bool {
	return account.ID == p.Account.ID || p.Organisation() && account.Within(p.Account.ID)
}

// CanManage says whether the principal may change what the account has.
func (p *Principal) CanManage(account *webhook.Account) bool {
	return !p.ReadOnly() && p.CanSee(account)
}

// KeyPrefix is what API keys begin with.
const KeyPrefix = "shk_"

// How API keys go on: 32 random bytes in base62.
const (
	keyDigits = 43 // 62^43 > 2^256
	keyHint   = len(KeyPrefix) + 4
)

// nativeDialect is whose keys the native API's are, beside those without annotations.
const nativeDialect = "native"

// Authenticate finds out who holds an API key of the native API. The error is
// CodeUnauthorized with a message for people, or that of a database that is gone.
func (c *Control) Authenticate(ctx context.Context, token string) (*Principal, error) {
	return c.AuthenticateFor(ctx, nativeDialect, token)
}

// AuthenticateFor is Authenticate for the API of a dialect. A key that only another
// dialect has annotated proves nothing there: it may mean less than it says here.
func (c *Control) AuthenticateFor(ctx context.Context, dialect, token string) (*Principal, error) {
	switch {
	case strings.HasPrefix(token, "whsec_"), strings.HasPrefix(token, "whsk_"):
		return nil, unauthorized("this is a signing secret of an endpoint, not an API key")
	case !strings.HasPrefix(token, KeyPrefix) || len(token) != len(KeyPrefix)+keyDigits:
		return nil, unauthorized("this is not an API key")
	}
	hash := sha256.Sum256([]byte(token))
	cr, err := c.directory.Credential(ctx, hash)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return nil, unauthorized("this API key is not known or was revoked")
	case err != nil:
		return nil, fmt.Errorf("find credential: %w", err)
	case subtle.ConstantTimeCompare(hash[:], cr.KeyHash[:]) != 1, cr.Kind != webhook.KindAPIKey:
		return nil, unauthorized("this API key is not known or was revoked")
	case !cr.Usable(c.clock()):
		return nil, unauthorized("this API key has expired")
	case len(cr.Annotations) > 0 && cr.Annotations[dialect] == nil:
		return nil, unauthorized("this API key is for another API")
	}
	a, err := c.directory.Account(ctx, cr.AccountID)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, unauthorized("the account of this API key was deleted")
	}
	if err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	return &Principal{cr, a}, nil
}

func unauthorized(message string) error {
	return webhook.Errorf(webhook.CodeUnauthorized, "", "%s", message)
}

// CreateKey makes an API key. AccountID, Scope, Name, ExpiresAt and Annotations are
// the caller's. The key's text is returned here and never again.
func (c *Control) CreateKey(ctx context.Context, cr webhook.Credential) (made *webhook.Credential, key string, err error) {
	held, err := c.Keys(ctx, cr.AccountID)
	if err != nil {
		return nil, "", err
	}
	held = c.usable(ctx, held)
	if len(held) >= c.limits.Keys {
		return nil, "", webhook.Errorf(webhook.CodeLimit, "", "the account has %d API keys, which is all it may have", len(held))
	}
	key = newKey()
	cr.Kind, cr.Username, cr.Verifiers = webhook.KindAPIKey, "", nil
	cr.KeyHash, cr.KeyHint = sha256.Sum256([]byte(key)), key[:keyHint]
	made, err = c.createCredential(ctx, cr)
	if err != nil {
		return nil, "", err
	}
	return made, key, nil
}

// expiredStep is how many keys that have expired are revoked when one is made, so
// that those of short life do not pile up.
const expiredStep = 2

// usable returns the keys that have not expired, and revokes some of the others.
func (c *Control) usable(ctx context.Context, keys []webhook.Credential) []webhook.Credential {
	now, revoked := c.now(), 0
	return slices.DeleteFunc(keys, func(cr webhook.Credential) bool {
		if cr.Usable(now) {
			return false
		}
		if revoked < expiredStep {
			revoked++
			if err := c.RevokeKey(ctx, cr.AccountID, cr.ID); err != nil {
				c.log.Warn("an expired API key cannot be revoked", "credential", cr.ID, "error", err)
			}
		}
		return true
	})
}

func newKey() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	digits := new(big.Int).SetBytes(b[:]).Text(62)
	return KeyPrefix + strings.Repeat("0", keyDigits-len(digits)) + digits
}

// AddKey makes a key of a text that the caller chose and must not be guessable, as
// CreateKey does of its own. FindKey finds it; Authenticate takes only what CreateKey
// made.
func (c *Control) AddKey(ctx context.Context, cr webhook.Credential, text webhook.Secret) (*webhook.Credential, error) {
	cr.Kind, cr.Username, cr.Verifiers = webhook.KindAPIKey, "", nil
	cr.KeyHash, cr.KeyHint = sha256.Sum256([]byte(text.Reveal())), text.Reveal()[:min(len(text), keyHint)]
	return c.createCredential(ctx, cr)
}

// FindKey returns the key of this text, unless it was revoked. Whether it has expired is
// for the caller to see: Credential.Usable. The credential is shared and read-only.
func (c *Control) FindKey(ctx context.Context, text webhook.Secret) (*webhook.Credential, error) {
	cr, err := c.directory.Credential(ctx, sha256.Sum256([]byte(text.Reveal())))
	if err != nil {
		return nil, fmt.Errorf("find credential: %w", err)
	}
	return cr, nil
}

// FindCredential returns a credential of the account that is not revoked. Whether it has
// expired is for the caller to see: Credential.Usable.
func (c *Control) FindCredential(ctx context.Context, account, credential id.ID) (*webhook.Credential, error) {
	cr, err := c.store.Credential(ctx, credential)
	if err != nil {
		return nil, fmt.Errorf("find credential: %w", err)
	}
	if cr.AccountID != account {
		return nil, noCredential()
	}
	return &cr, nil
}

// CreateUser makes a credential with a username. AccountID, Scope, Name, Username,
// Verifiers, ExpiresAt and Annotations are the caller's; Verifiers are slow
// hashes. A username that the account has is CodeConflict with Field "username".
func (c *Control) CreateUser(ctx context.Context, cr webhook.Credential) (*webhook.Credential, error) {
	cr.Kind, cr.KeyHash, cr.KeyHint = webhook.KindUser, [32]byte{}, ""
	return c.createCredential(ctx, cr)
}

func (c *Control) createCredential(ctx context.Context, cr webhook.Credential) (*webhook.Credential, error) {
	if err := c.checkCredential(&cr); err != nil {
		return nil, err
	}
	if _, err := c.directory.Account(ctx, cr.AccountID); err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	now := c.now()
	if !cr.ExpiresAt.IsZero() && !cr.ExpiresAt.After(now) {
		return nil, invalid("expiresAt", "must be in the future")
	}
	cr.ID, cr.CreatedAt = c.ids.New(), now
	if err := c.store.CreateCredential(ctx, &cr); err != nil {
		return nil, fmt.Errorf("create credential: %w", err)
	}
	c.seen(ctx)
	return &cr, nil
}

// Keys lists the API keys of an account that are not revoked, oldest first.
func (c *Control) Keys(ctx context.Context, account id.ID) ([]webhook.Credential, error) {
	return c.credentials(ctx, account, webhook.KindAPIKey)
}

// Users lists the users of an account that are not revoked, oldest first.
func (c *Control) Users(ctx context.Context, account id.ID) ([]webhook.Credential, error) {
	return c.credentials(ctx, account, webhook.KindUser)
}

func (c *Control) credentials(ctx context.Context, account id.ID, kind webhook.CredentialKind) ([]webhook.Credential, error) {
	all, err := c.store.Credentials(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	var some []webhook.Credential
	for _, cr := range all {
		if cr.Kind == kind {
			some = append(some, cr)
		}
	}
	return some, nil
}

// FindUser returns the user of an account that is not revoked. Whether it has
// expired is for the caller to see: Credential.Usable.
func (c *Control) FindUser(ctx context.Context, account id.ID, username string) (*webhook.Credential, error) {
	cr, err := c.store.CredentialByUsername(ctx, account, username)
	if err != nil {
		return nil, fmt.Errorf("find user: %w", err)
	}
	return &cr, nil
}

// UpdateCredential lets change edit Scope, Name, Username, Verifiers, ExpiresAt and
// Annotations of a credential that is not revoked. change may be called more
// than once.
func (c *Control) UpdateCredential(ctx context.Context, account, credential id.ID, change func(*webhook.Credential) error) (*webhook.Credential, error) {
	cr, err := c.store.UpdateCredential(ctx, credential, func(cr *webhook.Credential) error {
		if cr.AccountID != account || !cr.RevokedAt.IsZero() {
			return noCredential()
		}
		was := *cr
		cr.Verifiers, cr.Annotations = maps.Clone(cr.Verifiers), maps.Clone(cr.Annotations)
		if err := change(cr); err != nil {
			return err
		}
		cr.Kind, cr.KeyHash, cr.KeyHint = was.Kind, was.KeyHash, was.KeyHint
		return c.checkCredential(cr)
	})
	if err != nil {
		return nil, fmt.Errorf("update credential: %w", err)
	}
	c.seen(ctx)
	return &cr, nil
}

// RevokeCredential ends an API key or a user at once. It is CodeNotFound when the
// account has none of that id, or it was revoked before.
func (c *Control) RevokeCredential(ctx context.Context, account, credential id.ID) error {
	return c.revoke(ctx, credential, func(cr *webhook.Credential) (bool, error) { return cr.AccountID == account, nil })
}

// RevokeKey ends an API key of the account: see RevokeCredential.
func (c *Control) RevokeKey(ctx context.Context, account, key id.ID) error {
	return c.revoke(ctx, key, func(cr *webhook.Credential) (bool, error) {
		return cr.AccountID == account && cr.Kind == webhook.KindAPIKey, nil
	})
}

// RevokeKeyBelow ends an API key of the account top, or of one below it.
func (c *Control) RevokeKeyBelow(ctx context.Context, top, key id.ID) error {
	return c.revoke(ctx, key, func(cr *webhook.Credential) (bool, error) {
		holder, err := c.directory.Account(ctx, cr.AccountID)
		if webhook.CodeOf(err) == webhook.CodeNotFound {
			return false, nil
		}
		return err == nil && cr.Kind == webhook.KindAPIKey && holder.Within(top), err
	})
}

// revoke ends a credential that may be revoked; others are not found.
func (c *Control) revoke(ctx context.Context, credential id.ID, may func(*webhook.Credential) (bool, error)) error {
	_, err := c.store.UpdateCredential(ctx, credential, func(cr *webhook.Credential) error {
		ok, err := may(cr)
		if err != nil {
			return err
		}
		if !ok || !cr.RevokedAt.IsZero() {
			return noCredential()
		}
		cr.RevokedAt = c.now()
		return nil
	})
	if err != nil {
		return fmt.Errorf("revoke credential: %w", err)
	}
	c.seen(ctx)
	return nil
}

func noCredential() error {
	return webhook.Errorf(webhook.CodeNotFound, "", "there is no such credential")
}

func (c *Control) checkCredential(cr *webhook.Credential) error {
	switch cr.Scope {
	case webhook.ScopeRoot, webhook.ScopeAccount, webhook.ScopeReadOnly:
	default:
		return invalid("scope", "must be %q, %q or %q", webhook.ScopeRoot, webhook.ScopeAccount, webhook.ScopeReadOnly)
	}
	if err := checkText("name", cr.Name, maxName); err != nil {
		return err
	}
	if cr.Kind == webhook.KindUser {
		if err := checkName("username", cr.Username); err != nil {
			return err
		}
	}
	return c.checkAnnotations(cr.Annotations)
}
