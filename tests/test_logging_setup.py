import logging
import warnings
from pathlib import Path

import pytest

from genre.errors import GenreError
from genre.logging_setup import configure_logging, log_to_file

log = logging.getLogger("genre.some.module")


def test_lines_before_and_after_the_file_is_opened_are_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging()
    log.info("before")
    log_to_file(tmp_path / "train.log")
    log.warning("after")
    assert capsys.readouterr().out == "before\nafter\n"
    lines = (tmp_path / "train.log").read_text().splitlines()
    assert [line.split()[-2:] for line in lines] == [["INFO", "before"], ["WARNING", "after"]]


def test_a_level_hides_lines_from_the_screen_and_not_from_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(logging.WARNING)
    log_to_file(tmp_path / "train.log")
    log.info("detail")
    log.warning("important")
    assert capsys.readouterr().out == "important\n"
    assert len((tmp_path / "train.log").read_text().splitlines()) == 2


def test_each_run_of_a_process_has_its_own_file(tmp_path: Path) -> None:
    for name in ("first", "second"):
        configure_logging()
        log.info(name)
        log_to_file(tmp_path / name)
    assert all((tmp_path / name).read_text().endswith(f" INFO {name}\n") for name in ("first", "second"))


def test_the_file_is_written_without_a_set_up_too(tmp_path: Path) -> None:
    logging.getLogger("genre").setLevel(logging.INFO)
    log_to_file(tmp_path / "train.log")
    log.info("line")
    assert (tmp_path / "train.log").read_text().endswith(" INFO line\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "train.log").symlink_to("/dev/full")
    configure_logging()
    log_to_file(tmp_path / "train.log")
    with pytest.raises(GenreError, match=f"the disk of {tmp_path} is full"):
        log.info("line")


def test_known_warnings_are_silent_and_others_are_not() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        configure_logging()
        warnings.warn("The 'val_dataloader' does not have many workers", stacklevel=1)
        warnings.warn("something new", stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["something new"]
