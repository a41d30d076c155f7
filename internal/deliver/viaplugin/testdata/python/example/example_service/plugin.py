import time

class Service:

    def load(self, dependencies):
        celery_app = dependencies['celery']

        @celery_app.task
        def example_callback(options, event):
            '''
            * "options" contains the options configured by the subscription,
              e.g. for http: the url, the method, the body, etc.
            * "event" contains the Wazo event that triggered the webhook.
              "event" is of the form:
              {
                  "name": "user_created",
                  "origin_uuid": "the UUID of the Wazo server that sent the event",
                  "data": {
                    "id": 12,  # the ID of the user that was created
                  }
              }
            '''
            tired = options['sleep_time']
            time.sleep(tired)

        self._callback = example_callback

    def callback(self):
        return self._callback
