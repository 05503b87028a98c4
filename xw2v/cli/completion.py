"""`xw2v completion`: what makes a shell complete the command line."""

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands and options.

    \b
    In bash, now or in ~/.bashrc:   eval "$(xw2v completion bash)"
    In zsh, now or in ~/.zshrc:     eval "$(xw2v completion zsh)"
    In fish, now:                   xw2v completion fish | source
    """  # noqa: D301
    complete = get_completion_class(shell)
    if complete is None:  # not with the choices above
        raise click.UsageError(f"no completion for {shell}")
    root = context.find_root()
    name = root.info_name or "xw2v"
    click.echo(complete(root.command, {}, name, f"_{name}_COMPLETE".upper()).source())
