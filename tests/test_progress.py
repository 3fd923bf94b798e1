import io

import pytest
from rich.console import Console

from genre.progress import progress_bar


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What rich prints."""
    output = io.StringIO()
    console = Console(file=output, width=100, force_terminal=True)
    monkeypatch.setattr("genre.progress.Console", lambda stderr: console)
    return output


def test_the_bar_counts_units_and_shows_their_rate(terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    with progress_bar("extracting", "clips") as progress:
        clock = iter([0.0] + [4.0] * 100)
        monkeypatch.setattr(progress, "get_time", lambda: next(clock))
        task = progress.add_task("", total=10)
        progress.update(task, completed=10)
    assert "extracting" in terminal.getvalue()
    assert "10/10" in terminal.getvalue()
    assert "2.5 clips/s" in terminal.getvalue()  # 10 clips in 4 s


def test_a_hidden_bar_prints_nothing(terminal: io.StringIO) -> None:
    with progress_bar("extracting", "clips", shown=False) as progress:
        assert list(progress.track(range(3))) == [0, 1, 2]
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("shown", [True, False])
def test_a_log_file_has_a_line_every_half_minute(shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    console = Console(file=output, width=100)
    monkeypatch.setattr("genre.progress.Console", lambda stderr: console)
    now = {"seconds": 0.0}
    with progress_bar("extracting", "clips", shown) as progress:
        monkeypatch.setattr(progress, "get_time", lambda: now["seconds"])
        task = progress.add_task("", total=4000)
        for now["seconds"] in (10.0, 30.0, 50.0, 60.0, 100.0):
            progress.advance(task, 800)
    lines = [line for line in output.getvalue().splitlines() if " of " in line]
    assert (
        lines
        == [
            "extracting: 1,600 of 4,000 clips, 53.3 clips/s, 0:00:45 left",
            "extracting: 3,200 of 4,000 clips, 53.3 clips/s, 0:00:15 left",
        ]
        * shown
    )
