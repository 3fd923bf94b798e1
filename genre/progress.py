"""Progress bar of the extraction and of other long work on a collection."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    """Units per second since the start; rich's own speed only looks at the last moments."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / (task.elapsed or 1):.1f} {self.unit}/s")


def progress_bar(what: str, unit: str, shown: bool = True) -> Progress:
    """Make a progress bar.

    Args:
        what: What is done.
        unit: What it counts, in the plural.
        shown: False for work that takes no time.

    Returns:
        A bar without a task.
    """
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), _Rate(unit), TimeRemainingColumn())
    return Progress(*columns, disable=not shown)
