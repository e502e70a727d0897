"""The package of ADDING_A_SOURCE.md: built from the text, installed, and its rows served."""

import io
import json
import os
import re
import subprocess
import sysconfig
import threading
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from shared.embedded import find_binary
from shared.errors import ConfigError
from tests.command_line import ROOT, Shell, get, one_line

try:
    find_binary()
except ConfigError as exc:
    pytest.skip(str(exc), allow_module_level=True)

GUIDE = (ROOT / "docs/ADDING_A_SOURCE.md").read_text()
FILE = re.compile(r"`([\w/]+\.(?:toml|py))`:\n\n```(?:toml|python)\n(.*?)^```", re.M | re.S)
COMMANDS = re.compile(r"^```bash\n(.*?)^```", re.M | re.S)
MARKETS = {"DE": "date,price\n2026-01-01,71.25\n2026-01-02,\n", "FR": "date,price\n2026-01-01,60\n"}
LATER = "date,price\n2026-01-01,55.5\n"
STORED = [
    {"market": "DE", "date": "2026-01-01", "price": 71.25},
    {"market": "DE", "date": "2026-01-02", "price": None},
    {"market": "FR", "date": "2026-01-01", "price": 60.0},
]
FIELDS = "market, date, price"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the CSV of each market, as the guide describes it."""
    folder = tmp_path_factory.mktemp("upstream")
    (folder / "power").mkdir()
    for market, text in MARKETS.items():
        (folder / f"power/{market}.csv").write_text(text)
    (folder / "power/NL.csv").write_text(LATER)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def write_package(folder: Path, upstream: str = "127.0.0.1:1") -> Path:
    """Write the guide's files, its host replaced by one of this machine's own."""
    for name, text in FILE.findall(GUIDE):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        local = text.replace("https://data.example.org", f"http://{upstream}")
        path.write_text(local.replace('"data.example.org"', '"127.0.0.1"'))
    return folder


def fresh_environment(folder: Path) -> str:
    """Make an environment that sees econstream's dependencies, and nothing is installed in it."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    [packages] = folder.glob("lib/python*/site-packages")
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    added = "".join(f"import site; site.addsitedir({path!r})\n" for path in sorted(libraries))
    (packages / "econstream_dependencies.pth").write_text(added)
    return str(python)


def install(python: str, package: Path) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", str(package)]
    done = subprocess.run(
        [*command, *offline], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, upstream: str) -> Shell:
    """A folder to run commands in, with an environment that the guide's package is installed in."""
    python = fresh_environment(tmp_path_factory.mktemp("environment"))
    install(python, write_package(tmp_path_factory.mktemp("package"), upstream))
    local = {"FETCH_LOCAL_HOSTS": "127.0.0.1", "FETCH_SOURCES": "power"}
    return Shell(tmp_path_factory.mktemp("plugin"), local, python)


def test_the_reader_writes_less_than_sixty_lines() -> None:
    files = dict(FILE.findall(GUIDE))
    assert list(files) == [
        "pyproject.toml",
        "econstream_power/dataset.py",
        "econstream_power/source.py",
    ]
    assert sum(len(text.splitlines()) for text in files.values()) < 60


def test_its_rows_come_out_of_the_api_and_all_else_is_derived(shell: Shell) -> None:
    with serving(shell) as url:
        printed = [run_block(shell, block, url) for block in COMMANDS.findall(GUIDE)[:-1]]
        assert "Day-ahead prices of electricity" in printed[0]
        assert 'CREATE TABLE IF NOT EXISTS "power_prices"' in printed[0]
        assert "power: DE added" in printed[1]
        shell.await_rows([{"n": 3}], "SELECT count(*) AS n FROM power_prices")
        last = run_block(shell, COMMANDS.findall(GUIDE)[-1], url)
        assert "DE,2026-01-01,71.25," in last
        assert '"source":"power"' in last.replace(" ", "")

        assert shell.rows(f"SELECT {FIELDS} FROM power_prices ORDER BY market, date")[:3] == STORED
        page = json.loads(get(f"{url}/v1/data/power_prices?market=DE,FR&fields=market,date,price"))
        assert page["data"] == STORED
        table = pd.read_csv(io.StringIO(get(f"{url}/v1/data/power_prices?format=csv")))
        assert table["price"].tolist()[::2] == [71.25, 60.0]
        described = json.loads(get(f"{url}/v1/datasets/power_prices"))
        assert described["fields"][2]["unit"] == "EUR/MWh"
        shell.await_rows([{"n": 4}], "SELECT count(*) AS n FROM power_prices")
        assert shell.run("schema", "check").returncode == 0
        assert "nothing to do" in shell.run("schema", "apply").stdout
        assert "unchanged" in shell.run("fetch", "power", "--once").stdout
        assert shell.run("watch", "add", "power", "NL").returncode == 0
        shell.await_rows([{"price": 55.5}], "SELECT price FROM power_prices WHERE market = 'NL'")


@contextmanager
def serving(shell: Shell) -> Iterator[str]:
    """Run `up` and give the address of its API."""
    with shell.up(FETCH_SOURCES="power") as up:
        url = shell.await_announced(up).api_url
        assert url
        yield url
        assert up.end() == 0, up.said


def run_block(shell: Shell, block: str, url: str) -> str:
    """Run a block of the guide as it stands, but for the address; return what it printed."""
    bin_ = shell.folder / "bin"
    bin_.mkdir(exist_ok=True)
    program = bin_ / "econstream"
    program.write_text(f'#!/bin/sh\nexec "{shell.python}" -m services.cli "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.replace("http://localhost:8000", url)],
        cwd=shell.folder,
        env={
            "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": os.environ.get("HOME", "/"),
            **shell.settings,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.mark.parametrize(
    ("file", "before", "after", "why"),
    [
        ("dataset.py", '"power_prices"', '"fred_data"', "two datasets are called 'fred_data'"),
        ("source.py", '"power"', '"fred"', "two sources are called 'fred'"),
        ("source.py", "import Source", "import Sauce", "cannot be loaded (ImportError"),
        ("dataset.py", "date: Annotated", "ts: Annotated", "cannot be loaded (TypeError"),
        ("source.py", '("127.0.0.1",)', '"127.0.0.1"', "no `hosts`, or none that is a tuple"),
        ("source.py", "SOURCE = Power()", "SOURCE = Power", "no instance of"),
        ("source.py", "    def matches", "    def match", "cannot be loaded (TypeError"),
        ("source.py", "(DATASET,)", "()", "`datasets` names the datasets that the source fills"),
    ],
)
def test_a_package_at_fault_is_refused_by_its_name(
    tmp_path: Path, file: str, before: str, after: str, why: str
) -> None:
    package = write_package(tmp_path / "package")
    path = package / "econstream_power" / file
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    said = refused(tmp_path, package, pip_metadata(package))
    assert "package econstream-power 1" in said
    assert why in said


def test_a_source_whose_dataset_nobody_declares_is_refused(tmp_path: Path) -> None:
    package = write_package(tmp_path / "package")
    points = pip_metadata(package).replace("[econstream.datasets]", "[econstream.other]")
    said = refused(tmp_path, package, points)
    assert "power_prices that it fills is no entry point of econstream.datasets" in said


def pip_metadata(package: Path) -> str:
    """Return the entry points as pip would write them down."""
    declared = tomllib.loads((package / "pyproject.toml").read_text())["project"]["entry-points"]
    groups = (
        [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
        for group, points in declared.items()
    )
    return "\n".join(line for lines in groups for line in lines)


def refused(folder: Path, package: Path, points: str) -> str:
    """Return what a command says that must fail for an installed package."""
    metadata = package / "econstream_power-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: econstream-power\nVersion: 1\n"
    )
    (metadata / "entry_points.txt").write_text(points)
    seen = {"PYTHONPATH": f"{ROOT}{os.pathsep}{package}"}
    done = Shell(folder).run("sources", settings=seen)
    assert done.returncode == 78, done.stdout
    return one_line(done.stderr)
