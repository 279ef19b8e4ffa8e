"""A logged model over HTTP, with MLflow's own protocol, on this machine stage_lock."""

from __future__ import annotations

import json
import logging
from typing import Any

_LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"
# What is over the limit is read and thrown away up to here, so that the sender gets its answer.
_DISCARDED = 2**30


class Gate:
    """ASGI middleware: status 413 for bodies of more than `most` bytes, 400 or 500 for failures.

    MLflow refuses most of what it cannot read itself, but not, say, JSON of 10,000 brackets.
    """

    def __init__(self, app: Any, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One connection; anything but HTTP passes unread."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: list[bytes] = []
        size, more = 0, True
        while more and size <= _DISCARDED:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
            if size <= self._most:
                parts.append(message.get("body", b""))
        if size > self._most:
            reason = f"the body has more than {self._most:,} bytes; send fewer or shorter texts"
            await _refuse(send, 413, "REQUEST_TOO_LARGE", reason)
            return
        whole: list[Any] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

        async def replay() -> Any:
            return whole.pop() if whole else await receive()

        begun = False

        async def watched(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, replay, watched)
        except Exception as error:
            if begun:
                raise
            if isinstance(error, RecursionError | ValueError):
                reason = f"the body cannot be read ({type(error).__name__})"
                await _refuse(send, 400, "BAD_REQUEST", reason)
            else:
                _LOG.exception("a request could not be answered")
                await _refuse(send, 500, "INTERNAL_ERROR", type(error).__name__)


async def _refuse(send: Any, status: int, code: str, reason: str) -> None:
    answer = json.dumps({"error_code": code, "message": reason}).encode()
    head = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": answer})


def serve(model: Any, port: int, most: int) -> None:
    """Answer requests with a pyfunc model until interrupted.

    The routes and bodies are those of `mlflow models serve`: /ping, /version and /invocations.
    most: the longest body, in bytes. Ends the process if the port is taken.
    """
    import uvicorn
    from mlflow.pyfunc import scoring_server

    app = scoring_server.init(model)
    app.add_middleware(Gate, most=most)
    uvicorn.run(app, host=HOST, port=port, log_level="warning")
