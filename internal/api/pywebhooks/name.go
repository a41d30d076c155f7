package pywebhooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// dialect is the name of this API's annotations.
const dialect = "pywebhooks"

// accountNote is what only this API knows of an account. Accounts made elsewhere
// have none.
type accountNote struct {
	Username string `json:"username"`
	Admin    bool   `json:"is_admin,omitempty"`
}

func noteOf(account *webhook.Account) (n accountNote) {
	_ = json.Unmarshal(account.Annotations[dialect], &n) // written here alone; none is the zero note
	return n
}

// note makes the annotation of a noun.
func note(v any) (webhook.Annotations, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("annotate: %w", err)
	}
	return webhook.Annotations{dialect: text}, nil
}

// plainName is a username that can be an account's uid as it is.
var plainName = regexp.MustCompile(`^[a-zA-Z0-9\-_.]{1,200}$`)

// hashedName is what the uid of every other username begins with.
const hashedName = "username.."

// uidOf returns the uid that makes a username unique. That of the admin is none that
// an account made elsewhere is likely to have.
func uidOf(username string) string {
	if plainName.MatchString(username) && !strings.HasPrefix(username, hashedName) && username != adminName {
		return username
	}
	sum := sha256.Sum256([]byte(username))
	return hashedName + hex.EncodeToString(sum[:])
}

// usernameOf returns what an account is called here. One that was made elsewhere, or
// was given another uid there, is called by its uid, or by its id when it has none that
// can be a username.
func usernameOf(account *webhook.Account) string {
	n := noteOf(account)
	switch {
	case n.Username != "" && uidOf(n.Username) == account.UID:
		return n.Username
	case account.UID != "" && uidOf(account.UID) == account.UID:
		return account.UID
	}
	return account.ID.String()
}

// accountNamed returns the account with the username. It is shared and read-only.
func (a *API) accountNamed(ctx context.Context, username string) (*webhook.Account, error) {
	root, err := a.root(ctx)
	if err != nil {
		return nil, err
	}
	account, err := a.Control.FindAccount(ctx, root.ID, id.ID{}, uidOf(username))
	if err == nil && usernameOf(account) != username {
		return nil, webhook.Errorf(webhook.CodeNotFound, "", "there is no such account")
	}
	return account, err
}

// maxUsername is how many characters a username may have.
const maxUsername = 256

// readUsername reads a username that can be sent in a header.
func readUsername(raw json.RawMessage) (string, error) {
	var name string
	if json.Unmarshal(raw, &name) != nil || raw[0] != '"' {
		return "", refuse(http.StatusBadRequest, "username must be a text")
	}
	switch {
	case name == "":
		return "", refuse(http.StatusBadRequest, "username must not be empty")
	case utf8.RuneCountInString(name) > maxUsername:
		return "", refuse(http.StatusBadRequest, fmt.Sprintf("username must have at most %d characters", maxUsername))
	case strings.ContainsFunc(name, unicode.IsControl), strings.TrimSpace(name) != name:
		return "", refuse(http.StatusBadRequest, "username must be a text that can be sent in a header")
	}
	return name, nil
}
