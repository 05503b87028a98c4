"""JSON as it stands in files."""

import json
import math
from typing import Any

__all__ = ["json_bytes", "json_value"]


def json_bytes(value: object, indent: int | None = None) -> bytes:
    """Return a value as a JSON file, which ends in a newline.

    Raises
    ------
    TypeError, ValueError
        If it holds what JSON cannot.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
        return (text + "\n").encode()
    except UnicodeEncodeError:
        # A word with half of a surrogate pair in it: JSON can hold it, UTF-8 cannot.
        return (json.dumps(value, indent=indent, allow_nan=False) + "\n").encode()


def json_value(data: bytes) -> Any:
    """Return what JSON says, where it says it beyond doubt.

    Raises
    ------
    ValueError, RecursionError
        If it is no JSON, holds a number that is not finite, or an object has a key twice.
    """
    text = data.decode("utf-8-sig")  # which some editors begin files with
    return json.loads(text, object_pairs_hook=_object, parse_constant=_finite, parse_float=_finite)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise ValueError(f"an object has the key {key!r} twice")
        value[key] = item
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is not finite")
    return number
