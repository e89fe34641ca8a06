"""Each profile is what it says, and each setting is documented."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from api.production import NotForProduction, check, missing
from api.settings import PROFILES, Profile, Settings, of_profile
from ledger.cli.app import app

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"\bSOCAI_[A-Z][A-Z_]*[A-Z]\b")
COMMAND_ONLY = {"SOCAI_URL", "SOCAI_KEY_FILE", "SOCAI_KEY_PASSPHRASE", "SOCAI_PRIVATE_KEY"}
"""What the participant's command reads: `socai --help` documents it."""


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SOCAI_{name.upper()}", raising=False)
    return


def test_R31_there_is_one_file_for_each_profile() -> None:
    assert {path.stem for path in PROFILES.iterdir()} == set(get_args(Profile))


@pytest.mark.parametrize("profile", get_args(Profile))
def test_R31_a_profile_names_real_settings_only(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = of_profile(profile)
    assert set(chosen) <= set(Settings.model_fields)
    monkeypatch.setenv("SOCAI_PROFILE", profile)
    found = Settings()
    for name, value in chosen.items():
        assert getattr(found, name) == type(getattr(found, name))(value), name
    secrets = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    assert secrets
    assert not set(secrets) & set(chosen)


def test_the_environment_goes_before_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(profile="production").drain_seconds == 10
    monkeypatch.setenv("SOCAI_PROFILE", "production")
    monkeypatch.setenv("SOCAI_DRAIN_SECONDS", "3")
    assert Settings().drain_seconds == 3


def test_a_profile_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCAI_PROFILE", "../../etc/passwd")
    with pytest.raises(ValidationError, match="profile"):
        Settings()


def test_R31_what_each_profile_needs_before_it_starts() -> None:
    parts = {
        profile: {sentence.partition(":")[0] for sentence in missing(Settings(profile=profile))}
        for profile in get_args(Profile)
    }
    pilot = {"SOCAI_PUBLIC_URL is no https", "TLS", "key custody", "key shares", "backup"}
    assert parts == {"development": set(), "pilot": pilot, "production": {*pilot, "nodes"}}
    with pytest.raises(NotForProduction, match=r"not fit for pilot: .*backup"):
        check(Settings(profile="pilot"))
    assert "rate limits" in str(missing(Settings(profile="production", account_rate=0)))


def test_each_setting_is_documented_and_each_documented_setting_is_real() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    real = {f"SOCAI_{name.upper()}" for name in Settings.model_fields} | COMMAND_ONLY
    texts = [
        ROOT / "README.md",
        *ROOT.glob("docs/*.md"),
        *PROFILES.iterdir(),
        *ROOT.glob("scripts/network/**/*"),
    ]
    for path in texts:
        if path.is_file():
            assert set(NAMED.findall(path.read_text(errors="replace"))) <= real, path


def test_R31_socai_settings_shows_each_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCAI_PASSPHRASE", "a passphrase nobody should see")
    monkeypatch.setenv("SOCAI_REGION", "LA")
    shown = CliRunner().invoke(app, ["--json", "settings", "--profile", "production"])
    assert shown.exit_code == 0, shown.output
    assert "nobody should see" not in shown.output
    found = json.loads(shown.output)
    assert set(found["settings"]) == {f"SOCAI_{name.upper()}" for name in Settings.model_fields}
    assert found["settings"]["SOCAI_REGION"]["value"] == "LA"
    sources = {name: row["from"] for name, row in found["settings"].items()}
    assert sources["SOCAI_REGION"] == "environment"
    assert sources["SOCAI_METRICS_PORT"] == "profile"
    assert sources["SOCAI_QUOTA_BYTES"] == "default"
    assert any(sentence.startswith("backup") for sentence in found["missing"])
    people = CliRunner().invoke(app, ["settings"])
    assert "Folder that backups are written to." in people.output
    assert "The profile development needs nothing more." in people.output
