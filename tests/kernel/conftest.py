"""No kernel function may have a shape that depends on data."""

import pytest


@pytest.fixture(autouse=True)
def _fixed_shapes(fixed_shapes: None) -> None:
    """For every test in this folder."""
