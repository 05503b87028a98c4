"""Whatever is in a file of vectors, reading it gives vectors or a ModelFileError."""

from pathlib import Path

import numpy as np
import pytest

from tests.targets import VECTORS, Target, check_refusals


@pytest.mark.parametrize("name", VECTORS)
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    check_refusals(VECTORS[name], tmp_path, examples=50, memory=2**24)


@pytest.mark.parametrize("error", [ValueError, MemoryError, AssertionError])
def test_what_a_reader_does_wrong_is_found(error: type[Exception], tmp_path: Path) -> None:
    def read(path: Path) -> None:
        if b"a" not in path.read_bytes():
            if error is not AssertionError:
                raise error
            np.zeros(2**22)

    target = Target(lambda path: path.write_bytes(b"a"), read)
    with pytest.raises(error):
        check_refusals(target, tmp_path, examples=20, memory=2**24)
