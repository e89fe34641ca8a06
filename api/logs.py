"""JSON lines on standard error, from an allow-list.

A record carries what is named here and nothing else. Of other libraries' records only the template of the
message is kept, not what was put into it; of an exception its type and where it happened, not what it says.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Final

FIELDS: Final = (
    "request_id",
    "method",
    "route",
    "status",
    "code",
    "milliseconds",
    "bytes_in",
    "bytes_out",
    "deposit",
    "licence",
    "block",
    "count",
)


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.msg if isinstance(record.msg, str) else type(record.msg).__name__,
        }
        line |= {name: record.__dict__[name] for name in FIELDS if name in record.__dict__}
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__qualname__
            line["at"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-8:]
            ]
        return json.dumps(line, ensure_ascii=False)


def configure(level: str = "INFO") -> None:
    """Sends every record of the process through `JsonLines`."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
