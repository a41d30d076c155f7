// Package viahttp delivers over HTTP. Sender is the HTTP/1.1 client that every
// service speaking HTTP shares; Service is the built-in service "http", which
// POSTs an event as it came, signed the Standard Webhooks way. The package
// decides nothing about retries or health, and connects only through egress.
package viahttp
