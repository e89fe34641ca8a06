"""What a production profile must have before it starts (R31)."""

from api.settings import Settings


class NotForProduction(Exception):
    """Settings are missing; the message names every one of them."""


def check(settings: Settings) -> None:
    """Raises NotForProduction, under the production profile only."""
    if settings.profile == "production" and (missing := _missing(settings)):
        raise NotForProduction(f"not fit for production: {'; '.join(missing)}")


def _missing(settings: Settings) -> list[str]:
    data = settings.data.resolve()
    missing = []
    if not settings.secure:
        missing.append("SOCAI_PUBLIC_URL is no https:// origin")
    if settings.tls_certificate is None and settings.proxy is None:
        missing.append("TLS: neither SOCAI_TLS_CERTIFICATE and SOCAI_TLS_KEY nor SOCAI_PROXY is set")
    local = settings.keys is None or settings.keys.resolve().is_relative_to(data)
    if settings.custody is None and local:
        missing.append("key custody: SOCAI_KEYS names no key store apart from the data it protects")
    if len([share for share in settings.shares if not share.resolve().is_relative_to(data)]) < 2:
        missing.append("key shares: SOCAI_SHARES names no two folders apart from the data")
    if settings.backup is None:
        missing.append("backup: SOCAI_BACKUP is not set")
    elif not settings.backup.is_dir() or settings.backup.resolve().is_relative_to(data):
        missing.append("backup: SOCAI_BACKUP is no folder apart from the data")
    if not settings.witnesses.split():
        missing.append("nodes: SOCAI_WITNESSES names no second node to agree with the first")
    if not (settings.address_rate and settings.account_rate):
        missing.append("rate limits: SOCAI_ADDRESS_RATE or SOCAI_ACCOUNT_RATE is 0")
    return missing
