"""What imports what: the arrows between the rooms point one way."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import xw2v

PACKAGE = Path(xw2v.__file__).parent

# Each room, and the rooms it may import. `xw2v` itself is the names that users import.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "atomic": set(),
    "cores": set(),
    "config": {"errors"},
    "kernel": set(),
    "text": {"atomic", "cores", "errors"},
    "sampling": {"kernel", "text"},
    "backend": {"cores", "kernel", "errors"},
    "training": {"sampling", "kernel", "backend", "text", "vectors", "config", "errors"},
    "vectors": {"atomic", "backend", "errors"},
    "formats": {"atomic", "backend", "vectors", "config", "errors"},
    "projection": {"errors"},
    "plots": {"errors", "projection", "vectors"},
    "pictures": {"atomic", "errors", "plots", "training"},
    "maps": {"atomic", "errors", "projection", "vectors"},
    "demo": set(),
    "checkpoints": {"backend", "config", "errors", "formats", "text", "training"},
    "continuing": {"config", "errors", "formats", "text", "training", "vectors"},
    "model": {
        "backend",
        "checkpoints",
        "config",
        "continuing",
        "errors",
        "formats",
        "kernel",
        "plots",
        "sampling",
        "text",
        "training",
        "vectors",
    },
    "__init__": {"checkpoints", "config", "errors", "formats", "model", "vectors"},
    "__main__": {"cli"},
}
ANYTHING = {"cli"}  # the command line is above all others


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_names(source: str, package: tuple[str, ...]) -> Iterator[str]:
    """Every module that the source of a module in `package` imports, wherever it does so.

    ``from a import b`` counts as ``a`` and ``a.b``: the syntax does not tell modules from names.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            function = ast.unparse(node.func)
            first = node.args[0]
            if function in ("__import__", "import_module", "importlib.import_module"):
                if isinstance(first, ast.JoinedStr):  # known up to the first brace
                    first = first.values[0]
                assert isinstance(first, ast.Constant), f"who knows what {function} imports"
                yield str(first.value).rstrip(".")


def imports_of(path: Path) -> set[str]:
    package = ("xw2v", *path.relative_to(PACKAGE).parent.parts)
    return set(imported_names(path.read_text(encoding="utf-8"), package))


def rooms_imported(path: Path) -> set[str]:
    """The other rooms of xw2v that a module imports."""
    rooms = {room_of(module) for module in modules()}
    found = {name.split(".")[1] for name in imports_of(path) if name.startswith("xw2v.")}
    # A name that is no room is one that the package itself gives.
    found = {name if name in rooms else "__init__" for name in found}
    if "xw2v" in imports_of(path):
        found.add("__init__")
    return found - {room_of(path)}


def test_every_kind_of_import_is_seen() -> None:
    source = """
import a.b, c as d
from e import f
from . import g
from .h import i
from ..j import k
def function():
    import l
    importlib.import_module("m.n")
    import_module(f"r.s.{t}")
if TYPE_CHECKING:
    from o.p import q
"""
    assert set(imported_names(source, ("x", "y"))) == {
        *("a.b", "c", "e", "e.f", "x.y", "x.y.g", "x.y.h", "x.y.h.i", "x.j", "x.j.k"),
        *("l", "m.n", "o.p", "o.p.q", "r.s"),
    }


def test_every_room_is_in_the_table() -> None:
    assert {room_of(path) for path in modules()} == ALLOWED.keys() | ANYTHING


@pytest.mark.parametrize("room", ALLOWED)
def test_arrows_point_one_way(room: str) -> None:
    for path in modules():
        if room_of(path) == room:
            found = rooms_imported(path)
            if room == "__init__":
                found.discard("__init__")
            wrong = found - ALLOWED[room]
            assert not wrong, f"{path.relative_to(PACKAGE.parent)} imports {sorted(wrong)}"


def test_the_table_has_no_circles() -> None:
    left = dict(ALLOWED)
    while left:
        bottom = [room for room, below in left.items() if not below & left.keys()]
        assert bottom, f"a circle among {sorted(left)}"
        for room in bottom:
            del left[room]


def test_nobody_imports_the_command_line() -> None:
    for path in modules():
        if room_of(path) not in ("cli", "__main__"):
            assert "cli" not in rooms_imported(path), path


def test_only_the_backend_imports_cupy() -> None:
    users = {
        room_of(path)
        for path in modules()
        for name in imports_of(path)
        if name.split(".")[0] == "cupy" or name.startswith("array_api_compat.cupy")
    }
    assert users == {"backend"}


def test_no_pickle_anywhere() -> None:
    for path in modules():
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert not roots & {"pickle", "dill", "joblib", "marshal", "shelve"}, path
        assert "allow_pickle=True" not in path.read_text(encoding="utf-8"), path


def test_importing_is_light() -> None:
    """In a process of its own: this one has imported all kinds of things."""
    heavy = ["cupy", "matplotlib", "torch", "tensorflow", "jax", "gensim", "sklearn", "pandas"]
    code = f"import sys, xw2v; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"


def test_the_kernel_can_be_imported_by_itself() -> None:
    code = (
        "import sys, importlib.util as u\n"
        "import types; sys.modules['xw2v'] = package = types.ModuleType('xw2v')\n"
        f"package.__path__ = [{str(PACKAGE)!r}]\n"
        "import xw2v.kernel\n"
        "print(sorted({n.split('.')[1] for n in sys.modules if n.startswith('xw2v.')}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "['kernel']"


def test_public_names_are_sorted_and_there() -> None:
    assert xw2v.__all__ == sorted(xw2v.__all__)
    assert all(hasattr(xw2v, name) for name in xw2v.__all__)


def test_reading_text_does_not_import_pandas(tmp_path: Path) -> None:
    """Which pyarrow does, without need, where it is installed; it takes longer than reading."""
    path = tmp_path / "text"
    path.write_text("a b\n" * 10 + "somewhat longer words\n" * 10)
    code = (
        f"import sys; from xw2v.text import encode_files; encode_files([{str(path)!r}]); "
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "False"
