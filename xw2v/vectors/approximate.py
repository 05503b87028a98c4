"""An index that finds most of the nearest words without looking at all of them.

Its file is a line, ``xw2v index 1``, the SHA-256 sum of what follows, 32 bytes, and the index in
Voyager's format. Voyager may crash on files that are damaged, so it is never given any.
"""

import hashlib
import io
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xw2v.atomic import replacing_file
from xw2v.errors import ConfigError, ModelFileError
from xw2v.vectors.arrays import Array, to_numpy, unit_rows

if TYPE_CHECKING:
    from xw2v.vectors.word_vectors import WordVectors

__all__ = ["ApproximateIndex"]

_FIRST_LINE = b"xw2v index 1\n"
_ROWS_AT_ONCE = 65_536
# Vectors that are compared to tell whether an index was made of these; and how well they agree,
# as an index keeps unit vectors that it scaled itself.
_ROWS_COMPARED = 256
_TOLERANCE = 1e-4


class ApproximateIndex:
    """An index for ``most_similar(..., indexer=index)``: HNSW, by Voyager (``xw2v[ann]``).

    It answers in about half a millisecond where an exact search of 400,000 words takes tens,
    but takes minutes to be built, and misses some neighbors (Malkov and Yashunin 2018, "Efficient
    and robust approximate nearest neighbor search using Hierarchical Navigable Small World
    graphs"). Most queries are served better by the exact search, and thousands at a time by
    `WordVectors.most_similar_batch`.

    Parameters
    ----------
    word_vectors : WordVectors
    M : int
        Links of each vector: more find more neighbors, and take more memory.
    ef_construction : int
        Candidates looked at for the links of a vector: more find more neighbors, and take more
        time to build.
    ef : int
        Candidates looked at by a query; it may be set later, and at least as many as the neighbors
        asked for are looked at anyway.
    seed : int
        Of the random choices in building.
    workers : int or None
        Threads to build with; None takes all cores. With more than one, the index, and so which
        neighbors are missed, depends on chance.

    Raises
    ------
    ConfigError
        If Voyager is not installed or an argument cannot work.

    Notes
    -----
    It has the method that gensim asks of an indexer, so it serves gensim's ``most_similar`` too.
    """

    def __init__(
        self,
        word_vectors: "WordVectors",
        *,
        M: int = 16,
        ef_construction: int = 200,
        ef: int = 100,
        seed: int = 1,
        workers: int | None = None,
    ) -> None:
        _check_positive(M=M, ef_construction=ef_construction, ef=ef)
        if workers is not None:
            _check_positive(workers=workers)
        if not len(word_vectors):
            raise ConfigError("an index needs at least one word")
        voyager = _voyager()
        index = voyager.Index(
            voyager.Space.Cosine,
            num_dimensions=word_vectors.vector_size,
            M=M,
            ef_construction=ef_construction,
            random_seed=seed,
            max_elements=len(word_vectors),
        )
        for start, rows in _unit_blocks(word_vectors.vectors):
            ids = np.arange(start, start + len(rows))
            index.add_items(rows, ids, num_threads=-1 if workers is None else workers)
        self._index = index
        self._words = word_vectors.index_to_key
        self.ef = ef

    def __repr__(self) -> str:
        return f"<ApproximateIndex: {len(self._words)} words>"

    def most_similar(self, vector: Array, num_neighbors: int) -> list[tuple[str, float]]:
        """Return the words whose vectors point most nearly where `vector` does.

        Parameters
        ----------
        vector : array, shape (D,)
        num_neighbors : int

        Returns
        -------
        list of (str, float)
            Words and cosines, best first; not more than there are words.

        Raises
        ------
        ConfigError
            If the vector has another shape, or an entry that is not finite.
        """
        _check_positive(num_neighbors=num_neighbors)
        query = np.asarray(to_numpy(vector), np.float32)
        if query.shape != (self._index.num_dimensions,) or not np.isfinite(query).all():
            raise ConfigError(
                f"a query vector must have {self._index.num_dimensions} finite entries"
            )
        count = min(num_neighbors, len(self._words))
        rows, distances = self._index.query(query, k=count, query_ef=max(self.ef, count))
        return [
            (self._words[row], 1 - float(distance))
            for row, distance in zip(rows.tolist(), distances.tolist(), strict=True)
        ]

    def save(self, path: str | PathLike[str]) -> None:
        """Write the index to a file; the words are not in it, so keep the vectors, too.

        Raises
        ------
        ModelFileError
            If the file cannot be written.
        """
        data = self._index.as_bytes()
        try:
            with replacing_file(Path(path)) as file:
                file.write(_FIRST_LINE + hashlib.sha256(data).digest())
                file.write(data)
        except OSError as error:
            raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error

    @classmethod
    def load(
        cls, path: str | PathLike[str], word_vectors: "WordVectors", *, ef: int = 100
    ) -> "ApproximateIndex":
        """Read an index that `save` wrote.

        Load what you wrote yourself, or what comes from somebody you trust: the sum in the file
        tells of damage, not of intent.

        Parameters
        ----------
        path : path
        word_vectors : WordVectors
            Those that the index was made of.
        ef : int
            As for building.

        Raises
        ------
        ModelFileError
            If there is no such file, it is damaged or no index, or is one of other vectors.
        ConfigError
            If Voyager is not installed.
        """
        _check_positive(ef=ef)
        voyager = _voyager()
        path = Path(path)
        try:
            index = voyager.Index.load(io.BytesIO(_read(path)))
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(f"cannot read {path}: {error}") from error
        if not _is_of(index, voyager.Space.Cosine, word_vectors):
            raise ModelFileError(
                f"{path} is an index of other vectors than these {len(word_vectors)}: make it anew"
            )
        self = cls.__new__(cls)
        self._index = index
        self._words = word_vectors.index_to_key
        self.ef = ef
        return self


def _voyager() -> Any:
    try:
        import voyager  # noqa: PLC0415  (optional)
    except ImportError as error:
        raise ConfigError(
            'an ApproximateIndex needs Voyager, which is not installed: pip install "xw2v[ann]"'
        ) from error
    return voyager


def _unit_blocks(vectors: Array) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Yield the unit vectors in blocks, each with the row that it begins at."""
    for start in range(0, vectors.shape[0], _ROWS_AT_ONCE):
        rows = unit_rows(vectors[start : min(start + _ROWS_AT_ONCE, vectors.shape[0]), :])
        yield start, np.ascontiguousarray(to_numpy(rows), np.float32)


def _is_of(index: Any, space: Any, word_vectors: "WordVectors") -> bool:
    """Say whether an index is one of these vectors, going by some of them."""
    count = len(word_vectors)
    if (index.space, index.num_dimensions, index.num_elements) != (
        space,
        word_vectors.vector_size,
        count,
    ):
        return False
    rows = np.unique(np.linspace(0, count - 1, min(count, _ROWS_COMPARED)).astype(np.int64))
    try:
        kept = np.stack([index.get_vector(int(row)) for row in rows])
    except (RuntimeError, IndexError, ValueError):
        return False
    words = [word_vectors.index_to_key[row] for row in rows]
    due = unit_rows(to_numpy(word_vectors[words]))
    return bool(np.allclose(kept, due, atol=_TOLERANCE))


def _check_positive(**values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{name} must be a whole number of at least 1, not {value!r}")


def _read(path: Path) -> bytes:
    """Return the index in a file, once it is what was written."""
    try:
        if not path.is_file():  # opening a pipe would wait
            raise ModelFileError(f"cannot read {path}: no such file")
        with path.open("rb") as file:
            if file.read(len(_FIRST_LINE)) != _FIRST_LINE:
                raise ModelFileError(f"{path} is no index that this version of xw2v knows")
            digest = file.read(hashlib.sha256().digest_size)
            data = file.read()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    if hashlib.sha256(data).digest() != digest:
        raise ModelFileError(f"{path} is damaged: its SHA-256 is not the one written in it")
    return data
