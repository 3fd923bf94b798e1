"""Names and arguments of earlier versions."""

import pytest

from genre.config.renamed import ADDED_ARGUMENTS, RENAMED, with_current_names


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_is_translated_in_any_place(old: str) -> None:
    new = RENAMED[old]
    assert with_current_names({"a": [{"_target_": old}], "b._target_": f"{old}.inside", "c": old}) == {
        "a": [ADDED_ARGUMENTS.get(new, {}) | {"_target_": new}],
        "b._target_": f"{new}.inside",
        "c": old,
    }
    assert with_current_names({"_target_": f"{old}s"}) == {"_target_": f"{old}s"}


def test_an_added_argument_has_the_value_of_before_unless_it_is_given():
    net = {"_target_": "genre.models.hybrid.Hybrid", "cnn": "1d"}
    assert with_current_names(net) == {
        "_target_": "genre.models.crnn.CRNN",
        "cnn": "1d",
        "input_norm": False,
        "channels_last": False,
    }
    assert with_current_names(net | {"input_norm": True})["input_norm"] is True
