from typing import Annotated

from fastapi import APIRouter, Path

from api.errors import ProblemUnknown, documented, kinds
from api.schemas.problems import ProblemKind

router = APIRouter(prefix="/problems", tags=["exchange"])

TABLE = [ProblemKind(code=kind.code, status=kind.status, title=kind.title) for kind in kinds()]


@router.get("", responses=documented())
async def problems() -> list[ProblemKind]:
    """Every problem code there is."""
    return TABLE


@router.get("/{code}", responses=documented(ProblemUnknown))
async def problem(code: Annotated[str, Path(max_length=64)]) -> ProblemKind:
    """What one problem code means."""
    for kind in TABLE:
        if kind.code == code:
            return kind
    raise ProblemUnknown("there is no such problem code")
