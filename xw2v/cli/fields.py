"""Options of the command line made of the fields of a dataclass: their types and defaults there."""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click
from click.core import ParameterSource

from xw2v.errors import ConfigError

__all__ = ["FieldOptions", "GroupedCommand", "GroupedOption", "output_file", "output_option"]

F = TypeVar("F", bound=Callable[..., Any])


class GroupedOption(click.Option):
    """An option with the heading that it stands under in the help.

    Parameters
    ----------
    *args
        Those of `click.Option`.
    group : str
        The heading.
    **kwargs
        Those of `click.Option`.
    """

    def __init__(self, *args: Any, group: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


output_option = partial(click.option, cls=GroupedOption, group="Output")
output_file = partial(
    output_option, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE"
)


class GroupedCommand(click.Command):
    """A command whose help lists the options under their headings.

    Parameters
    ----------
    *args, **kwargs
        Those of `click.Command`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # As of the whole program, should the command be used by itself.
        self.context_settings.setdefault("help_option_names", ["-h", "--help"])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each heading, in the order of the options."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        groups: dict[str, list[tuple[str, str]]] = {}
        for option in options:
            record = option.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(option, "group", "Other"), []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)


@dataclasses.dataclass(frozen=True)
class FieldOptions:
    """The options for the fields of a dataclass.

    Attributes
    ----------
    kind : type
        The dataclass.
    help : mapping
        For each heading, the options under it and what their help says.
    none_means : mapping
        What None stands for, of the fields whose default it is.
    flags : mapping
        Options that are not called what their field is.
    switches_off : collection of str
        Of these, those that switch off what is on by default.
    settings : mapping
        What click needs to know of options, where the type of the field does not tell, or which
        are no field.
    aliases : mapping
        What messages call options apart from the names of the fields.
    """

    kind: type
    help: Mapping[str, Mapping[str, str]]
    none_means: Mapping[str, str]
    flags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    switches_off: frozenset[str] = frozenset()
    settings: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def options(self, *names: str) -> Callable[[F], F]:
        """Return what gives a command an option for each field, or only for those named."""

        def decorate(function: F) -> F:
            for group, fields in reversed(list(self.help.items())):
                for name, text in reversed(list(fields.items())):
                    if not names or name in names:
                        function = self._option(group, name, text)(function)
            return function

        return decorate

    def typed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the running command's values that were typed, and are options here."""
        context = click.get_current_context()
        ours = {name for fields in self.help.values() for name in fields}
        return {
            name: value
            for name, value in values.items()
            if name in ours and context.get_parameter_source(name) is not ParameterSource.DEFAULT
        }

    @contextmanager
    def named(self) -> Iterator[None]:
        """Have a ConfigError call the options what the user typed, not what Python does."""
        try:
            yield
        except ConfigError as error:
            names = [name for fields in self.help.values() for name in fields]
            certain = "|".join([*self.aliases, *(name for name in names if "_" in name)])
            # The others are words as well: names where what they must be, or their value, follows.
            words = "|".join(name for name in names if "_" not in name)
            pattern = rf"\b(?:{certain})\b|\b(?:{words})(?= must\b| holds\b| \(| '|=)"
            message = re.sub(pattern, lambda match: self.flag(match[0]), str(error))
            raise ConfigError(message) from error

    def flag(self, name: str) -> str:
        """Return how an option is typed."""
        return self.aliases.get(name) or self.flags.get(name) or f"--{name.replace('_', '-')}"

    def _option(self, group: str, name: str, text: str) -> Callable[[F], F]:
        settings = {**self._type_and_default(name), **self.settings.get(name, {})}
        return click.option(
            self.flag(name), name, cls=GroupedOption, group=group, help=text, **settings
        )

    def _type_and_default(self, name: str) -> dict[str, Any]:
        """Return what click needs to know about the option of a field."""
        fields = {field.name: field for field in dataclasses.fields(self.kind)}
        if name not in fields:
            return {}
        default, hint = fields[name].default, get_type_hints(self.kind)[name]
        settings: dict[str, Any] = {"default": default, "show_default": True}
        if name in self.switches_off:
            settings |= {"type": bool, "is_flag": True, "flag_value": False, "show_default": False}
        elif hint is bool:
            settings["is_flag"] = True
        elif get_origin(hint) is tuple:
            settings |= {"type": get_args(hint)[0], "multiple": True, "metavar": "WORD"}
        else:
            settings["type"] = _parameter_type(hint)
            if default is None and name in self.none_means:
                settings["show_default"] = self.none_means[name]
        return settings


def _parameter_type(hint: Any) -> Any:
    """Return click's type for the type of a field: X and X or None are the same to it."""
    if get_origin(hint) is Literal:
        return click.Choice(get_args(hint))
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return _parameter_type(kinds[0]) if kinds else hint
