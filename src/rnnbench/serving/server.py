"""MLflow's scoring server on the loopback interface, with a limit on the length of a body."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from rnnbench.core.errors import DataError

HOST = "127.0.0.1"
# A longer body is read and discarded up to here: a client that is still sending sees no response.
_MAX_DISCARDED = 2**30


class BodyLimit:
    """ASGI middleware that responds with status 413 to bodies of more than `max_bytes`."""

    def __init__(self, app: Any, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request; pass on anything but HTTP."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, size = bytearray(), 0
        with contextlib.suppress(ClientDisconnect):
            async for chunk in Request(scope, receive).stream():
                size += len(chunk)
                if size > _MAX_DISCARDED:
                    break
                if size <= self._max_bytes:
                    body += chunk
        if size > self._max_bytes:
            reason = f"the body has more than {self._max_bytes:,} bytes"
            response = JSONResponse({"error_code": "REQUEST_TOO_LARGE", "message": reason}, 413)
            await response(scope, receive, send)
            return
        messages = [{"type": "http.request", "body": bytes(body)}]

        async def replay() -> Any:
            return messages.pop() if messages else await receive()

        await self._app(scope, replay, send)


def listen(port: int) -> socket.socket:
    """A socket that listens on the loopback interface; raises DataError if the port is in use."""
    # asyncio turns off Nagle's delays only for sockets with this protocol, not for the default.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
        return listener
    except OSError as error:
        listener.close()
        raise DataError(f"cannot listen on {HOST}:{port} ({error}); choose a --port") from error


def serve(model: Any, listener: socket.socket, max_bytes: int) -> None:
    """Serve a pyfunc model until interrupted.

    The routes and bodies are those of `mlflow models serve`: /ping, /version and /invocations.
    Status 413 for bodies of more than `max_bytes`, 400 for those that cannot be parsed, among them
    some for which MLflow itself responds with 500, such as 10,000 nested brackets.
    """
    import uvicorn
    from mlflow.pyfunc import scoring_server

    app = scoring_server.init(model)
    app.add_middleware(BodyLimit, max_bytes=max_bytes)
    app.add_exception_handler(RecursionError, _unreadable)
    app.add_exception_handler(ValueError, _unreadable)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


async def _unreadable(_: Request, error: Exception) -> JSONResponse:
    reason = f"cannot parse the body ({type(error).__name__})"
    return JSONResponse({"error_code": "BAD_REQUEST", "message": reason}, 400)
