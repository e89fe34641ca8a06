"""What this exchange is."""

from typing import Annotated

from pydantic import Field

from api.schemas.values import Address, Blob, Hash, Schema


class ExchangeInfo(Schema):
    version: Annotated[str, Field(description="Of the service.")]
    profile: Annotated[str, Field(description="`development` or `production`.")]
    chain_id: int
    chain_name: Annotated[str, Field(description="What wallets call the chain.")]
    public_rpc_url: Annotated[
        str | None,
        Field(description="JSON-RPC address for wallets and the page; null: the wallet has its own."),
    ]
    genesis_hash: Hash
    first_block: Annotated[int, Field(description="The first block that may hold a log of the contracts.")]
    contracts: dict[str, Address]
    finality: Annotated[str, Field(description="`instant`, `depth N` or `tag NAME`.")]
    block_age_seconds: Annotated[
        int, Field(description="No key is released on a final block older than this.")
    ]
    vault_public_keys: Annotated[
        list[Blob], Field(description="HPKE keys to seal data keys to, suite first.")
    ]
    custodian: Annotated[Address, Field(description="Signs custody receipts.")]
    region: Annotated[str, Field(description="ISO 3166-1 alpha-2 of where payloads are stored.")]
    deposit_bytes: Annotated[int, Field(description="Largest payload, in ciphertext bytes.")]
    metadata_bytes: Annotated[int, Field(description="Largest metadata document.")]


class Health(Schema):
    """`chain` is a problem code while the chain cannot be acted on; reading payloads needs no chain. `index`
    says why the index stands still: `waiting` for node or database, `halted` until somebody reads the log.
    """

    status: Annotated[str, Field(pattern="^(ok|degraded)$")]
    version: str
    chain: str | None
    block_number: int | None
    block_age_seconds: int | None
    index: Annotated[str | None, Field(pattern="^(waiting|halted)$")]
    index_block: Annotated[int, Field(description="The newest block in the index; -1 while unknown.")]
    index_lag_blocks: Annotated[int, Field(description="How many blocks the node has beyond it.")]


class Ready(Schema):
    parts: Annotated[
        dict[str, str],
        Field(description="`ok` for each of `database`, `chain`, `index`, `keys` and `objects`."),
    ]


class NodeInfo(Schema):
    block: Annotated[int | None, Field(description="Its newest final block; null: it does not answer.")]
    hash: Hash | None
    agrees: Annotated[
        bool | None, Field(description="Whether it has the block that the service's own node has.")
    ]


class IndexInfo(Schema):
    block: Annotated[int, Field(description="The newest block in the index; -1 while unknown.")]
    final: int
    lag_blocks: int


class HealthReport(Schema):
    parts: Annotated[dict[str, str], Field(description="As `/v1/ready` says, `ok` or what is wrong.")]
    leads: Annotated[bool, Field(description="Whether the replica that answers leads.")]
    nodes: Annotated[list[NodeInfo], Field(description="The service's own first, then the witnesses.")]
    index: IndexInfo
    custody: Annotated[str, Field(description="`local`, `vault+https`, `pkcs11` or `aws-kms`.")]
    waiting: Annotated[int, Field(description="The vault's transactions that are not mined.")]
