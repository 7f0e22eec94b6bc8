"""Label sets as bytes: one form for one set, no form for two."""

from hypothesis import given
from hypothesis import strategies as st

from engine.series import canonical, group_hash, parse, series_key, text_hash
from tests.strategies import label_sets, texts


def without_empty(labels):
    return {name: value for name, value in labels.items() if value}


@given(texts, label_sets)
def test_a_form_gives_its_labels_back(tenant, labels):
    assert parse(canonical(tenant, labels)) == (tenant, without_empty(labels))


@given(texts, texts, label_sets, label_sets)
def test_two_sets_share_a_form_only_if_they_are_equal(tenant, other, a, b):
    equal = (tenant, without_empty(a)) == (other, without_empty(b))
    assert (canonical(tenant, a) == canonical(other, b)) == equal


@given(texts, label_sets, st.randoms(use_true_random=False))
def test_the_order_of_labels_is_no_matter(tenant, labels, rng):
    shuffled = list(labels.items())
    rng.shuffle(shuffled)
    assert canonical(tenant, dict(shuffled)) == canonical(tenant, labels)


def test_separators_in_values_do_not_forge_labels():
    honest = canonical("t", {"a": "1", "b": "2"})
    assert canonical("t", {"a": "1\x1fb\x1e2"}) != honest
    assert canonical("t\x1fa\x1e1", {"b": "2"}) != honest
    assert canonical("t", {"a": "\x1b1"}) != canonical("t", {"a": "\x1e"})


def test_a_series_key_follows_from_secret_and_labels():
    raw = canonical("t", {"a": "1"})
    assert len(series_key(b"s", raw)) == 16
    assert series_key(b"s", raw) == series_key(b"s", bytes(raw))
    assert series_key(b"s", raw) != series_key(b"other", raw)
    assert series_key(b"s" * 1000, raw) != series_key(b"s", raw)  # longer than a key may be


def test_hashes_do_not_change_from_one_process_to_the_next():
    # Literal: shards and sketches of other processes and of old checkpoints depend on them.
    assert text_hash("") == 0
    assert text_hash("a") == 3405396810240292928
    assert group_hash("default", ["service"], ["web"]) == 9541663836440327783
    assert group_hash("t", ["a"], ["1"]) != group_hash("u", ["a"], ["1"])
