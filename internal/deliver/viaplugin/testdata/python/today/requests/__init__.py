"""As much of the library as the test needs."""


class RequestException(IOError):
    def __init__(self, message, request=None, response=None):
        super().__init__(message)
        self.request = request
        self.response = response


class HTTPError(RequestException):
    pass


class ConnectionError(RequestException):
    pass


class InvalidSchema(RequestException):
    pass


class Exchange:
    method = "GET"
    url = "http://receiver.example/"
    body = b'{"a": 1}'
    headers = {"X-Request": "1"}


class Response:
    request = Exchange
    headers = {"X-Response": "2"}
    text = "sorry"

    def __init__(self, status_code):
        self.status_code = status_code

    def __bool__(self):
        return self.status_code < 400


def get(todo):
    outcome = todo.partition(" ")[2]
    if outcome == "":
        return Response(200)
    if outcome == "refused":
        raise ConnectionError("refused", Exchange)
    if outcome == "nonsense":
        raise InvalidSchema("no scheme")
    raise HTTPError("%s Server Error" % outcome, Exchange, Response(int(outcome)))
