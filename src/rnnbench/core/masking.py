"""Credentials, kept out of what is printed. The standard library only: it words any failure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

_VARIABLES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
# A parser ends a host, a path or a query there, so errors name the parts of a password that is
# not quoted.
_SEPARATORS = re.compile("[:/?#@&=]")
# A shorter secret could be part of any word.
_SHORTEST = 4
# The names of files may contain "@".
_FILES = r"(?:file|sqlite)(?:\+\w+)?:"
# Greedy: passwords with special characters are often not quoted.
_CREDENTIALS = re.compile(rf"(?i)(?<![\w+.-])(?!{_FILES})([\w+.-]*)://\S*@")
# By itself, "key=" is an argument of Python's functions, which tracebacks are full of.
_PARAMETER = re.compile(r"(?i)(password|passwd|pwd|token|secret|(?<=[\w?&.-])key)=([^&\s]+)")


def masked(text: str) -> str:
    """`text` without the credentials of MLflow's store, of other addresses, and of queries."""
    forms = {form for secret in _known() for form in _forms(secret) if len(form) >= _SHORTEST}
    for form in sorted(forms, key=len, reverse=True):
        # What a parser takes for a host comes in lower case.
        text = re.sub(re.escape(form), "***", text, flags=re.IGNORECASE)
    return _PARAMETER.sub(r"\1=***", _CREDENTIALS.sub(r"\1://***@", text))


def _known() -> Iterator[str]:
    for name in _VARIABLES:
        yield os.environ.get(name, "")
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if re.match(_FILES, uri, re.IGNORECASE):
        return
    credentials = uri.partition("://")[2].rpartition("@")[0]
    yield credentials
    # A token can be in the place of the user.
    password = credentials.partition(":")[2] or credentials
    yield password
    for form in (password, unquote(password)):
        yield from _SEPARATORS.split(form)
    for _, value in _PARAMETER.findall(uri):
        yield value


def _forms(secret: str) -> tuple[str, ...]:
    quoted = quote(secret), quote(secret, safe="")
    return secret, unquote(secret), *quoted, repr(secret)[1:-1]
