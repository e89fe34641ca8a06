"""Object storage: immutable bytes under a name, by default in a local folder.

`ObjectStore` is the port, `ObstoreObjects` the adapter over any `obstore` store.
"""

from ledger.objects.port import (
    MAX_NAME,
    BadObjectName,
    BadRange,
    ObjectError,
    ObjectExists,
    ObjectInfo,
    ObjectNotFound,
    ObjectStore,
    ObjectWriter,
    StorageFailed,
    StorageFull,
    WriterClosed,
    check_name,
)
from ledger.objects.stored import ObstoreObjects

__all__ = [
    "MAX_NAME",
    "BadObjectName",
    "BadRange",
    "ObjectError",
    "ObjectExists",
    "ObjectInfo",
    "ObjectNotFound",
    "ObjectStore",
    "ObjectWriter",
    "ObstoreObjects",
    "StorageFailed",
    "StorageFull",
    "WriterClosed",
    "check_name",
]
