from fastapi import APIRouter

from api.deps import CurrentSession, ExchangeFacts, HealthService, ReadinessService
from api.errors import documented
from api.routes.history import OVERSEEN
from api.schemas.exchange import ExchangeInfo, Health, HealthReport, IndexInfo, NodeInfo, Ready
from ledger.services.readiness import NotReady

router = APIRouter(tags=["exchange"])


@router.get("/exchange", responses=documented())
async def exchange(facts: ExchangeFacts) -> ExchangeInfo:
    """Which chain, which contracts, which rules, whose keys."""
    return ExchangeInfo.model_validate(facts, from_attributes=True)


@router.get("/health", responses=documented())
async def health(facts: ExchangeFacts) -> Health:
    """Whether the service answers, and whether its node does."""
    state, index = await facts.state(), facts.index.progress
    trouble = None if index.trouble is None else "halted" if index.halted else "waiting"
    return Health(
        status="ok" if state.trouble is None and not index.halted else "degraded",
        version=facts.version,
        chain=state.trouble,
        block_number=None if state.block is None else state.block.number,
        block_age_seconds=state.age,
        index=trouble,
        index_block=index.block,
        index_lag_blocks=index.lag,
    )


@router.get("/health/report", responses=documented(*OVERSEEN))
async def health_report(current: CurrentSession, service: HealthService) -> HealthReport:
    """How this replica is and what it stands on: parts, nodes and whether they agree, leader, index, keys."""
    found = await service.report(current.account)
    return HealthReport(
        parts=dict(found.parts),
        leads=found.leads,
        nodes=[NodeInfo.model_validate(node, from_attributes=True) for node in found.nodes],
        index=IndexInfo(block=found.index.block, final=found.index.final, lag_blocks=found.index.lag),
        custody=found.custody,
        waiting=found.waiting,
    )


@router.get("/ready", responses=documented(NotReady))
async def ready(readiness: ReadinessService) -> Ready:
    """Whether this replica should be sent requests: each part it needs, and `ok` or what is wrong with it."""
    return Ready(parts=await readiness.check())
