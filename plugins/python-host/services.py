"""Finds a service, loads it, and calls it by whichever of the two interfaces it has.

Services that have `run(task, config, subscription, event)` are called by it. Others have
`callback()`, which returns a function of (options, event), often a task that `load` made with
`dependencies["celery"]`.
"""

import configparser
import importlib
import inspect
import json
import logging
import os
import runpy
import site
import sys
import types
from importlib import metadata
from unittest import mock
from urllib import parse, request

import standins

GROUP = "wazo_webhookd.services"

logger = logging.getLogger("python-host")


def find_packages():
    """Makes packages known that lie in the working directory, which is the plug-in's, and those
    that an installer left behind a .pth file or as an .egg in a directory of PYTHONPATH, where
    Python itself does not look for them."""
    for directory in [*os.environ.get("PYTHONPATH", "").split(os.pathsep), os.getcwd()]:
        if directory:
            site.addsitedir(directory)


def installed():
    """Lists (name, target) of all services that are installed, or that a setup.py in the working
    directory would install."""
    return sorted({*entry_points(), *unpacked_entry_points("setup.py")})


def entry_points():
    return [(point.name, point.value) for _, point in installed_points()]


def installed_points():
    """Lists (distribution, entry point) of all services that are installed."""
    return [(dist, point) for dist in metadata.distributions() for point in dist.entry_points if point.group == GROUP]


def source_of(distribution):
    """Returns the directory that pip installed a distribution from, or "" where it was none (PEP 610)."""
    try:
        url = parse.urlsplit(json.loads(distribution.read_text("direct_url.json") or "{}").get("url", ""))
    except ValueError:
        return ""
    return request.url2pathname(url.path) if url.scheme == "file" else ""


def unpacked_entry_points(script):
    """Runs a setup.py that is not installed, to see what it says of services."""
    if not os.path.exists(script):
        return []
    said = {}
    setuptools = types.ModuleType("setuptools")
    setuptools.setup = lambda **arguments: said.update(arguments)
    setuptools.find_packages = setuptools.find_namespace_packages = lambda *_, **__: []
    try:
        with mock.patch.dict(sys.modules, setuptools=setuptools):
            runpy.run_path(script)
    except Exception as error:
        logger.warning("%s cannot be read: %r", script, error)
    points = said.get("entry_points") or {}
    if isinstance(points, str):
        parser = configparser.ConfigParser(delimiters="=")
        parser.optionxform = str
        parser.read_string(points)
        points = {group: ["=".join(item) for item in parser.items(group)] for group in parser.sections()}
    lines = points.get(GROUP, [])
    lines = lines.splitlines() if isinstance(lines, str) else lines
    return [tuple(part.strip() for part in line.split("=", 1)) for line in lines if "=" in line]


def load(service, name, config):
    """Returns the service called service: an entry point, or module:Class."""
    target = service
    if ":" not in service:
        points = installed()
        targets = [target for found, target in points if found == service]
        if not targets:
            known = ", ".join(found for found, _ in points) or "none"
            raise SystemExit("there is no service %r among the entry points in %s: %s" % (service, GROUP, known))
        target = targets[0]
    module, _, attributes = target.partition(":")
    found = import_service(module.strip())
    for attribute in attributes.split("[")[0].strip().split("."):
        found = getattr(found, attribute)
    instance = found() if inspect.isclass(found) else found
    if hasattr(instance, "load"):
        instance.load(standins.dependencies(config))
    if hasattr(instance, "run"):
        return Runner(name, instance, config)
    return Caller(name, instance, config)


def import_service(module):
    """Imports the module of a service. A package without an __init__.py, such as the documented one,
    is installed with its entry point alone: then its code is where it was installed from."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not (module + ".").startswith(str(error.name) + "."):
            raise
    sources = [source_of(dist) for dist, point in installed_points() if point.value.partition(":")[0].strip() == module]
    sys.path.extend(source for source in sources if source)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SystemExit(
            "%s. If its package has no __init__.py, its code was not installed: put its files into the plug-in's directory "
            "or on PYTHONPATH" % error
        ) from error


class Service:
    """A service, with what the server is told of it."""

    schema = None

    def __init__(self, name, instance, config):
        self.name = name
        self.instance = instance
        self.config = config

    def hello(self, protocol):
        told = {"type": "hello", "protocol": protocol, "name": self.name, "concurrency": 1}
        schema = getattr(self.instance, "config_schema", self.schema)
        if schema is not None:
            told["config_schema"] = schema
        return told

    def deliver(self, delivery):
        """Returns the answer, without its id."""
        task = standins.Task(self.name, delivery["attempt"] - 1, delivery["max_attempts"])
        try:
            detail = self.call(task, delivery)
        except Exception as error:
            return failure(error)
        return {"result": "delivered", "detail": as_object(detail, "value")}


class Runner(Service):
    """A service of today's interface. The configurations of its subscriptions hold texts."""

    def call(self, task, delivery):
        return self.instance.run(task, self.config, delivery["subscription"], delivery["event"])


class Caller(Service):
    """A service of the interface of 2017. Its options may be any object."""

    schema = {"type": "object"}

    def __init__(self, name, instance, config):
        super().__init__(name, instance, config)
        self.callback = instance.callback()

    def call(self, task, delivery):
        with standins.running(task):
            return self.callback(delivery["options"], delivery["event"])


def failure(error):
    """Makes an answer of an exception: signals are known by the names of their classes, so that
    those of a wazo-webhookd that is installed count, too."""
    names = {cls.__name__ for cls in type(error).__mro__}
    if names & {"HookRetry", "Retry"}:
        reply = {"result": "retry", "detail": as_object(getattr(error, "detail", None) or text(error), "error")}
        wait = getattr(error, "when", None)
        if isinstance(wait, (int, float)) and wait > 0:
            reply["retry_after"] = wait
        return reply
    if "HookExpectedError" in names:
        return {"result": "rejected", "detail": as_object(error.detail, "error")}
    logger.error("the service failed", exc_info=error)
    return {"result": "rejected", "error": text(error), "detail": {"error": text(error)}}


def text(error):
    """Says what an exception says, and which it is where that says too little."""
    said = str(error)
    if not said or isinstance(error, LookupError):
        return ("%s: %s" % (type(error).__name__, said)).rstrip(": ")
    return said


def as_object(detail, key):
    """Returns a detail as an object that JSON can tell."""
    if detail is None:
        return {}
    told = detail if isinstance(detail, dict) else {key: detail}
    try:
        json.dumps(told, default=str, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return {key: repr(detail)[:1000]}
    return told
