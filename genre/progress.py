"""Progress of long operations on a data set, such as the extraction: a bar, or lines where there is no terminal."""

from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SECONDS_PER_LINE = 30.0


class _Rate(ProgressColumn):
    """Mean rate since the start; the rate that rich provides covers the last seconds only."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / (task.elapsed or 1):.1f} {self.unit}/s")


class _Lines(Progress):
    """Progress that prints a line every `SECONDS_PER_LINE`; rich draws its bar once, at the end, without a terminal."""

    def __init__(self, label: str, unit: str, *columns: ProgressColumn, console: Console) -> None:
        super().__init__(*columns, console=console)
        self.label, self.unit, self.last_line = label, unit, 0.0

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        (task,) = self.tasks
        seconds = task.elapsed or 0.0
        if task.completed and not task.finished and seconds >= self.last_line + SECONDS_PER_LINE:
            self.last_line = seconds
            left = timedelta(seconds=round(seconds / task.completed * (task.remaining or 0.0)))
            rate = f"{task.completed / seconds:.1f} {self.unit}/s"
            self.console.print(
                f"{self.label}: {task.completed:,.0f} of {task.total:,.0f} {self.unit}, {rate}, {left} left"
            )


def progress_bar(label: str, unit: str, shown: bool = True, stderr: bool = False) -> Progress:
    """Create a progress bar.

    Args:
        label: Name of the operation.
        unit: What is counted, in the plural.
        shown: False to print nothing.
        stderr: Whether to print to stderr, for commands whose stdout is data.

    Returns:
        A bar without a task, for one task. In a log file it is lines.
    """
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), _Rate(unit), TimeRemainingColumn())
    console = Console(stderr=stderr)
    if console.is_terminal or not shown:
        return Progress(*columns, disable=not shown, console=console)
    return _Lines(label, unit, *columns, console=console)
