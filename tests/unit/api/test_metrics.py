"""The dashboard and the alerts ask for what there is, and every alert has its page in the runbooks."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any, Final

import yaml
from typer.main import get_command

from api.errors import kinds
from api.metrics import CountedEntitlements, Metrics
from ledger.cli.app import app
from ledger.domain.entitlement import Block, Decision, NodesDisagree

MONITORING: Final = Path(__file__).parents[3] / "scripts" / "network" / "monitoring"
NAME: Final = re.compile(r"\bsocai_[a-z_]+")
LABELS: Final = re.compile(r'(\w+)=~?"([^"]*)"')


def samples() -> set[str]:
    """Every name that Prometheus stores of us; a metric with labels that was never used has none yet."""
    names = set()
    for family in Metrics().registry.collect():
        suffixes = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}.get(
            family.type, ("",)
        )
        names |= {family.name + suffix for suffix in suffixes}
    return names


def expressions() -> list[str]:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]] + [
        rule["expr"] for rule in rules()
    ]


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_R03_dashboard_and_alerts_name_metrics_that_exist_and_leave_none_out() -> None:
    asked = {name for expression in expressions() for name in NAME.findall(expression)}
    assert asked <= samples()
    bases = {name.removesuffix(suffix) for name in asked for suffix in ("_bucket", "_count", "_total", "")}
    assert {family.name for family in Metrics().registry.collect()} <= bases


def test_problem_codes_in_alerts_are_real() -> None:
    codes = {kind.code for kind in kinds()}
    for expression in expressions():
        assert {value for label, value in LABELS.findall(expression) if label == "code"} <= codes


def test_decisions_are_counted_by_outcome() -> None:
    class Answers:
        async def decide(self, licence: int, account: bytes) -> Decision:
            if licence == 3:
                raise NodesDisagree
            denial = "Revoked" if licence == 2 else None
            return Decision(licence, account, Block(1, bytes(32), 0), denial)

        async def replay(self, decided: Decision) -> Decision:
            return decided

    async def decide() -> None:
        counted = CountedEntitlements(Answers(), metrics)
        for licence in (1, 1, 2, 3):
            try:
                await counted.decide(licence, bytes(20))
            except NodesDisagree:
                continue

    metrics = Metrics()
    asyncio.run(decide())
    found = {
        outcome: metrics.registry.get_sample_value("socai_decisions_total", {"outcome": outcome})
        for outcome in ("entitled", "Revoked", "nodes-disagree")
    }
    assert found == {"entitled": 2, "Revoked": 1, "nodes-disagree": 1}


def test_every_alert_has_its_runbook_and_each_runbook_names_real_commands() -> None:
    text = (MONITORING.parents[2] / "docs" / "runbooks.md").read_text()
    sections = set(re.findall(r"^## (\w+)$", text, re.MULTILINE))
    assert {rule["alert"] for rule in rules()} <= sections
    assert len(re.findall(r"^## ", text, re.MULTILINE)) >= 10
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{rule['alert'].lower()}"
    for section in text.split("\n## ")[1:]:
        assert re.findall(r"^- \*\*(\w+)\*\*", section, re.MULTILINE) == ["Symptom", "Check", "Act", "Verify"]
    assert set(NAME.findall(text)) <= samples()
    commands = {found.split()[0] for found in re.findall(r"`socai (?:--as … )?([a-z][^`]*)`", text)}
    assert commands - {"cannot"} <= set(get_command(app).commands)  # type: ignore[attr-defined]
