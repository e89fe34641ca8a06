"""Metadata documents."""

from typing import Annotated

from pydantic import Field

from api.schemas.values import Hash, Schema


class DocumentInfo(Schema):
    hash: Hash
    size: Annotated[int, Field(description="Bytes in canonical form.")]
