"""Stands in for what service packages import and are given, where it is not installed.

Modules that are installed win: the finder below is asked last.
"""

import contextlib
import functools
import importlib.abc
import importlib.machinery
import json
import logging
import sys
import threading
import types
import uuid

logger = logging.getLogger("python-host")


class HookRetry(Exception):
    """Says that a delivery is to be tried again."""

    def __init__(self, detail):
        super().__init__(detail)
        self.detail = detail


class HookExpectedError(Exception):
    """Says that a delivery failed for good, as can happen."""

    def __init__(self, detail):
        super().__init__(detail)
        self.detail = detail


class Retry(Exception):
    """Is what a task raises to be run again, `when` seconds later."""

    def __init__(self, message="the task is to be run again", exc=None, when=None):
        super().__init__(str(exc) if exc else message)
        self.when = when


class Request:
    """Is what a task knows of its run."""

    def __init__(self, retries=0):
        self.id = str(uuid.uuid4())
        self.retries = retries


class Task:
    """Is a run of a service, as `run` and bound tasks see it."""

    def __init__(self, name="", retries=0, attempts=1):
        self.name = name
        self.max_retries = attempts - 1
        self.request = Request(retries)

    def retry(self, args=None, kwargs=None, exc=None, countdown=None, **_):
        raise Retry(exc=exc, when=countdown)


current = threading.local()


@contextlib.contextmanager
def running(task):
    """Makes the task the one that bound tasks run as."""
    current.task = task
    try:
        yield
    finally:
        current.task = None


class Job:
    """Is a function that an app made a task. Called in any of the ways it runs at once, here."""

    def __init__(self, function, bind=False):
        functools.update_wrapper(self, function)
        self.function = function
        self.bind = bind

    def __call__(self, *args, **kwargs):
        if self.bind:
            args = (getattr(current, "task", None) or Task(self.__name__),) + args
        return self.function(*args, **kwargs)

    run = delay = __call__

    def apply_async(self, args=(), kwargs=None, **_):
        return self(*args, **(kwargs or {}))


class Celery:
    """Is an app as far as services use it: `task` makes functions tasks."""

    def __init__(self, *_, **__):
        self.conf = types.SimpleNamespace(update=lambda *_, **__: None)

    def task(self, *args, bind=False, **_):
        if args and callable(args[0]):
            return Job(args[0])
        return lambda function: Job(function, bind)


class Absent:
    """Stands for a part of the server that is not here. It takes every call and says once that
    nothing will come of it."""

    def __init__(self, name):
        self._name = name
        self._told = set()

    def __getattr__(self, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)

        def nothing(*_, **__):
            if attribute not in self._told:
                self._told.add(attribute)
                logger.warning("%s.%s does nothing here: the service gets deliveries alone", self._name, attribute)

        return nothing

    def __call__(self, *_, **__):
        self.__getattr__("call")()


class Dependencies(dict):
    """Has a stand-in for everything that it does not have."""

    def __missing__(self, name):
        self[name] = Absent(name)
        return self[name]


def dependencies(config):
    """Returns what `load` is given."""
    return Dependencies(celery=Celery(), config=config)


class SubscriptionService(Absent):
    """Stands for the subscriptions of the server, which are out of reach."""

    def __init__(self, *_):
        super().__init__("SubscriptionService")


# What may have gone wrong with a request of one of these libraries so that it is worth another.
LIBRARIES = {"requests", "httpx"}
PASSING = {"HTTPError", "ConnectionError", "Timeout", "TooManyRedirects", "TimeoutException"}


@contextlib.contextmanager
def requests_automatic_hook_retry(_task):
    """Turns failed HTTP requests into HookRetry, and a 410 into HookExpectedError."""
    try:
        yield
    except Exception as error:
        kinds = {cls.__name__ for cls in type(error).__mro__ if cls.__module__.partition(".")[0] in LIBRARIES}
        if not kinds & PASSING:
            raise
        response = getattr(error, "response", None)
        detail = exchange(getattr(error, "request", None), response)
        detail["error"] = str(error)
        if response is not None and response.status_code == 410:
            raise HookExpectedError(detail) from error
        raise HookRetry(detail) from error


def requests_automatic_detail(response):
    """Describes an exchange, for the log of the subscription."""
    return exchange(response.request, response)


def exchange(request, response):
    body = getattr(request, "body", None)
    if body is None:
        body = getattr(request, "content", None)
    return {
        "request_method": str(getattr(request, "method", "")),
        "request_url": str(getattr(request, "url", "")),
        "request_body": readable(body),
        "request_headers": dict(getattr(request, "headers", None) or {}),
        "response_status_code": None if response is None else response.status_code,
        "response_headers": {} if response is None else dict(response.headers),
        "response_body": "" if response is None else readable(response.text),
    }


def readable(body):
    """Returns the JSON value that a body is, else its text."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    try:
        return json.loads(body)
    except (TypeError, ValueError):
        return body


class Anything(type):
    """Is the class of classes that serve in annotations and nowhere else."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class Annotation(dict, metaclass=Anything):
    """Stands for types that services name in annotations."""


def modules():
    """Lists the modules that are stood in for, with what is in them."""
    signals = {"HookRetry": HookRetry, "HookExpectedError": HookExpectedError}
    return {
        "celery": {
            "Celery": Celery,
            "Task": Task,
            "shared_task": Celery().task,
        },
        "celery.exceptions": {"Retry": Retry},
        "celery.utils": {},
        "celery.utils.log": {"get_task_logger": logging.getLogger},
        "wazo_webhookd": {},
        "wazo_webhookd.celery": {"app": Celery()},
        "wazo_webhookd.config": {"WebhookdConfigDict": Annotation},
        "wazo_webhookd.database": {},
        "wazo_webhookd.database.models": {"Subscription": Annotation},
        "wazo_webhookd.plugins": {},
        "wazo_webhookd.plugins.subscription": {},
        "wazo_webhookd.plugins.subscription.notifier": {"SubscriptionNotifier": SubscriptionService},
        "wazo_webhookd.plugins.subscription.service": {"SubscriptionService": SubscriptionService},
        "wazo_webhookd.services": {},
        "wazo_webhookd.services.helpers": {
            **signals,
            "RequestDetailsDict": Annotation,
            "requests_automatic_detail": requests_automatic_detail,
            "requests_automatic_hook_retry": requests_automatic_hook_retry,
        },
        "wazo_webhookd.types": {},
    }


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules that are stood in for."""

    def __init__(self, known):
        self.known = known

    def find_spec(self, name, path=None, target=None):
        if name not in self.known:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def exec_module(self, module):
        vars(module).update(self.known[module.__name__])
        if module.__name__ == "wazo_webhookd.types":
            module.__getattr__ = lambda name: Annotation


def install():
    """Lets the stand-ins be imported where nothing else is found."""
    sys.meta_path.append(Finder(modules()))
