"""Every setting of the service: its environment variable SOCAI_…, else the profile's file, else a default."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from ledger.domain.retention import YEARS

GIB = 1 << 30
PROFILES: Final = Path(__file__).parent / "profiles"
Profile = Literal["development", "pilot", "production"]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.netloc != url.partition("//")[2]:
        raise ValueError("must be an origin, like https://data.example")
    return url


def _folders(paths: object) -> object:
    return paths.split(":") if isinstance(paths, str) else paths


def of_profile(profile: str) -> dict[str, Any]:
    """What the profile's file says; nothing for a name that is none."""
    if profile not in get_args(Profile):
        return {}
    return tomllib.loads((PROFILES / f"{profile}.toml").read_text())


class _OfProfile(PydanticBaseSettingsSource):
    """The file of the profile that the sources before this one name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        return of_profile(self.current_state.get("profile", "development"))


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SOCAI_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    profile: Profile = Field(
        default="development",
        description="Names a file of `api/profiles/`; `pilot` and `production` start only when everything "
        "that they need is there (R31).",
    )
    public_url: Annotated[str, AfterValidator(_origin)] = Field(
        default="http://127.0.0.1:8000",
        description="Origin under which people reach the service; signed at sign-in.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, lt=1 << 16, description="Port to listen on; 0 takes a free one.")
    tls_certificate: Path | None = Field(
        default=None, description="PEM file of the certificate chain, to serve TLS."
    )
    tls_key: Path | None = Field(default=None, description="PEM file of the certificate's private key.")
    proxy: str | None = Field(
        default=None,
        description="Address of the reverse proxy in front, whose X-Forwarded-For and -Proto are believed.",
    )
    backup: Path | None = Field(default=None, description="Folder that backups are written to.")
    data: Path = Field(
        default=Path("var"), description="Folder of everything kept that has no address of its own."
    )
    database_url: str | None = Field(
        default=None,
        description="Address of the SQL database, `postgresql://user@host/name` or `sqlite:////path`; by "
        "default a SQLite file in the data folder. Several replicas share one PostgreSQL database.",
    )
    objects: str | None = Field(
        default=None,
        description="Folder of the object store, or `s3://bucket/prefix` with the AWS_… variables of S3's "
        "own tools; by default `objects` in the data folder.",
    )
    sign_seconds: int = Field(
        default=0,
        ge=0,
        le=3600,
        description="How long a signed address of ciphertext in S3 is good for, which downloads of a range "
        "are then sent to; 0: all bytes go through the service.",
    )
    rpc_url: str = Field(default="http://127.0.0.1:8545", description="JSON-RPC address of the chain node.")
    public_rpc_url: Annotated[str, AfterValidator(_origin)] | None = Field(
        default=None,
        description="JSON-RPC origin that the page and people's wallets use; without one, the page asks the "
        "reader's wallet.",
    )
    chain_name: str = Field(default="Socai", description="What wallets call the chain.")
    witnesses: str = Field(
        default="",
        description="Addresses of further nodes, separated by spaces; no key is released unless all agree.",
    )
    manifest: Path | None = Field(
        default=None, description="Deployment manifest; by default manifest.json in the data folder."
    )
    trust: Path | None = Field(
        default=None,
        description="Trust file, whose anchor says who seals blocks (`socai trust`); by default a block is "
        "what the node says.",
    )
    finality: str = Field(
        default="instant",
        description="Which block is final: `instant`, `depth N`, `tag finalized` or `tag safe`.",
    )
    keys: Path | None = Field(
        default=None, description="Key store; by default the file `keys` in the data folder."
    )
    passphrase: SecretStr | None = Field(
        default=None,
        description="Passphrase of the key store; refused on the command line, read from here only.",
    )
    custody: str | None = Field(
        default=None,
        description="Who wraps data keys: `vault+https://HOST/MOUNT/KEY`, "
        "`pkcs11:token=T;object=KEY?module-path=/…` or `aws-kms:alias/NAME`; by default the key store.",
    )
    custody_secret: SecretStr | None = Field(
        default=None, description="Vault token or PIN of the custodian; read from here only."
    )
    shares: Annotated[list[Path], NoDecode, BeforeValidator(_folders)] = Field(
        default=[],
        description="Folders of key shares, separated by `:`, each on a disk or machine of its own; by "
        "default `shares` in the data folder. Never back them up: what they forget is erased.",
    )
    region: str = Field(
        default="VN",
        pattern="^[A-Z]{2}$",
        description="ISO 3166-1 alpha-2 of where payloads are stored (R07).",
    )

    clock_skew_seconds: int = Field(default=60, ge=0, description="How far a signer's clock may be ahead.")
    nonce_seconds: int = Field(default=600, gt=0, description="How long a sign-in nonce can be used.")
    session_seconds: int = Field(default=12 * 3600, gt=0, description="How long a session lasts.")

    address_rate: float = Field(
        default=200, ge=0, description="Requests per second from one network address; 0 for no limit."
    )
    address_burst: int = Field(
        default=1000, gt=0, description="Requests that one network address may make at once."
    )
    account_rate: float = Field(
        default=100, ge=0, description="Requests per second of one account; 0 for no limit."
    )
    account_burst: int = Field(default=500, gt=0, description="Requests that one account may make at once.")

    deposit_bytes: int = Field(default=64 * GIB, gt=0, description="Largest payload, in ciphertext bytes.")
    quota_bytes: int = Field(
        default=256 * GIB, gt=0, description="Ciphertext bytes one account may deposit in all."
    )
    upload_rate: int = Field(
        default=8 * 1024, ge=0, description="Bytes per second that the body of an upload must bring."
    )
    upload_window_seconds: float = Field(
        default=30, gt=0, description="Over how long the rate of an upload is measured."
    )
    deposits_waiting: int = Field(default=64, gt=0, description="Incomplete deposits one account may have.")
    deposit_seconds: int = Field(
        default=7 * 24 * 3600,
        gt=0,
        description="How long a deposit may stay incomplete before it is collected.",
    )
    collect_seconds: int = Field(
        default=3600,
        gt=0,
        description="How often incomplete deposits are thrown away, and erasures carried out.",
    )
    retention_years: int = Field(
        default=YEARS,
        gt=0,
        description="How long answers to key requests and overseers' inquiries are kept; the chain and the "
        "access log, which hold nothing personal, keep all.",
    )
    unclaimed_seconds: int = Field(
        default=7 * 24 * 3600,
        ge=0,
        description="How long a complete deposit is held at least; then it is thrown away if no "
        "listing claims it and no receipt of it can be used any more.",
    )
    erasure_seconds: int = Field(
        default=24 * 3600,
        ge=0,
        le=48 * 3600,
        description="How long a request for erasure can be taken back; keys are not released meanwhile.",
    )
    receipt_seconds: int = Field(
        default=24 * 3600, gt=0, description="How long a custody receipt can be used on chain."
    )
    metadata_bytes: int = Field(
        default=256 * 1024, gt=0, description="Largest metadata document, in canonical bytes."
    )
    sample_bytes: int = Field(default=1024 * 1024, gt=0, description="Largest sample of a dataset.")
    samples: int = Field(default=1000, gt=0, description="Samples that one account may have here.")
    anchor_seconds: int = Field(
        default=3600, gt=0, description="How often the access log's checkpoint is put on chain."
    )
    count_seconds: int = Field(
        default=20, gt=0, description="How long a key release waits for its use to be counted on chain."
    )
    stream_check_seconds: float = Field(
        default=5, ge=0, description="How often the right to a plaintext stream is looked at again."
    )
    grant_seconds: int = Field(
        default=3600, gt=0, description="How long a grant is good for, unless its licence ends before."
    )
    block_age_seconds: int = Field(
        default=120, gt=0, description="A key is released only on a final block no older than this."
    )

    metrics_host: str = Field(
        default="127.0.0.1", description="Address to serve metrics on, for Prometheus only."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        lt=1 << 16,
        description="Port to serve metrics on, at /metrics; 0 takes a free one; by default they are not.",
    )
    drain_seconds: float = Field(
        default=0,
        ge=0,
        description="How long the service, told to stop, goes on answering while /v1/ready says that it is "
        "not, so that a load balancer turns away first.",
    )
    ready_lag_blocks: int = Field(
        default=20, gt=0, description="With an index this far behind its node the service is not ready."
    )
    otlp_url: str | None = Field(
        default=None,
        description="Where to send OpenTelemetry traces, as OTLP over HTTP, like "
        "http://127.0.0.1:4318/v1/traces; needs `socai[otel]`. By default there are none.",
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("SOCAI_TLS_CERTIFICATE and SOCAI_TLS_KEY go together")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _OfProfile(settings_cls)

    @property
    def database(self) -> str:
        """Address of the SQL database."""
        return self.database_url or f"sqlite:///{self.data / 'socai.sqlite'}"

    @property
    def object_store(self) -> str:
        """Folder or address of the object store."""
        return self.objects or str(self.data / "objects")

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")
