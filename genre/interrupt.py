"""Importing this makes Ctrl-C end the program in one line, also while libraries load."""

import sys
from types import TracebackType

_show = sys.excepthook


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        _show(kind, error, trace)


sys.excepthook = _hook
