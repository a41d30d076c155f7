package viawazomobile

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/webhook"
)

// account is a service account of Google's, as its key file tells.
type account struct {
	Project  string `json:"project_id"`
	Email    string `json:"client_email"`
	Key      string `json:"private_key"`
	KeyID    string `json:"private_key_id"`
	TokenURI string `json:"token_uri"`
}

func readAccount(text string) (*account, error) {
	var a account
	if json.Unmarshal([]byte(text), &a) != nil || a.Project == "" || a.Email == "" || a.Key == "" {
		return nil, errors.New("the tenant's service account for Firebase is not the JSON of a key file")
	}
	if a.TokenURI == "" {
		a.TokenURI = "https://oauth2.googleapis.com/token"
	}
	return &a, nil
}

// tokens keeps the access tokens of accounts while they are good.
type tokens struct {
	sender deliver.Sender
	now    func() time.Time

	mu   sync.Mutex
	kept map[account]access
}

type access struct {
	token string
	until time.Time
}

// maxTokens bounds the tokens that are kept.
const maxTokens = 10_000

func newTokens(s deliver.Sender, now func() time.Time) *tokens {
	return &tokens{sender: s, now: now, kept: map[account]access{}}
}

// get returns a token for an account. Without one the outcome says why.
func (t *tokens) get(ctx context.Context, a *account) (string, webhook.Outcome) {
	t.mu.Lock()
	have := t.kept[*a]
	t.mu.Unlock()
	now := t.now()
	if have.until.After(now) {
		return have.token, webhook.Outcome{}
	}
	assertion, err := assert(a, now)
	if err != nil {
		return "", failed(err.Error())
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	resp, err := t.sender.Send(ctx, &deliver.Request{
		URL: a.TokenURI, Body: []byte(form.Encode()),
		Headers: []webhook.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, {Name: "User-Agent", Value: userAgent}},
	})
	out := deliver.OutcomeOf(resp, err, now)
	if out.Result != webhook.ResultDelivered {
		out.Detail = "no access token: " + out.Detail
		return "", out
	}
	var answer struct {
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"` // seconds
	}
	if json.Unmarshal(resp.Body, &answer) != nil || answer.Token == "" {
		out.Result, out.Detail, out.ResponseBody = webhook.ResultRetry, "no access token: the answer has none", nil
		return "", out
	}
	t.keep(a, access{answer.Token, now.Add(time.Duration(answer.Expires)*time.Second - time.Minute)})
	return answer.Token, webhook.Outcome{}
}

// forget lets the next push ask for another token.
func (t *tokens) forget(a *account) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.kept, *a)
}

func (t *tokens) keep(a *account, got access) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.kept) >= maxTokens {
		clear(t.kept)
	}
	t.kept[*a] = got
}

// scope is what tokens are asked for.
const scope = "https://www.googleapis.com/auth/firebase.messaging"

// assert makes the JWT that a token is asked for with (RFC 7523, signed with RS256).
func assert(a *account, now time.Time) (string, error) {
	key, err := readKey(a.Key)
	if err != nil {
		return "", err
	}
	var parts [2]string
	for i, v := range []any{
		map[string]any{"alg": "RS256", "typ": "JWT", "kid": a.KeyID},
		map[string]any{"iss": a.Email, "scope": scope, "aud": a.TokenURI, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()},
	} {
		text, err := json.Marshal(v)
		if err != nil {
			return "", fmt.Errorf("token: %w", err)
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(text)
	}
	signed := parts[0] + "." + parts[1]
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func readKey(text string) (*rsa.PrivateKey, error) {
	broken := errors.New("the private key of the tenant's service account is not an RSA key in PEM form")
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, broken
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, broken
	}
	return key, nil
}
