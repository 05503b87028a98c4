"""JSON as it stands in files."""

import json

__all__ = ["json_bytes"]


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
