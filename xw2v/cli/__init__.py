"""The command line: it parses and prints, and decides nothing."""

from xw2v.cli.app import main

__all__ = ["main"]
