"""Texts as ids of subwords: byte-level byte-pair encoding, lossless for any text.

Id 0 is padding, so all ids are one above those of Hugging Face's ``tokenizers``, which computes
them. Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL
2016, over bytes as in Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from rnnbench.core.errors import DataError

# Texts that the library encodes in parallel; it holds 70 bytes or more per subword.
_BATCH = 1000


def train(texts: Iterable[str], size: int) -> Tokenizer:
    """Learn subwords from texts, each read once; deterministic.

    size: the number of subwords, the 256 bytes included; fewer if no further pair occurs twice in
        the texts.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Iterable[str]) -> Iterator[NDArray[np.int32]]:
    """The ids of each text, shape (subwords of the text,), int32; empty for an empty text."""
    rest = iter(texts)
    while batch := list(islice(rest, _BATCH)):
        for encoding in tokenizer.encode_batch_fast(batch):
            yield np.array(encoding.ids, np.int32) + 1


def decode(tokenizer: Tokenizer, ids: NDArray[Any]) -> str:
    """The text of the ids of one sample, shape (n,), without the padding at its ends.

    An incomplete character becomes U+FFFD.
    """
    return str(tokenizer.decode((np.trim_zeros(ids) - 1).tolist(), skip_special_tokens=False))


def write(tokenizer: Tokenizer, path: Path) -> None:
    """Write tokenizer.json, in the format of the library."""
    path.write_text(tokenizer.to_str(pretty=True) + "\n", encoding="utf-8", newline="\n")


def read(path: Path) -> Tokenizer:
    """Read tokenizer.json; raises DataError if it is missing or damaged."""
    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # The library raises no narrower type.
        raise DataError(f"{path}: unreadable vocabulary ({error}); run dvc repro") from error
