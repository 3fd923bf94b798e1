"""Progress bar of long operations on a data set, such as the extraction."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    """Mean rate since the start; the rate that rich provides covers the last seconds only."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / (task.elapsed or 1):.1f} {self.unit}/s")


def progress_bar(label: str, unit: str, shown: bool = True, stderr: bool = False) -> Progress:
    """Create a progress bar.

    Args:
        label: Name of the operation.
        unit: What is counted, in the plural.
        shown: False to print nothing.
        stderr: Whether to print to stderr, for commands whose stdout is data.

    Returns:
        A bar without a task.
    """
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), _Rate(unit), TimeRemainingColumn())
    return Progress(*columns, disable=not shown, console=Console(stderr=stderr))
