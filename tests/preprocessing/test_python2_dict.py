"""The expected orders were printed by CPython 2.7.18, 64-bit, hash randomization off."""

import hashlib

import pytest

from rnnbench.preprocessing.python2_dict import iteration_order, string_hash


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"", 0),
        (b"a", 12416037344),
        (b"the", -1495230934636648966),
        (b"br", 12544075362113238),
        (b"caf\xc3\xa9", -8502809815083350713),
    ],
)
def test_hash_is_cpython_2s(key: bytes, expected: int) -> None:
    assert string_hash(key) == expected % 2**64


def test_three_keys() -> None:
    assert iteration_order([b"a", b"b", b"c"]) == [b"a", b"c", b"b"]


def test_keys_that_collide_take_the_slots_of_their_probe_sequences() -> None:
    keys = [b"k0", b"k8", b"k10", b"k18", b"k21"]
    assert {string_hash(key) & 7 for key in keys} == {3}
    assert iteration_order(keys) == [b"k10", b"k0", b"k21", b"k8", b"k18"]


def test_order_after_one_rebuild() -> None:
    keys = b"the quick brown fox jumps over lazy dog and then runs away".split()
    expected = b"and brown lazy runs then over fox dog away quick the jumps".split()
    assert iteration_order(iter(keys)) == expected


@pytest.mark.parametrize(
    ("count", "sha256"),
    [
        pytest.param(
            5, "a3e5ece7e7433ea80787ff15229fe887aebbc0d345f6efed1872979a22951023", id="8 slots"
        ),
        pytest.param(
            6, "bb351b0b0cb549824268f48b7fdcfc14e40e4e773de9247ad0532bf743f35981", id="32 slots"
        ),
        pytest.param(
            22, "23b8c53cce6b8447377ceb8fd4bae49302f20f24d96e248a904e396ec40066e7", id="128 slots"
        ),
        pytest.param(
            50_000, "06dfcb907747472abb3209965345b232ffa36e29190a2998037c0f27549c08c2", id="4 x"
        ),
        pytest.param(
            90_000, "819d27b1d6536bbb2ea9ea6ea24af688b11afc14f651909312aa5f4462f4dbdb", id="2 x"
        ),
    ],
)
def test_order_of_every_table_size(count: int, sha256: str) -> None:
    order = iteration_order(b"w%d" % i for i in range(count))
    assert hashlib.sha256(b" ".join(order)).hexdigest() == sha256


def test_no_keys() -> None:
    assert iteration_order([]) == []
