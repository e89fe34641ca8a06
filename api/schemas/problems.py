"""Errors, RFC 9457."""

from pydantic import BaseModel, ConfigDict

from api.schemas.values import Schema


class Fault(Schema):
    """One thing that is wrong with a request: where, what, and never the value itself."""

    where: str
    message: str


class Problem(BaseModel):
    """`application/problem+json`. Programs look at `code`, which never changes meaning; people the rest."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    faults: list[Fault] | None = None


class ProblemKind(Schema):
    """An entry of the table of problems."""

    code: str
    status: int
    title: str
