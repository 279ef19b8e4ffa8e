"""h_t = a_t h_{t-1} + b_t over all steps, for real and complex numbers.

The gradient is derived by hand: with g_t what the loss sends to h_t directly and d_t its whole
gradient, d_t = g_t + conj(a_{t+1}) d_{t+1}, so that da_t = d_t conj(h_{t-1}) and db_t = d_t
(Martin & Cundy (2018), arXiv:1709.04057, section 2). Both directions are loops of a multiply-add
each. A parallel scan would do twice the work, which pays with many threads only, and
`keras.ops.associative_scan` does not compile for an unknown number of steps.
"""

from __future__ import annotations

from typing import Any

from keras import ops

# A real tensor as a tuple of one, complex ones as (real part, imaginary part).
Parts = tuple[Any, ...]


def linear_recurrence(a: Any, b: Any, initial: Any = None, mask: Any = None) -> Any:
    """The states of all steps: of the shape and dtype of b.

    b: (steps, batch, units), at least one step, floating.
    a: as b; or of the shape (units,) or (), if it is the same in all steps.
    initial: (batch, units), the state before the first step; zeros by default.
    mask: (steps, batch, 1), bool; a step where it is False keeps the state, and gets no gradient.

    For complex numbers, a, b and initial are tuples (real part, imaginary part), and so is the
    result. Raises ValueError if only one of a and b is.
    """
    is_complex = isinstance(b, tuple)
    if isinstance(a, tuple) != is_complex:
        raise ValueError("a and b must be both real, or both tuples of two parts")
    a, b = (a, b) if is_complex else ((a,), (b,))
    if initial is None:
        initial = tuple(ops.zeros_like(part[0]) for part in b)
    elif not is_complex:
        initial = (initial,)
    h = _states(a, b, initial, mask)
    return h if is_complex else h[0]


def forward_fill(x: Any, mask: Any) -> Any:
    """x (steps, batch, features) with masked steps replaced by the last one before; else zeros."""
    return linear_recurrence(ops.zeros((), x.dtype), x, mask=mask)


def _states(a: Parts, b: Parts, initial: Parts, mask: Any) -> Parts:
    size = len(b)
    varies = len(a[0].shape) == len(b[0].shape)
    # Keras cannot scan several tensors of an unknown number of steps, but their numbers.
    steps = ops.arange(ops.shape(b[0])[0], dtype="int32")

    def kept(t: Any, new: Parts, old: Parts) -> Parts:
        pairs = zip(new, old, strict=True)
        return new if mask is None else tuple(ops.where(mask[t], n, o) for n, o in pairs)

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def solve(*parts: Any) -> tuple[Parts, Any]:
        a, b, initial = parts[:size], parts[size : 2 * size], parts[2 * size :]

        def factor(t: Any) -> Parts:
            return _at(a, t) if varies else a

        def forward(h: Parts, t: Any) -> tuple[Parts, Parts]:
            h = kept(t, _sum(_product(factor(t), h), _at(b, t)), h)
            return h, h

        _, h = ops.scan(forward, initial, steps)

        def gradient(*args: Any, upstream: Any = None) -> Parts:
            g = args if upstream is None else upstream

            def backward(later: Parts, t: Any) -> tuple[Parts, Parts]:
                d = _sum(_at(g, t), later)
                return kept(t, _product(_conjugate(factor(t)), d), d), d

            zeros = tuple(ops.zeros_like(part) for part in initial)
            d_initial, d = ops.scan(backward, zeros, steps, reverse=True)
            if mask is not None:
                d = tuple(ops.where(mask, part, ops.zeros_like(part)) for part in d)
            pairs = zip(initial, h, strict=True)
            before = tuple(ops.concatenate([first[None], part[:-1]]) for first, part in pairs)
            d_a = _product(d, _conjugate(before))
            if not varies:
                same = tuple(range(len(b[0].shape) - len(a[0].shape)))
                d_a = tuple(ops.sum(part, axis=same) for part in d_a)
            return *d_a, *d, *d_initial

        return h, gradient

    found: Parts = solve(*a, *b, *initial)
    return found


def _at(x: Parts, t: Any) -> Parts:
    return tuple(part[t] for part in x)


def _sum(x: Parts, y: Parts) -> Parts:
    return tuple(p + q for p, q in zip(x, y, strict=True))


def _product(x: Parts, y: Parts) -> Parts:
    if len(x) == 1:
        return (x[0] * y[0],)
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def _conjugate(x: Parts) -> Parts:
    return (x[0], *(-part for part in x[1:]))
