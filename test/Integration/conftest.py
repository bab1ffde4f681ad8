"""Fixtures of the integration tests, and the report of margins."""

from __future__ import annotations

import pytest

import harness

_margins: dict[str, float] = {}


@pytest.fixture(scope="session")
def compiler(tmp_path_factory) -> harness.Compiler:
    return harness.Compiler(tmp_path_factory.mktemp("compiled"))


@pytest.fixture
def margin():
    """Call with (name, error / tolerance): fails above 1 and records the largest for the report."""

    def check(name: str, ratio: float) -> None:
        _margins[name] = max(_margins.get(name, 0.0), float(ratio))
        assert ratio <= 1, f"{name}: {ratio:.3g} of the tolerance"

    return check


def pytest_terminal_summary(terminalreporter):
    if _margins:
        terminalreporter.section("largest error as a part of its tolerance")
        for name, ratio in sorted(_margins.items()):
            terminalreporter.line(f"{name:<40} {ratio:.3f}")
