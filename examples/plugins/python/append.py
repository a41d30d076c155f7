"""A plug-in for Switchhook that appends events to a file: a service in Python."""

import json
import sys

SCHEMA = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "minLength": 1}},
    "additionalProperties": False,
}


def deliver(delivery):
    """Makes one attempt; returns the answer without its id."""
    try:
        with open(delivery["options"]["file"], "a", encoding="utf-8") as file:
            written = file.write(json.dumps(delivery["event"]) + "\n")
    except OSError as error:
        return {"result": "retry", "error": str(error)}
    return {"result": "delivered", "detail": {"characters": written}}


def say(message):
    print(json.dumps(message), flush=True)


say({"type": "hello", "protocol": 1, "name": "append-python", "version": "1.0", "config_schema": SCHEMA})
for line in sys.stdin:
    delivery = json.loads(line)
    if delivery["type"] == "delivery":
        say({"id": delivery["id"], **deliver(delivery)})
