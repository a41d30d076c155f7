"""Runs service packages of wazo-webhookd, unmodified, as plug-ins of Switchhook.

    python3 plugins/python-host example                      by entry point
    python3 plugins/python-host module:Class                 without one
    python3 plugins/python-host --list                       what is installed

Nothing but the standard library is needed. docs/plugins.md tells more.
"""

import argparse
import json
import logging
import os
import re
import sys

import services
import standins

PROTOCOL = 1


def main():
    options = arguments()
    answers = claim_output()
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if options.debug else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
    )
    standins.install()
    services.find_packages()
    if options.list:
        for name, target in services.installed():
            print(name, target, file=sys.stderr)
        return
    name = options.name or os.environ.get("SWITCHHOOK_PLUGIN") or options.service
    service = services.load(options.service, name, configuration(options.config))
    write(answers, service.hello(PROTOCOL))
    for line in sys.stdin.buffer:
        reply = answer(service, line)
        if reply is not None:
            write(answers, reply)


def arguments():
    parser = argparse.ArgumentParser(prog="python-host", description="Runs a service of wazo-webhookd as a plug-in.")
    parser.add_argument("service", nargs="?", help="name of an entry point in %s, or module:Class" % services.GROUP)
    parser.add_argument("--name", help="name of the service; default: what the server calls it")
    parser.add_argument("--config", help="JSON file with what the service finds in its configuration")
    parser.add_argument("--list", action="store_true", help="show the services that are installed")
    parser.add_argument("--debug", action="store_true", help="log what services log at level DEBUG")
    options = parser.parse_args()
    if not options.service and not options.list:
        parser.error("name a service")
    return options


def claim_output():
    """Keeps standard output for answers: what services print goes to the log."""
    sys.stdout.flush()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)
    return answers


def configuration(path):
    config = {"hook_max_attempts": 10, "hook_http_retry_countdown_factor": 2}
    if path:
        with open(path, encoding="utf-8") as file:
            config.update(json.load(file))
    return config


def write(answers, message):
    answers.write(json.dumps(message, default=str).encode("ascii") + b"\n")
    answers.flush()


def answer(service, line):
    """Makes one delivery; None for a line of another type."""
    try:
        delivery = json.loads(line)
    except (ValueError, RecursionError) as error:
        found = re.search(rb'"id":"([^"]*)"', line)
        reply = {"result": "rejected", "error": "the delivery cannot be read: %s" % error}
        return dict(reply, type="answer", id=found.group(1).decode() if found else "")
    if delivery.get("type") != "delivery":
        return None
    return dict(service.deliver(delivery), type="answer", id=delivery["id"])


if __name__ == "__main__":
    main()
