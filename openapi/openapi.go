// Package openapi holds the contract of the native API as an OpenAPI document, which
// the server serves and the tests of the API are held against. It holds no code.
package openapi

import _ "embed"

// YAML is the document.
//
//go:embed openapi.yaml
var YAML []byte
