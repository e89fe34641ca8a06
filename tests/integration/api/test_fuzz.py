"""Requests made up from the OpenAPI document, good and bad: no 5xx, no answer that it does not describe."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.api.conftest import Client
from tests.integration.api.market import SELLER

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES: Final = 6
"""For each operation, and for each of: as described, not as described."""
SOME: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


async def test_threat_S25_no_request_makes_the_service_fail(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    _, document = await client.call("GET", "/v1/openapi.json")
    tried = await asyncio.to_thread(_fuzz, document, client.origin, seller.token)
    assert tried > len(document["paths"]) * EXAMPLES


def _fuzz(document: dict[str, Any], origin: str, token: str | None) -> int:
    """How many requests."""
    tried = 0
    with requests.Session() as http:
        http.trust_env = False
        for found in schemathesis.openapi.from_dict(document).get_all_operations():
            operation = found.ok()
            if "text/event-stream" in operation.definition.raw["responses"].get("200", {}).get("content", {}):
                continue  # without end
            signs_out = (operation.method, operation.path) == ("delete", "/v1/auth/session")
            http.headers["Authorization"] = "" if signs_out else f"Bearer {token}"

            def send(case: Any) -> None:
                nonlocal tried
                tried += 1
                case.call_and_validate(base_url=origin, session=http, checks=CHECKS, timeout=10)

            for mode in GenerationMode:
                with suppress(Unsatisfiable):  # nothing can be wrong with a request without parameters
                    SOME(given(case=operation.as_strategy(generation_mode=mode))(send))()
    return tried
