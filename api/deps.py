"""What routes ask for: the use cases, and who is asking."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import NotSignedIn
from ledger.domain.session import Session
from ledger.services.access_log import AccessLog
from ledger.services.catalogue import Catalogue, Offers
from ledger.services.dealings import Dealings
from ledger.services.deposits import Deposits
from ledger.services.dossiers import Dossiers
from ledger.services.encryption_keys import EncryptionKeys
from ledger.services.erasures import Erasures
from ledger.services.evidence import Evidence
from ledger.services.exchange import Exchange
from ledger.services.grants import Grants
from ledger.services.health import Health
from ledger.services.history import History
from ledger.services.limits import Limiter
from ledger.services.live import Live
from ledger.services.metadata import Metadata
from ledger.services.payloads import Payloads
from ledger.services.readiness import Readiness
from ledger.services.reconciliations import Reconciliations
from ledger.services.retention import Retention
from ledger.services.samples import Samples
from ledger.services.sign_in import SignIn
from ledger.services.streams import Streams
from ledger.services.unclaimed import Unclaimed
from ledger.services.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases of one running application."""

    sign_in: SignIn
    deposits: Deposits
    uploads: Uploads
    payloads: Payloads
    grants: Grants
    streams: Streams
    encryption_keys: EncryptionKeys
    erasures: Erasures
    unclaimed: Unclaimed
    retention: Retention
    metadata: Metadata
    samples: Samples
    catalogue: Catalogue
    offers: Offers
    dealings: Dealings
    exchange: Exchange
    access_log: AccessLog
    evidence: Evidence
    history: History
    live: Live
    dossiers: Dossiers
    reconciliations: Reconciliations
    readiness: Readiness
    health: Health


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


def _use(name: str) -> Callable[[Request], object]:
    def find(request: Request) -> object:
        return getattr(services(request), name)

    return find


SignInService = Annotated[SignIn, Depends(_use("sign_in"))]
DepositService = Annotated[Deposits, Depends(_use("deposits"))]
UploadService = Annotated[Uploads, Depends(_use("uploads"))]
PayloadService = Annotated[Payloads, Depends(_use("payloads"))]
StreamService = Annotated[Streams, Depends(_use("streams"))]
GrantService = Annotated[Grants, Depends(_use("grants"))]
EncryptionKeyService = Annotated[EncryptionKeys, Depends(_use("encryption_keys"))]
ErasureService = Annotated[Erasures, Depends(_use("erasures"))]
MetadataService = Annotated[Metadata, Depends(_use("metadata"))]
SampleService = Annotated[Samples, Depends(_use("samples"))]
CatalogueService = Annotated[Catalogue, Depends(_use("catalogue"))]
DealingService = Annotated[Dealings, Depends(_use("dealings"))]
OfferService = Annotated[Offers, Depends(_use("offers"))]
AccessLogService = Annotated[AccessLog, Depends(_use("access_log"))]
EvidenceService = Annotated[Evidence, Depends(_use("evidence"))]
DossierService = Annotated[Dossiers, Depends(_use("dossiers"))]
ReconciliationService = Annotated[Reconciliations, Depends(_use("reconciliations"))]
LiveService = Annotated[Live, Depends(_use("live"))]
HistoryService = Annotated[History, Depends(_use("history"))]
HealthService = Annotated[Health, Depends(_use("health"))]
ReadinessService = Annotated[Readiness, Depends(_use("readiness"))]
ExchangeFacts = Annotated[Exchange, Depends(_use("exchange"))]

_bearer = HTTPBearer(auto_error=False, description="The token that signing in gave.")


async def current_session(
    request: Request,
    sign_in: SignInService,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Session:
    if credentials is None:
        raise NotSignedIn("the request carries no bearer token")
    session = await sign_in.find(credentials.credentials)
    accounts: Limiter = request.app.state.accounts
    accounts.take(session.account.hex())
    return session


CurrentSession = Annotated[Session, Depends(current_session)]
