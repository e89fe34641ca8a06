"""Samples."""

from typing import Annotated

from pydantic import Field

from api.schemas.values import Hash, MediaType, Schema


class SampleInfo(Schema):
    sha256: Hash
    size: Annotated[int, Field(description="Bytes.")]
    media_type: MediaType
