"""Answers the differential tests with what Python and Jinja themselves do.

Each line of standard input is a JSON object, and so is each line of the answer.
{"json": text, "sort": bool}    -> {"out": json.dumps(json.loads(text), sort_keys=sort)}
{"template": text, "vars": {}}  -> {"out": text} or {"err": class of the exception}
"""
import json
import sys

try:
    from jinja2.sandbox import SandboxedEnvironment
except ImportError:
    SandboxedEnvironment = None


def answer(ask):
    if "json" in ask:
        return json.dumps(json.loads(ask["json"]), sort_keys=ask.get("sort", False))
    out = SandboxedEnvironment().from_string(ask["template"]).render(**ask["vars"])
    out.encode("utf-8")
    return out


for line in sys.stdin:
    try:
        reply = {"out": answer(json.loads(line))}
    except RecursionError:
        reply = {"err": "RecursionError"}
    except Exception as e:
        reply = {"err": type(e).__name__, "why": str(e)[:200]}
    print(json.dumps(reply), flush=True)
