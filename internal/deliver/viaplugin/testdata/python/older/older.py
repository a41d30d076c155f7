"""Services of the interface of 2017 that use more of it than the documented sample."""

from celery import Celery, shared_task
from celery.exceptions import Retry
from celery.utils.log import get_task_logger

from wazo_webhookd.celery import app

logger = get_task_logger(__name__)


@shared_task
def double(number):
    return 2 * number


@app.task(bind=True, max_retries=3)
def bound(self, options, event):
    if "again" in options:
        self.retry(countdown=options["again"], exc=ValueError("not yet"))
    return {"retries": self.request.retries, "double": double.delay(options["number"]), "name": event["name"]}


class Bound:
    def load(self, dependencies):
        assert isinstance(dependencies["celery"], Celery) and issubclass(Retry, Exception)

    def callback(self):
        return bound


class Plain:
    config_schema = {"type": "object", "required": ["number"]}

    def callback(self):
        return lambda options, event: options["number"]
