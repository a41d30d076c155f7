"""A receiver of PyWebhooks that checks every delivery, with the standard library alone.

usage: receiver.py raw|parsed

It prints the port it listens on, and then one line a delivery. "raw" checks the
signature of the body as it came; "parsed" that of what json.dumps makes of it. The secret
key is the one that was brought to it last.
"""
import hashlib
import hmac
import http.server
import json
import sys
import urllib.parse

style = sys.argv[1]
secret_key = ""


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        global secret_key
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        if "echo" in query:
            self.answer(200, {"echo": query["echo"][0]})
            return
        secret_key = query.get("secret_key", [secret_key])[0]
        self.answer(200, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signed = body if style == "raw" else json.dumps(json.loads(body.decode())).encode()
        signature = hmac.new(secret_key.encode(), signed, hashlib.sha1).hexdigest()
        good = hmac.compare_digest(signature, self.headers["pywebhooks-signature"])
        print("good" if good else "bad", self.headers.get("event"), flush=True)
        self.answer(200 if good else 401, {})

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_address[1], flush=True)
server.serve_forever()
