"""Runs the service: `python -m api`. Every setting is an environment variable, see `api.settings`."""

import sys

import uvicorn
from pydantic import ValidationError

from api.app import create_app
from api.logs import configure
from api.settings import Settings


def main() -> int:
    configure()
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            sys.stderr.write(f"SOCAI_{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}\n")
        return 2
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
