"""The character encodings of texts."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from itertools import chain

# UTF-32 first: its little-endian mark starts with that of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SUGGESTED = ("utf-8", "cp949", "cp1252")


def encoding_of(content: bytes, encoding: str) -> str:
    """The encoding of a content, of which 4 bytes suffice: a byte order mark has priority."""
    marks = (name for mark, name in _BYTE_ORDER_MARKS.items() if content.startswith(mark))
    return next(marks, encoding)


def wrong_encoding(encoding: str, content: Iterable[bytes]) -> str:
    """The error message of a content that has another encoding."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in _SUGGESTED}
    for block in chain(content, [b""]):
        for name, decoder in list(decoders.items()):
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError:
                del decoders[name]
    # Latin-1 decodes everything.
    names = " or ".join(f"encoding: {name}" for name in decoders or ["latin-1"])
    return f"not {encoding}; set the encoding; it can be read with {names}"
