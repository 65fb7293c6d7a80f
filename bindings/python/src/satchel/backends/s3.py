"""Records in a bucket of S3 or of a store that speaks its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from satchel.backends._place import folder, needed, split
from satchel.database import Database

S = TypeVar("S", bound="S3Database")


class S3Database(Database):
    """A database at `s3://bucket/prefix/`.

    Args:
        config: `bucket` (needed), `prefix` (default "records/"), and options: `region`,
            `endpoint_url` ("" = Amazon's own), `access_key_id`, `secret_access_key`,
            `session_token`, `max_workers` (10), `cache_ttl` (60 seconds), `cache_dir`,
            `max_retries` (3), `request_timeout` (60 seconds), `tags`, `strict_tags`,
            `record_format`, `index_fields`, `create_bucket`, ...

    Raises:
        InvalidError: a ValueError: no bucket, an unknown key (the nearest known one is named), a
            bad value.
        UnsupportedError: a key that this version does not have yet.

    >>> db = S3Database.from_config({"bucket": "my-data-bucket", "prefix": "app/records"})
    >>> db.uri
    's3://my-data-bucket/app/records/'
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        where, options = split(config, ("bucket", "prefix"))
        bucket = needed(where, "bucket")
        prefix = where.get("prefix")
        path = folder("records/" if prefix is None else prefix)
        super().__init__(f"s3://{bucket}/{path}", options)

    @classmethod
    def from_config(cls: type[S], config: Mapping[str, Any]) -> S:
        """The database for a configuration; it is open, no connect() is needed."""
        return cls(config)


SyncS3Database = S3Database
