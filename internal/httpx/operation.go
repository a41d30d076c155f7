package httpx

import "net/http"

// Operation is something that the operators of an installation do and no tenant may.
// It reads the request and returns what is answered as JSON, or a *webhook.Error
// where the caller is wrong. Who calls has been checked before.
type Operation func(r *http.Request) (answer any, err error)

// Operations are what a dialect has for operators, by method and path: "POST /import".
// Paths are as http.ServeMux has them, with {wildcards}.
type Operations map[string]Operation
