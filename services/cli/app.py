"""Puts the commands together: a file in `commands` is a command, and says all there is about it."""

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperGroup

from services.cli import commands

_HELP = """Live economic and market data, point in time.

\b
Begin with
  econstream demo            the whole pipeline on recorded data, offline
  econstream up              every service in one process, nothing else needed
  econstream query "SELECT * FROM fred_data LIMIT 10"

Settings come from the environment and from .env; .env.example lists them all. Exit status:
0 done, 1 the work failed, 2 wrong usage, 78 wrong configuration.
"""


def application() -> typer.Typer:
    """Return the command line with all its commands; imports no service and reads no setting."""
    app = typer.Typer(
        name="econstream",
        cls=_InOrder,
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_root)
    for found in pkgutil.iter_modules(commands.__path__):
        _add(app, importlib.import_module(f"{commands.__name__}.{found.name}"))
    return app


class _InOrder(TyperGroup):
    """Lists commands and groups of commands together, in order of name."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx))


def _root() -> None:
    pass


def _add(app: typer.Typer, module: ModuleType) -> None:
    """Add a module's command: its function of the module's name, or its group of subcommands."""
    name = module.__name__.rpartition(".")[2]
    spoken = name.replace("_", "-")
    group = getattr(module, "group", None)
    if group is not None:
        app.add_typer(group, name=spoken, help=inspect.getdoc(module))
        return
    command = getattr(module, name)
    app.command(name=spoken, help=inspect.getdoc(command), short_help=inspect.getdoc(module))(
        command
    )
