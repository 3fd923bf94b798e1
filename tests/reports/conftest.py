"""The run that is trained for the tests of evaluation."""

from tests.evaluation.conftest import run  # noqa: F401
