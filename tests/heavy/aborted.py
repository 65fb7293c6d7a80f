"""500 uploads that are failed, cancelled or ended by a signal at random points: none stays open.

aborted.py SATCHEL [SEED...]. A proxy cuts connections and sends the signals, at places that the
seed tells; boto3 lists what is left. Spared is only the reply to the request that begins an upload:
whoever does not get it cannot know the upload's id.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from content import MIB, Content
from proxy import Plan, Request, proxied
from shell import Ended, Shell, end, main

UPLOADS = 500
AT_ONCE = 4
PART = 5 * MIB
SIZE = 2 * PART + MIB + 1
PARTS = 3
SETTINGS = [
    *("--set", f"part_size={PART}"),
    *("--set", "multipart_threshold=5MiB"),
    *("--set", "max_retries=2"),
    *("--set", "retry_base_ms=10"),
]

DENIED, NETWORK, CONFLICT = 4, 5, 7  # exit statuses
ERRORS = {500: "InternalError", 503: "SlowDown", 403: "AccessDenied"}


def refusal(status: int) -> bytes:
    body = f"<Error><Code>{ERRORS[status]}</Code><Message>scripted</Message></Error>"
    return f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@dataclass
class Trouble:
    """What happens to one upload; `statuses` are the exit statuses that fit it."""

    seed: int
    chance: random.Random = field(init=False)
    statuses: set[int] = field(default_factory=set)
    process: subprocess.Popen[bytes] | None = None
    started: threading.Event = field(default_factory=threading.Event)
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.kind = sorted(KINDS)[self.seed % len(KINDS)]
        self.rule: Callable[[Request], Plan | None] = KINDS[self.kind](self)

    # Each of these chooses its place and returns the rule.

    def cut_part(self) -> Callable[[Request], Plan | None]:
        """One part, at one byte, as often as it is tried."""
        number, at = self.chance.randint(1, PARTS), self.chance.randrange(MIB)
        self.statuses = {NETWORK}
        return lambda request: Plan(cut_body_at=at) if is_part(request, number) else None

    def cut_part_reply(self) -> Callable[[Request], Plan | None]:
        """The store has the part each time, and nobody hears of it."""
        number, at = self.chance.randint(1, PARTS), self.chance.randrange(20)
        self.statuses = {NETWORK}
        return lambda request: Plan(cut_reply_at=at) if is_part(request, number) else None

    def refuse_part(self) -> Callable[[Request], Plan | None]:
        number, status = self.chance.randint(1, PARTS), self.chance.choice([500, 503, 403])
        self.statuses = {DENIED if status == 403 else NETWORK}
        answer = refusal(status)
        return lambda request: Plan(answer=answer) if is_part(request, number) else None

    def refuse_finish(self) -> Callable[[Request], Plan | None]:
        status = self.chance.choice([500, 503, 403])
        self.statuses = {DENIED} if status == 403 else {NETWORK, CONFLICT}
        answer = refusal(status)
        return lambda request: Plan(answer=answer) if request.kind == "finish" else None

    def cut_once(self) -> Callable[[Request], Plan | None]:
        """Any request or reply but that of the begin: the repetition comes through."""
        number, at = self.chance.randint(1, PARTS + 1), self.chance.randrange(MIB)
        reply = self.chance.random() < 0.5
        self.statuses = {0}
        plan = Plan(cut_reply_at=at % 100) if reply else Plan(cut_body_at=at % 1000)
        return lambda request: plan if request.number == number else None

    def cut_abort(self) -> Callable[[Request], Plan | None]:
        """A part is refused, and the first abort of the upload is cut as well."""
        answer, aborts = refusal(403), []
        cut = self.chance.choice([Plan(cut_body_at=0), Plan(cut_reply_at=5)])
        self.statuses = {DENIED}

        def rule(request: Request) -> Plan | None:
            if request.kind == "abort":
                aborts.append(request)
                return cut if len(aborts) == 1 else None
            return Plan(answer=answer) if is_part(request, 2) else None

        return rule

    def stop_at_byte(self) -> Callable[[Request], Plan | None]:
        """A signal once so many bytes have passed, over all connections."""
        at = self.chance.randrange(SIZE)
        send = self.signal()

        def count(length: int) -> None:
            with self.lock:
                self.passed += min(length, 256 * 1024)
                due = self.passed >= at
            if due:
                send()

        return lambda request: Plan(on_byte=lambda _: count(request.length))

    def stop_at_request(self) -> Callable[[Request], Plan | None]:
        """A signal in front of a request, the one that begins and the one that ends included."""
        number = self.chance.randrange(PARTS + 2)
        send = self.signal()
        return lambda request: Plan(before=send) if request.number == number else None

    def signal(self) -> Callable[[], None]:
        """Sends a signal, once."""
        chosen = self.chance.choice([signal.SIGTERM, signal.SIGINT])
        self.statuses = {128 + chosen, 0}
        sent: list[int] = []

        def send() -> None:
            with self.lock:
                first = not sent
                sent.append(chosen)
            if first:
                self.started.wait()
                assert self.process is not None
                self.process.send_signal(chosen)

        return send


KINDS: dict[str, Callable[[Trouble], Callable[[Request], Plan | None]]] = {
    function.__name__: function
    for function in (
        Trouble.cut_part,
        Trouble.cut_part_reply,
        Trouble.refuse_part,
        Trouble.refuse_finish,
        Trouble.cut_once,
        Trouble.cut_abort,
        Trouble.stop_at_byte,
        Trouble.stop_at_request,
    )
}


def is_part(request: Request, number: int) -> bool:
    return request.kind == "part" and request.query["partNumber"] == [str(number)]


def upload(shell: Shell, source: Path, etag: str, seed: int) -> tuple[str, int]:
    """One upload in trouble; what kind of, and its exit status."""
    trouble = Trouble(seed)
    key = f"{seed}-{trouble.kind}"
    with proxied(shell.url, trouble.rule) as proxy:
        process = shell.start("cp", source, shell.uri(key), *SETTINGS, url=proxy.url)
        trouble.process = process
        trouble.started.set()
        ended = end(process)
    judge(shell, key, etag, ended, trouble)
    return trouble.kind, ended.status


def judge(shell: Shell, key: str, etag: str, ended: Ended, trouble: Trouble) -> None:
    assert ended.status in trouble.statuses, f"{key}: {ended}"
    assert (ended.status == 0) == (ended.err == "") or ended.status >= 128, f"{key}: {ended}"
    try:
        head = shell.client.head_object(Bucket=shell.bucket, Key=key)
    except shell.client.exceptions.ClientError:
        assert ended.status != 0, f"{key}: reported as done, but not there"
        return
    assert head["ETag"] == f'"{etag}"', f"{key}: not whole"
    assert ended.status == 0 or ended.status >= 128, f"{key}: there, reported as failed: {ended}"


def check(shell: Shell) -> None:
    content = Content(SIZE, seed=1)
    etag = content.etag(0, PART)
    source = shell.folder / "source"
    source.write_bytes(bytes(content))
    seeds = [int(word) for word in sys.argv[2:]] or list(range(UPLOADS))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = Counter(pool.map(lambda seed: upload(shell, source, etag, seed), seeds))
    for kind in sorted(KINDS):
        counts = {status: n for (name, status), n in sorted(ends.items()) if name == kind}
        print(f"{kind:16} exit statuses {counts}")
    left = shell.open_uploads()
    print(f"{len(seeds)} uploads, {len(left)} of them open")
    assert left == []


if __name__ == "__main__":
    sys.exit(main(check))
