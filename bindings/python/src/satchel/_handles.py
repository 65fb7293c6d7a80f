"""Open handles: all of them are closed before the interpreter goes."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import OrderedDict

from satchel import _core
from satchel.config import ConfigFile, environment

MAX_STORES = 64

Closable = _core.Db | _core.Store
_open: weakref.WeakSet[Closable] = weakref.WeakSet()
_lock = threading.Lock()
_StoreKey = tuple[str, tuple[tuple[str, str], ...], tuple[str | None, ...]]
_stores: OrderedDict[_StoreKey, _core.Store] = OrderedDict()


def _after_fork() -> None:
    """In a child: whoever held the lock is not there to give it back."""
    global _lock
    _lock = threading.Lock()
    _core.forked()


os.register_at_fork(after_in_child=_after_fork)


def open_db(uri: str, options: dict[str, str], file: ConfigFile | None) -> _core.Db:
    """A database of the library, with options over those of a file."""
    path, name = (file.path, file.name) if file else (None, None)
    db = _core.Db.open(uri, _core.Config(options, path, name))
    with _lock:
        _open.add(db)
    return db


def shared_store(uri: str, options: dict[str, str]) -> _core.Store:
    """The store for a URI and options, kept open for the next call.

    Calls in one program share connections that way. A store is made anew when the environment
    changed. Stores of mem:// stay: they hold the data.
    """
    key = (uri, tuple(sorted(options.items())), environment())
    with _lock:
        store = _stores.get(key)
        if store is None:
            store = _core.Store.open(uri, _core.Config(options))
            _open.add(store)
            _stores[key] = store
        _stores.move_to_end(key)
        old = [k for k in _stores if not k[0].startswith("mem:")][: -MAX_STORES or None]
        for stale in old if len(_stores) > MAX_STORES else ():
            del _stores[stale]
    return store


def _close_all() -> None:
    with _lock:
        handles = list(_open)
        _stores.clear()
    for handle in handles:
        handle.close()
    _core.interpreter_ends(threading.active_count() > 1)


atexit.register(_close_all)
