"""One transfer of bench/copy.py by a peer written for Python: prints what the transfer cost.

usage: copy_child.py PEER ROW SOURCE TARGET
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path

PART = 8 << 20
PARTS_AT_ONCE = 4
FILES_AT_ONCE = 32

# A row's name and the two places; a folder's or prefix's name ends in "/".
Transfer = Callable[[str, str], object]


def key_of(uri: str) -> str:
    """The key of s3://bucket/key."""
    return uri.removeprefix("s3://").partition("/")[2]


def bucket_of(uri: str) -> str:
    """The bucket of s3://bucket/key."""
    return uri.removeprefix("s3://").partition("/")[0]


def files_in(folder: str) -> list[str]:
    """The names of a folder's files."""
    return [path.name for path in Path(folder).iterdir()]


async def each(names: Iterable[str], one: Callable[[str], Awaitable[None]]) -> None:
    """Calls `one` for each name, FILES_AT_ONCE at a time."""
    todo = iter(names)

    async def work() -> None:
        for name in todo:
            await one(name)

    await asyncio.gather(*(work() for _ in range(FILES_AT_ONCE)))


# --- obstore --------------------------------------------------------------------------------------


def obstore_transfers() -> dict[str, Transfer]:
    """Streams with parts; small objects through asyncio."""
    import obstore
    from obstore.store import S3Store

    def store(uri: str, unsigned: bool) -> S3Store:
        return S3Store(
            bucket_of(uri),
            client_options={"allow_http": True},
            endpoint=os.environ["AWS_ENDPOINT_URL"],
            unsigned_payload=unsigned,
        )

    def large_up(source: str, target: str) -> None:
        obstore.put(
            store(target, True),
            key_of(target),
            Path(source),
            chunk_size=PART,
            max_concurrency=PARTS_AT_ONCE,
        )

    def large_down(source: str, target: str) -> None:
        stream = obstore.get(store(source, False), key_of(source)).stream(min_chunk_size=PART)
        with Path(target).open("wb") as file:
            for chunk in stream:
                file.write(chunk)

    def small_up(source: str, target: str) -> None:
        to, prefix = store(target, False), key_of(target)

        async def one(name: str) -> None:
            data = Path(source + name).read_bytes()
            await obstore.put_async(to, prefix + name, data, use_multipart=False)

        asyncio.run(each(files_in(source), one))

    def small_down(source: str, target: str) -> None:
        at, prefix = store(source, False), key_of(source)

        async def one(key: str) -> None:
            reply = await obstore.get_async(at, key)
            Path(target + key.removeprefix(prefix)).write_bytes(await reply.bytes_async())

        keys = (item["path"] for page in obstore.list(at, prefix) for item in page)
        asyncio.run(each(keys, one))

    return {
        "large-up": large_up,
        "large-down": large_down,
        "small-up": small_up,
        "small-down": small_down,
    }


# --- opendal --------------------------------------------------------------------------------------


def opendal_transfers() -> dict[str, Transfer]:
    """Files with parts; small objects through asyncio."""
    import opendal

    def operator(kind: type, uri: str) -> opendal.Operator | opendal.AsyncOperator:
        return kind(
            "s3",
            bucket=bucket_of(uri),
            endpoint=os.environ["AWS_ENDPOINT_URL"],
            region=os.environ["AWS_REGION"],
        )

    options = {"chunk": PART, "concurrent": PARTS_AT_ONCE}

    def large_up(source: str, target: str) -> None:
        to = operator(opendal.Operator, target)
        with Path(source).open("rb") as file, to.open(key_of(target), "wb", **options) as out:
            while data := file.read(PART):
                out.write(data)

    def large_down(source: str, target: str) -> None:
        at = operator(opendal.Operator, source)
        with at.open(key_of(source), "rb", **options) as file, Path(target).open("wb") as out:
            while data := file.read(PART):
                out.write(data)

    def small_up(source: str, target: str) -> None:
        prefix = key_of(target)

        async def all_of_them() -> None:
            to = operator(opendal.AsyncOperator, target)

            async def one(name: str) -> None:
                await to.write(prefix + name, Path(source + name).read_bytes())

            await each(files_in(source), one)

        asyncio.run(all_of_them())

    def small_down(source: str, target: str) -> None:
        prefix = key_of(source)

        async def all_of_them() -> None:
            at = operator(opendal.AsyncOperator, source)

            async def one(key: str) -> None:
                Path(target + key.removeprefix(prefix)).write_bytes(await at.read(key))

            found = [entry.path async for entry in await at.list(prefix)]
            await each((path for path in found if not path.endswith("/")), one)

        asyncio.run(all_of_them())

    return {
        "large-up": large_up,
        "large-down": large_down,
        "small-up": small_up,
        "small-down": small_down,
    }


# --- s3dlio ---------------------------------------------------------------------------------------


def s3dlio_transfers() -> dict[str, Transfer]:
    """Its own copies of files."""
    import s3dlio

    def large_up(source: str, target: str) -> None:
        s3dlio.upload([source], target.rpartition("/")[0] + "/")

    def large_down(source: str, target: str) -> None:
        s3dlio.download(source, str(Path(target).parent))

    def small_up(source: str, target: str) -> None:
        s3dlio.upload([f"{source}*"], target, max_in_flight=FILES_AT_ONCE)

    def small_down(source: str, target: str) -> None:
        s3dlio.download(source, target, max_in_flight=FILES_AT_ONCE)

    return {
        "large-up": large_up,
        "large-down": large_down,
        "small-up": small_up,
        "small-down": small_down,
    }


PEERS = {"obstore": obstore_transfers, "opendal": opendal_transfers, "s3dlio": s3dlio_transfers}


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Wall and CPU seconds of a call."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu}


def main() -> None:
    """Does the transfer that the arguments tell."""
    peer, row, source, target = sys.argv[1:]
    transfer = PEERS[peer]()[row.removesuffix("-disk")]
    print(json.dumps(timed(partial(transfer, source, target))), flush=True)
    # The threads of a peer may outlive the event loop; some then break the interpreter's exit.
    os._exit(0)


if __name__ == "__main__":
    main()
