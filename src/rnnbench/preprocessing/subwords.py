"""Texts as ids of subwords: byte-level byte-pair encoding, lossless for any text.

Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL 2016,
over bytes as in Radford et al., "Language Models are Unsupervised Multitask Learners", 2019;
computed by Hugging Face's ``tokenizers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from rnnbench.core.errors import DataError


class SubwordTokenizer:
    """A vocabulary of subwords; id 0 is padding, ids 1 to ``vocabulary_size`` - 1 are subwords.

    A lone surrogate, which no text file can contain, is read as a question mark.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary_size: int) -> SubwordTokenizer:
        """Learn subwords from texts, each read once; deterministic.

        vocabulary_size: the number of subwords, the 256 bytes included; fewer if no further pair
            occurs twice in the texts. Raises ValueError if it is below 256.
        """
        alphabet = ByteLevel.alphabet()
        if vocabulary_size < len(alphabet):
            raise ValueError(f"vocabulary_size {vocabulary_size}, expected {len(alphabet)} or more")
        tokenizer = Tokenizer(BPE())
        tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
        tokenizer.decoder = ByteLevelDecoder()
        trainer = BpeTrainer(
            vocab_size=vocabulary_size,
            min_frequency=2,
            initial_alphabet=alphabet,
            show_progress=False,
        )
        tokenizer.train_from_iterator(map(_without_surrogates, texts), trainer)
        return cls(tokenizer)

    @property
    def vocabulary_size(self) -> int:
        """The number of distinct ids: the subwords and padding."""
        return self._tokenizer.get_vocab_size() + 1

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The ids of each text, shape (subwords of the text,), int32; empty for an empty text."""
        encodings = self._tokenizer.encode_batch_fast([*map(_without_surrogates, texts)])
        return [np.array(encoding.ids, np.int32) + np.int32(1) for encoding in encodings]

    def decode(self, ids: Sequence[int] | NDArray[Any]) -> str:
        """The text of the ids of one sample, shape (n,), without the padding at its ends.

        An incomplete character becomes U+FFFD. Raises DataError for an id that is no subword.
        """
        return self._text(self._library_ids(ids))

    def pieces(self, ids: Sequence[int] | NDArray[Any]) -> list[str]:
        """The text of each id of one sample, shape (n,), without the padding at its ends.

        A subword that is part of a character becomes U+FFFD. Raises DataError for an id that is
        no subword.
        """
        return [self._text([i]) for i in self._library_ids(ids)]

    def write(self, path: Path) -> None:
        """Write tokenizer.json, in the format of the library."""
        path.write_text(self._tokenizer.to_str(pretty=True) + "\n", encoding="utf-8", newline="\n")

    @classmethod
    def read(cls, path: Path) -> SubwordTokenizer:
        """Read tokenizer.json; raises DataError if it is missing or damaged."""
        try:
            tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # The library raises no narrower type.
            raise DataError(f"{path}: unreadable vocabulary ({error}); run dvc repro") from error
        if not set(ByteLevel.alphabet()) <= tokenizer.get_vocab().keys():
            raise DataError(f"{path}: some bytes are missing from the vocabulary; run dvc repro")
        return cls(tokenizer)

    def _text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))

    def _library_ids(self, ids: Sequence[int] | NDArray[Any]) -> list[int]:
        """The ids of one sample as the library counts them, from 0, without padding."""
        trimmed = np.trim_zeros(np.asarray(ids, np.int64))
        # The library silently skips ids that it does not know.
        unknown = trimmed[(trimmed < 1) | (trimmed >= self.vocabulary_size)]
        if unknown.size:
            raise DataError(
                f"id {unknown[0]}: expected 1 to {self.vocabulary_size - 1}; run dvc repro"
            )
        result: list[int] = (trimmed - 1).tolist()
        return result


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
