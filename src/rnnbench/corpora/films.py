"""Which reviews of IMDB's training half share a film.

The number of a review is the N of its file, ``N_RATING.txt``. Files are numbered film by film, in
the same order of films for both classes: first films with positive reviews, then those with
negative reviews only. The bounds below make 25 groups of 983 to 1,024 reviews such that no film is
in two of them, counted from the list of addresses (``urls_pos.txt``, ``urls_neg.txt``) in the
archive of Maas et al. (ACL 2011).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REVIEWS_PER_CLASS = 12_500
# Group g holds the positive reviews _POSITIVE[g] <= N < _POSITIVE[g + 1], and the negative ones
# between the bounds of either _NEGATIVE_SHARED or _NEGATIVE_ONLY.
# fmt: off
_POSITIVE = (
    0, 492, 1002, 1494, 2002, 2497, 2991, 3493, 3984, 4502, 4999, 5507, 6001, 6508, 6996, 7501,
    8002, 8506, 9002, 9503, 10004, 10509, 11011, 11498, 11998, 12500,
)
_NEGATIVE_SHARED = (
    0, 164, 265, 438, 566, 793, 906, 1037, 1151, 1314, 1426, 1608, 1801, 1944, 2118, 2285, 2429,
    2546, 2741, 2908, 3109, 3313, 3515, 3649, 3824, 3983,
)
_NEGATIVE_ONLY = (
    3983, 4317, 4718, 5047, 5419, 5692, 6077, 6446, 6830, 7173, 7567, 7882, 8185, 8537, 8866,
    9199, 9568, 9951, 10260, 10588, 10893, 11186, 11484, 11851, 12178, 12500,
)
# fmt: on


def film_groups(numbers: NDArray[np.int64], positive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The group of each review, shape (n,), from 0 to 24.

    numbers: below `REVIEWS_PER_CLASS`, shape (n,). positive: whether a review is, shape (n,).
    """
    shared = np.searchsorted(_NEGATIVE_SHARED, numbers, "right") - 1
    only = np.searchsorted(_NEGATIVE_ONLY, numbers, "right") - 1
    negative = np.where(numbers < _NEGATIVE_SHARED[-1], shared, only)
    return np.where(positive, np.searchsorted(_POSITIVE, numbers, "right") - 1, negative)
