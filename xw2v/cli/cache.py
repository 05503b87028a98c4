"""`xw2v cache`: the encoded texts that are kept."""

import math
import time
from collections.abc import Sequence

import click

from xw2v.cli.output import compact, count, json_option, print_facts, print_json, print_table
from xw2v.text.cache import CacheEntry, cache_folder, cache_limit, cached_entries, clear_cache

__all__ = ["cache"]

_SECONDS_A_DAY = 86_400
_SOURCES_SHOWN = 3


@click.command()
@click.option("--clear", is_flag=True, help="Remove them; they will be read again when needed.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="With --clear: remove only those that were not used for so many days.",
)
@json_option
def cache(clear: bool, older_than: float | None, as_json: bool) -> None:
    """Show or remove the encoded texts that are kept.

    A text that was read once is kept in the form that training reads, so that it need not be
    read again. XW2V_CACHE_DIR names another folder for that, XW2V_CACHE_LIMIT another limit than
    10GB.
    """
    if older_than is not None and not clear:
        raise click.UsageError("--older-than goes with --clear")
    if older_than is not None and math.isnan(older_than):
        raise click.UsageError("--older-than must be a number of days")
    if clear:
        _clear(older_than, as_json)
    else:
        _show(as_json)


def _clear(days: float | None, as_json: bool) -> None:
    freed = clear_cache(None if days is None else days * _SECONDS_A_DAY)
    left = cached_entries()
    if as_json:
        print_json({"folder": str(cache_folder()), "bytes_freed": freed, "texts_left": len(left)})
        return
    click.echo(f"{compact(freed)}B freed in {cache_folder()}, {count(len(left), 'text')} left")


def _show(as_json: bool) -> None:
    entries = cached_entries()
    total = sum(entry.bytes for entry in entries)
    folder, limit = str(cache_folder()), cache_limit()
    if as_json:
        texts = [
            {
                "key": entry.key,
                "path": str(entry.path),
                "bytes": entry.bytes,
                "words": entry.words,
                "sources": entry.sources,
                "last_used": _date(entry.last_used, "%Y-%m-%dT%H:%M:%S%z"),
            }
            for entry in entries
        ]
        print_json({"folder": folder, "bytes": total, "limit": limit, "texts": texts})
        return
    print_facts(
        {
            "folder": folder,
            "texts": f"{len(entries):,}",
            "size": f"{compact(total)}B of at most {compact(limit)}B",
        }
    )
    if entries:
        click.echo()
        print_table(["last used", ">words", ">size", "text"], map(_row, entries))


def _row(entry: CacheEntry) -> Sequence[str]:
    return (
        _date(entry.last_used, "%Y-%m-%d %H:%M"),
        "-" if entry.words is None else compact(entry.words),
        f"{compact(entry.bytes)}B",
        _text(entry),
    )


def _text(entry: CacheEntry) -> str:
    if entry.words is None:
        return "(damaged: will be read again)"
    shown = ", ".join(entry.sources[:_SOURCES_SHOWN]) or "-"
    more = len(entry.sources) - _SOURCES_SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


def _date(seconds: float, form: str) -> str:
    return time.strftime(form, time.localtime(seconds))
