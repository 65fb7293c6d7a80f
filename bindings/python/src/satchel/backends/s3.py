"""Records in a bucket of S3 or of a store that speaks its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from satchel.backends._place import PlacedDatabase, folder, needed, split


class S3Database(PlacedDatabase):
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

    SCHEME = "s3"

    @classmethod
    def _place(cls, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        where, options = split(config, ("bucket", "prefix"))
        bucket = needed(where, "bucket")
        prefix = where.get("prefix")
        path = folder("records/" if prefix is None else prefix)
        return f"s3://{bucket}/{path}", options


SyncS3Database = S3Database
