"""Ciphertext."""

from typing import Annotated

from pydantic import Field

from api.schemas.values import Hash, Schema


class ProofInfo(Schema):
    size: Annotated[int, Field(description="Of the ciphertext, in bytes.")]
    start: Annotated[int, Field(description="First byte of the block.")]
    end: Annotated[int, Field(description="Behind its last byte.")]
    path: Annotated[list[Hash], Field(description="RFC 6962 inclusion proof, from the leaf up.")]
