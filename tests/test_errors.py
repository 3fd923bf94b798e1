"""The message about an unknown key."""

from genre.errors import unknown_key


def test_the_most_similar_key_is_proposed() -> None:
    known = ["batch_size", "clip_seconds", "clip_start"]
    assert unknown_key("data.batchsize", known) == (
        "data.batchsize is not a key of the configuration: did you mean batch_size?"
    )
    assert unknown_key("clip_secnds", known, "not an argument of f") == (
        "clip_secnds is not an argument of f: did you mean clip_seconds?"
    )


def test_nothing_is_proposed_where_nothing_is_similar() -> None:
    assert unknown_key("data.zzz", ["batch_size"]) == "data.zzz is not a key of the configuration"
    assert unknown_key("zzz", []) == "zzz is not a key of the configuration"
