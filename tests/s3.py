"""An S3-speaking server of the tests' own, and stores on buckets of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import boto3
from moto.server import ThreadedMotoServer

REGION: Final = "ap-southeast-1"


class S3:
    """`environment` is what a program that uses it must have."""

    def __init__(self, endpoint: str) -> None:
        self.environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "a secret of tests",
            "AWS_REGION": REGION,
        }
        self.client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="tests",
            aws_secret_access_key="a secret of tests",
        )
        self._numbers = count(1)

    def bucket(self) -> str:
        """The address of a new one, with a prefix in it."""
        name = f"bucket-{next(self._numbers)}"
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return f"s3://{name}/exchange/objects"


@contextmanager
def running() -> Iterator[S3]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3(f"http://{host}:{port}")
    finally:
        server.stop()
