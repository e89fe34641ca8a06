"""What a profile must have before the service starts (R31)."""

from pathlib import Path

from api.settings import Settings


class NotForProduction(Exception):
    """Settings are missing; the message names every one of them."""


def check(settings: Settings) -> None:
    """Raises NotForProduction. A development profile needs nothing."""
    if found := missing(settings):
        raise NotForProduction(f"not fit for {settings.profile}: {'; '.join(found)}")


def missing(settings: Settings) -> list[str]:
    """One sentence for each thing that the profile needs and has not."""
    if settings.profile == "development":
        return []
    found = [*_tls(settings), *_keys(settings), *_backup(settings)]
    if settings.profile == "production":
        if not settings.witnesses.split():
            found.append("nodes: SOCAI_WITNESSES names no second node to agree with the first")
        if not (settings.address_rate and settings.account_rate):
            found.append("rate limits: SOCAI_ADDRESS_RATE or SOCAI_ACCOUNT_RATE is 0")
    return found


def _tls(settings: Settings) -> list[str]:
    found = [] if settings.secure else ["SOCAI_PUBLIC_URL is no https:// origin"]
    if settings.tls_certificate is None and settings.proxy is None:
        found.append("TLS: neither SOCAI_TLS_CERTIFICATE and SOCAI_TLS_KEY nor SOCAI_PROXY is set")
    return found


def _keys(settings: Settings) -> list[str]:
    found = []
    if settings.custody is None and not _apart(settings, settings.keys):
        found.append("key custody: SOCAI_KEYS names no key store apart from the data it protects")
    if len([share for share in settings.shares if _apart(settings, share)]) < 2:
        found.append("key shares: SOCAI_SHARES names no two folders apart from the data")
    return found


def _backup(settings: Settings) -> list[str]:
    if settings.backup is None:
        return ["backup: SOCAI_BACKUP is not set"]
    if not settings.backup.is_dir() or not _apart(settings, settings.backup):
        return ["backup: SOCAI_BACKUP is no folder apart from the data"]
    return []


def _apart(settings: Settings, path: Path | None) -> bool:
    """Whether `path` is outside the data folder."""
    return path is not None and not path.resolve().is_relative_to(settings.data.resolve())
