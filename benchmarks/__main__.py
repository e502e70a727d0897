"""`python -m benchmarks [NAME] [options]`: finds the benchmarks and runs one, or all of them.

A benchmark is a file beside this one with `add_arguments(parser)` and `run(arguments)`, which
yields its results; each is printed as one line of JSON, and progress goes to standard error.
"""

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import benchmarks
from benchmarks.rig.progress import tell
from shared.lifecycle import guard


def discover() -> dict[str, ModuleType]:
    """Return the benchmarks by name."""
    names = (m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.ispkg)
    return {
        name: importlib.import_module(f"benchmarks.{name}") for name in names if name != "__main__"
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments name and return the exit status. Blocks."""
    found = discover()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        return guard(lambda: _run_each(found, given))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    each = parser.add_subparsers(dest="name", metavar="NAME", required=True)
    for name, module in found.items():
        summary = (module.__doc__ or "").splitlines()[0]
        module.add_arguments(each.add_parser(name, help=summary, description=module.__doc__))
    options = parser.parse_args(given)
    return guard(lambda: _print_all(found[options.name].run(options)))


def _run_each(found: Mapping[str, ModuleType], given: Sequence[str]) -> None:
    """Run every benchmark with the options that it knows."""
    for name, module in found.items():
        parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}")
        module.add_arguments(parser)
        tell(name)
        _print_all(module.run(parser.parse_args(given)))


def _print_all(results: Iterator[Mapping[str, Any]]) -> None:
    for result in results:
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    sys.exit(main())
