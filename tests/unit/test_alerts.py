"""Alerts and dashboards name only metrics that are declared; each alert has its entry to follow."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import Histogram

from shared.metrics import declared

ROOT = Path(__file__).parents[2]
ALERTS = (ROOT / "deploy/prometheus/alerts.yml").read_text()
TESTS = (ROOT / "deploy/prometheus/alerts.test.yml").read_text()
RUNBOOK = (ROOT / "docs/RUNBOOK.md").read_text()
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
NAMES = re.findall(r"^ +- alert: (\w+)$", ALERTS, re.MULTILINE)


def told() -> set[str]:
    names = {metric.series for metric in declared()}
    for metric in declared():
        if metric.kind is Histogram:
            names |= {f"{metric.name}{end}" for end in ("_bucket", "_sum", "_count")}
    return names


@pytest.mark.parametrize("text", [ALERTS, TESTS, RUNBOOK], ids=["alerts", "tests", "runbook"])
def test_what_is_asked_of_prometheus_is_declared(text: str) -> None:
    assert set(re.findall(r"\beconstream_\w+", text)) <= told()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_asks_for_what_is_declared(path: Path) -> None:
    board = json.loads(path.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    assert asked
    assert set(re.findall(r"\beconstream_\w+", " ".join(asked))) <= told()
    assert all(panel["description"] for panel in board["panels"])


def test_each_alert_is_tested_and_leads_to_its_entry_in_the_runbook() -> None:
    assert len(NAMES) == len(set(NAMES)) > 10
    links = re.findall(r"^ +runbook: docs/RUNBOOK\.md#(\w+)$", ALERTS, re.MULTILINE)
    assert links == [name.lower() for name in NAMES]
    assert sorted(re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)) == sorted(NAMES)
    assert {name for name in NAMES if f"alertname: {name}" not in TESTS} == set()


def test_grafana_is_given_its_source_and_finds_its_dashboards() -> None:
    source = (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
    provider = (ROOT / "deploy/grafana/provisioning/dashboards/econstream.yml").read_text()
    compose = (ROOT / "docker-compose.yml").read_text()
    [uid] = re.findall(r"uid: (\S+)", source)
    assert re.search(r"url: http://prometheus:9090$", source, re.MULTILINE)
    [folder] = re.findall(r"path: ([^\s}]+)", provider)
    assert f"./deploy/grafana/dashboards:{folder}:ro" in compose
    assert "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro" in compose
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert len({board["uid"] for board in boards}) == len(boards)
    for board in boards:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(ids) == len(set(ids))
        for panel in board["panels"]:
            asked = [panel, *panel.get("targets", ())]
            used = {part["datasource"]["uid"] for part in asked if "datasource" in part}
            assert used == {uid}, panel["title"]
