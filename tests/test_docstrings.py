"""Docstrings of all that is public: numpydoc's checks, and what they should be held to besides."""

import ast
import builtins
import dataclasses
import enum
import functools
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

import click
import pytest

import xw2v

pytest.importorskip("numpydoc")
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

# What numpydoc checks and is not asked for here, and why.
IGNORED = {
    "ES01": "one line is enough for what one line explains",
    "SA01": "names are in backticks where they are spoken of",
    "EX01": "the README has the examples; tests/test_readme.py runs them",
    "PR01": "see test_parameters: one line may speak of few parameters, and of all or none",
    "PR04": "types are in the signature, where mypy checks them; see test_parameters",
    "PR06": "arrays of any integer dtype are meant by integer, not Python's int",
    "PR07": "see test_parameters: name and type may say all",
    "RT01": "see test_results: the summary says Return",
    "RT03": "the summary says what is returned; the type stands below",
    "YD01": "see test_results: the summary says Yield",
}
# What a summary begins with that says what is returned.
RESULT = ("Return", "Yield", "Load", "Read", "Parse", "Make", "Build", "Choose")
# Without a section about them a docstring may have so many parameters.
FEW = 3


@functools.cache
def parsed(text: str) -> Any:
    return NumpyDocString(text)


class Documented(NamedTuple):
    """A public name and its docstring."""

    name: str
    object: Any
    owner: type | None = None

    @property
    def function(self) -> Callable[..., Any] | None:
        """The function itself, of a method; that of the constructor, of a class."""
        found = self.object
        if isinstance(found, (classmethod, staticmethod)):
            found = found.__func__
        return None if isinstance(found, (property, functools.cached_property)) else found

    @property
    def text(self) -> str:
        return inspect.cleandoc(self.object.__doc__ or "")

    @property
    def sections(self) -> Any:
        return parsed(self.text)

    @property
    def parameters(self) -> list[str]:
        """Those that users give."""
        if self.function is None or is_protocol(self.object) or is_enum(self.object):
            return []
        if is_exception(self.object) and not inspect.isfunction(self.object.__init__):
            return []  # a message, as all exceptions take
        given = [
            parameter
            for parameter in inspect.signature(self.function).parameters.values()
            if parameter.name not in ("self", "cls")
        ]
        stars: dict[Any, str] = {
            inspect.Parameter.VAR_POSITIONAL: "*",
            inspect.Parameter.VAR_KEYWORD: "**",
        }
        return [f"{stars.get(parameter.kind, '')}{parameter.name}" for parameter in given]

    @property
    def described(self) -> set[str]:
        """What is described, of a class in its bases, too."""
        lines = self.object.__mro__ if inspect.isclass(self.object) else [self.object]
        return {
            name.strip()
            for line in lines
            for section in ("Parameters", "Other Parameters", "Attributes")
            for entry in parsed(inspect.cleandoc(line.__doc__ or ""))[section]
            for name in entry.name.split(",")
        }

    @property
    def is_inherited(self) -> bool:
        """Whether a base class has the method, or a protocol, and says what it is given."""
        method = self.name.rpartition(".")[2]
        bases = () if self.owner is None else self.owner.__mro__[1:]
        return any(method in vars(base) for base in bases) or any(
            other.owner is not self.owner
            and is_protocol(other.owner)
            and other.name.endswith(f".{method}")
            and other.parameters == self.parameters
            for other in OBJECTS
        )

    @property
    def is_made_by_users(self) -> bool:
        """Whether it is a class whose parameters matter; others speak of attributes alone."""
        kind = self.object
        if not inspect.isclass(kind) or dataclasses.is_dataclass(kind) or issubclass(kind, tuple):
            return True
        sections = self.sections
        return bool(sections["Parameters"]) or not sections["Attributes"]


def is_protocol(kind: Any) -> bool:
    return getattr(kind, "_is_protocol", False)


def is_enum(kind: Any) -> bool:
    return isinstance(kind, enum.EnumMeta)


def is_exception(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


def public_modules() -> Iterator[str]:
    yield "xw2v"
    for module in pkgutil.walk_packages(xw2v.__path__, "xw2v."):
        if not module.name.endswith("__main__"):
            yield module.name


def public_objects() -> list[Documented]:
    """Return the functions and classes that modules name as theirs, and the methods of those."""
    found: dict[str, Documented] = {}
    for module in map(importlib.import_module, public_modules()):
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if isinstance(thing, click.Command) or not (
                inspect.isclass(thing) or inspect.isfunction(thing)
            ):
                continue
            full = f"{thing.__module__}.{thing.__qualname__}"
            found[full] = Documented(full, thing)
            if inspect.isclass(thing):
                for method in public_methods(thing):
                    found[f"{full}.{method}"] = Documented(
                        f"{full}.{method}", vars(thing)[method], thing
                    )
    return [found[name] for name in sorted(found) if name.startswith("xw2v.")]


def public_methods(kind: type) -> list[str]:
    kinds = (property, functools.cached_property, classmethod, staticmethod)
    return [
        name
        for name, member in vars(kind).items()
        if not name.startswith("_")
        and (
            isinstance(member, kinds)
            # (The default of a field may be a function from elsewhere.)
            or (inspect.isfunction(member) and member.__qualname__ == f"{kind.__qualname__}.{name}")
        )
    ]


OBJECTS = public_objects()
MODULES = sorted({one.object.__module__ for one in OBJECTS if one.owner is None})


def objects_of(module: str) -> list[Documented]:
    return [one for one in OBJECTS if (one.owner or one.object).__module__ == module]


each_module = pytest.mark.parametrize("module", MODULES)


def test_everything_is_found() -> None:
    names = {one.name for one in OBJECTS}
    assert {
        "xw2v.model.Word2Vec",
        "xw2v.model.Word2Vec.load",
        "xw2v.vectors.word_vectors.WordVectors.norms",
        "xw2v.kernel.step.train_step",
    } <= names
    assert "xw2v.model.Word2Vec._settle" not in names


@each_module
def test_numpydoc(module: str) -> None:
    problems = [
        f"{one.name}: {code} {message}"
        for one in objects_of(module)
        for code, message in validate(one.name)["errors"]
        if code not in IGNORED
    ]
    assert not problems, "\n".join(problems)


@each_module
def test_parameters(module: str) -> None:
    """All or none are described, and none only where they are few; with a type or in words."""
    problems = []
    for one in objects_of(module):
        sections = one.sections
        entries = [*sections["Parameters"], *sections["Other Parameters"]]
        if any(not (entry.type or entry.desc) for entry in entries):
            problems.append(f"{one.name}: a parameter with neither type nor words")
        described = one.described
        missing = [name for name in one.parameters if name not in described]
        is_few = not described and (len(missing) <= FEW or one.is_inherited)
        if missing and one.is_made_by_users and not is_few:
            problems.append(f"{one.name} does not describe {missing}")
    assert not problems, "\n".join(problems)


@each_module
def test_results(module: str) -> None:
    """What is returned stands in the summary or in a section of its own."""
    problems = []
    for one in objects_of(module):
        function = one.function
        if not inspect.isfunction(function) or one.is_inherited:
            continue
        is_context = hasattr(function, "__wrapped__") and inspect.isgeneratorfunction(
            inspect.unwrap(function)
        )
        returned = inspect.signature(function).return_annotation
        sections = one.sections
        if is_context or returned in (None, NoReturn) or sections["Returns"] or sections["Yields"]:
            continue
        if not " ".join(sections["Summary"]).startswith(RESULT):
            problems.append(f"{one.name} does not say what it returns")
    assert not problems, "\n".join(problems)


@each_module
def test_exceptions(module: str) -> None:
    """Sections name exceptions that there are and say when; what is raised is named."""
    problems = []
    for one in objects_of(module):
        for entry in one.sections["Raises"]:
            named = entry.type or entry.name
            if not all(is_exception(exception(name)) for name in named.split(", ")):
                problems.append(f"{one.name}: what is {named}?")
            if not entry.desc:
                problems.append(f"{one.name}: when is {named} raised?")
        if missing := [name for name in raised(one) if not is_named(name, one.text)]:
            problems.append(f"{one.name} raises {missing} and does not say so")
    assert not problems, "\n".join(problems)


def exception(name: str) -> Any:
    """Return what is called so, wherever it is from."""
    if "." in name:
        return pkgutil.resolve_name(name)
    ours = [one.object for one in OBJECTS if one.name.endswith(f".{name}")]
    return getattr(builtins, name, *(ours[:1] or [None]))


def is_named(name: str, text: str) -> bool:
    """Return whether an exception is in a text, or what it is a kind of."""
    kinds = getattr(exception(name), "__mro__", [])
    return name in text or any(
        kind.__name__ in text for kind in kinds if kind not in (Exception, BaseException, object)
    )


def raised(one: Documented) -> list[str]:
    """Return the exceptions that a function itself raises, or those that make a class's objects."""
    if one.function is None or is_protocol(one.object):
        return []
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(one.function))).body
    bodies: list[ast.AST] = [tree]
    if isinstance(tree, ast.ClassDef):
        made_by = ("__init__", "__post_init__", "__new__")
        bodies = [
            part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name in made_by
        ]
    return sorted(
        {
            node.exc.func.id
            for body in bodies
            for node in ast.walk(body)
            if isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call)
            and isinstance(node.exc.func, ast.Name)
            and node.exc.func.id[0].isupper()  # and no function that makes exceptions
        }
    )
