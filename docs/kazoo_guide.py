#!/usr/bin/env python3
"""Webhooks through Kazoo's API, from the login to the notification that arrives.

It logs in, looks at what hooks there are, starts a small server, asks to be told on it
when a user of the account is deleted, makes a user and deletes it, and prints what came.
It needs nothing but Python 3:

    python3 kazoo_guide.py http://127.0.0.1:8080 ACCOUNT_NAME USERNAME PASSWORD

The hook leads to this machine, so the server must be allowed to reach it:

    switchhook serve --set egress.allow=loopback --set dialects.kazoo.blacklist_cidrs=
"""

import hashlib
import http.server
import json
import queue
import sys
import threading
import urllib.parse
import urllib.request


class Kazoo:
    """A caller of the API who has logged in."""

    def __init__(self, url, account_name, username, password):
        self.url = url.rstrip("/") + "/v2"
        self.token = None
        # What proves who you are is the MD5 of "username:password", with the username
        # in small letters. With "method": "sha" it is the SHA-1.
        credentials = hashlib.md5(f"{username.lower()}:{password}".encode()).hexdigest()
        answer = self.call("PUT", "/user_auth", {"credentials": credentials, "account_name": account_name})
        # The token is good for an hour, for as many requests as you like.
        self.token = answer["auth_token"]
        self.account = "/accounts/" + answer["data"]["account_id"]

    def call(self, method, path, data=None):
        """Make a request. What it is about goes under "data", and so does the answer."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("X-Auth-Token", self.token)
        body = None if data is None else json.dumps({"data": data}).encode()
        with urllib.request.urlopen(request, body, timeout=60) as response:
            return json.load(response)


class Receiver(http.server.BaseHTTPRequestHandler):
    """The server that is told. It must answer 200: anything else is a failure."""

    came = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.came.put((self.headers, body))

    def log_message(self, *_):
        pass


def main(url, account_name, username, password):
    kazoo = Kazoo(url, account_name, username, password)
    print("logged in to", kazoo.account)

    types = kazoo.call("GET", "/webhooks")["data"]
    print("hooks there are:", ", ".join(sorted(t["id"] for t in types)))

    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    # custom_data chooses which documents and which changes; all else of it is sent along.
    hook = kazoo.call("PUT", kazoo.account + "/webhooks", {
        "name": "Users that were deleted",
        "uri": f"http://127.0.0.1:{server.server_port}/deleted",
        "http_verb": "post",
        "hook": "object",
        "retries": 3,
        "custom_data": {"type": "user", "action": "doc_deleted", "from": "the guide"},
    })["data"]
    print("hook", hook["id"], "tells", hook["uri"])

    user = kazoo.call("PUT", kazoo.account + "/users", {"first_name": "Ann", "last_name": "Other"})["data"]
    kazoo.call("DELETE", kazoo.account + "/users/" + user["id"])
    print("user", user["id"], "was made and deleted")

    headers, body = Receiver.came.get(timeout=120)
    print("came as", headers["Content-Type"], "for hook", headers["X-Hook-ID"])
    print(body)

    # It is a form, not JSON, unless the hook has "format": "json".
    form = dict(urllib.parse.parse_qsl(body))
    expected = {"id": user["id"], "action": "doc_deleted", "type": "user", "from": "the guide"}
    for name, value in expected.items():
        if form.get(name) != value:
            sys.exit(f"{name} is {form.get(name)!r}, not {value!r}")
    if headers["Content-Type"] != "application/x-www-form-urlencoded" or headers["X-Hook-ID"] != hook["id"]:
        sys.exit("the headers are not those of a hook")

    kazoo.call("DELETE", kazoo.account + "/webhooks/" + hook["id"])
    server.shutdown()
    print("done")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
