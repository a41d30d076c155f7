// Command switchhook is a self-hosted webhooks server.
package main

import (
	"os"

	"github.com/switchhook/switchhook/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
