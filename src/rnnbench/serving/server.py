"""MLflow's scoring server on the loopback interface, with a limit on the length of a body."""

from __future__ import annotations

import socket
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from rnnbench.core.errors import DataError

HOST = "127.0.0.1"
# A longer body is read and discarded up to here: a client that is still sending sees no answer.
_MAX_DISCARDED = 2**30


class BodyTooLong(Exception):
    """A request has a body of more bytes than the limit."""


class BodyLimit:
    """ASGI middleware that raises BodyTooLong where the application reads the body.

    max_bytes: the length of the longest body that is accepted.
    """

    def __init__(self, app: Any, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one connection."""
        size = 0

        async def limited() -> Any:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size <= self._max_bytes:
                return message
            while message.get("more_body") and size <= _MAX_DISCARDED:
                message = await receive()
                size += len(message.get("body", b""))
            raise BodyTooLong(f"the body has more than {self._max_bytes:,} bytes")

        await self._app(scope, limited, send)


def listen(port: int) -> socket.socket:
    """A socket that listens on the loopback interface; raises DataError if the port is taken."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise DataError(f"cannot listen on {HOST}:{port} ({error}); choose a --port") from error


def serve(model: Any, listener: socket.socket, max_bytes: int) -> None:
    """Serve a pyfunc model until interrupted.

    The routes and bodies are those of `mlflow models serve`: /ping, /version and /invocations.
    Status 413 for bodies of more than `max_bytes`, 400 for those that cannot be parsed, among them
    some that MLflow itself answers with 500, such as 10,000 nested brackets.
    """
    import uvicorn
    from mlflow.pyfunc import scoring_server

    app = scoring_server.init(model)
    app.add_middleware(BodyLimit, max_bytes=max_bytes)
    app.add_exception_handler(BodyTooLong, _too_long)
    app.add_exception_handler(RecursionError, _unreadable)
    app.add_exception_handler(ValueError, _unreadable)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


async def _too_long(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error_code": "REQUEST_TOO_LARGE", "message": str(error)}, 413)


async def _unreadable(_: Request, error: Exception) -> JSONResponse:
    reason = f"cannot parse the body ({type(error).__name__})"
    return JSONResponse({"error_code": "BAD_REQUEST", "message": reason}, 400)
