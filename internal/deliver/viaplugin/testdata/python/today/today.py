"""A service of today's interface, as packages for wazo-webhookd are written."""

import logging
import os
import time
from typing import TYPE_CHECKING

import requests
from celery import Task

from wazo_webhookd.plugins.subscription.service import SubscriptionService
from wazo_webhookd.services.helpers import (
    HookExpectedError,
    HookRetry,
    RequestDetailsDict,
    requests_automatic_detail,
    requests_automatic_hook_retry,
)

if TYPE_CHECKING:
    from wazo_webhookd.types import ServicePluginDependencyDict

logger = logging.getLogger(__name__)


class Service:
    def load(self, dependencies: "ServicePluginDependencyDict") -> None:
        self.subscriptions = SubscriptionService(dependencies["config"])
        dependencies["bus_consumer"].subscribe_to_event_names(uuid="x", event_names=["a"], callback=self.load)
        dependencies["token_change_subscribe"](print)

    @classmethod
    def run(cls, task: Task, config, subscription, event) -> RequestDetailsDict:
        print("what a service prints is no answer")
        logger.info("delivery %d of %s", task.request.retries, subscription["name"])
        with open(os.environ["CONTROL"] + "/received", "a") as received:
            received.write("x")
        with open(os.environ["CONTROL"] + "/behaviour") as behaviour:
            todo = behaviour.read()
        if todo == "fails":
            raise HookRetry({"error": "not in the mood", "mood": "bad"})
        if todo == "rejects":
            raise HookExpectedError("not in the mood, ever")
        if todo == "hangs":
            time.sleep(1000)
        if todo == "breaks":
            os._exit(3)
        if todo in ("requests 410", "requests 503", "requests refused", "requests nonsense"):
            with requests_automatic_hook_retry(task):
                requests.get(todo)
        if todo == "requests":
            return requests_automatic_detail(requests.get("requests"))
        if todo == "raises":
            raise ValueError("that is no value")
        if todo == "returns a list":
            return [1, float("inf")]
        return {"retries": task.request.retries, "max": task.max_retries, "config": config["colour"], "event": event}
