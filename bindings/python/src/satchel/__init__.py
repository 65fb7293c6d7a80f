"""Records as JSON objects on S3 or in a folder, searched through a local index; universal copy.

    >>> import satchel
    >>> from satchel import Query, Record
    >>> db = satchel.open("mem://docs-package/")
    >>> db.create(Record({"id": "user-1", "name": "Alice", "age": 31}))
    'user-1'
    >>> [record.name for record in db.search(Query().filter("age", ">", 30))]
    ['Alice']

On S3: `S3Database.from_config({"bucket": "my-bucket", "prefix": "app/records/"})`.
"""

from satchel import _core, errors
from satchel._core import Buffer
from satchel.backends.file import FileDatabase
from satchel.backends.memory import MemoryDatabase
from satchel.backends.s3 import S3Database, SyncS3Database
from satchel.database import Database
from satchel.errors import (
    ArchivedError,
    BatchError,
    BudgetError,
    BusyError,
    CancelledError,
    ConflictError,
    CorruptError,
    DeniedError,
    DuplicateRecordError,
    Error,
    ExistsError,
    InputOutputError,
    IntegrityError,
    InvalidError,
    LimitError,
    ModifiedError,
    NetworkError,
    NotFoundError,
    OutOfMemoryError,
    ThrottledError,
    TimeoutError,
    UnknownOutcomeError,
    UnsupportedError,
)
from satchel.factory import DatabaseFactory, open
from satchel.fields import Field, FieldType
from satchel.logs import log_to_stderr
from satchel.migrate import MigrateResult, migrate
from satchel.objects import (
    CopyResult,
    ObjectInfo,
    PutOptions,
    delete,
    download,
    exists,
    get,
    list,
    put,
    stat,
    upload,
)
from satchel.progress import Progress
from satchel.query import (
    ComplexQuery,
    Filter,
    Operator,
    Query,
    QueryBuilder,
    SortOrder,
    SortSpec,
)
from satchel.records import Record, VersionToken
from satchel.streaming import StreamConfig, StreamResult

__version__: str = _core.version()

__all__ = [
    "ArchivedError",
    "BatchError",
    "BudgetError",
    "Buffer",
    "BusyError",
    "CancelledError",
    "ComplexQuery",
    "ConflictError",
    "CopyResult",
    "CorruptError",
    "Database",
    "DatabaseFactory",
    "DeniedError",
    "DuplicateRecordError",
    "Error",
    "ExistsError",
    "Field",
    "FieldType",
    "FileDatabase",
    "Filter",
    "InputOutputError",
    "IntegrityError",
    "InvalidError",
    "LimitError",
    "MemoryDatabase",
    "MigrateResult",
    "ModifiedError",
    "NetworkError",
    "NotFoundError",
    "ObjectInfo",
    "Operator",
    "OutOfMemoryError",
    "Progress",
    "PutOptions",
    "Query",
    "QueryBuilder",
    "Record",
    "S3Database",
    "SortOrder",
    "SortSpec",
    "StreamConfig",
    "StreamResult",
    "SyncS3Database",
    "ThrottledError",
    "TimeoutError",
    "UnknownOutcomeError",
    "UnsupportedError",
    "VersionToken",
    "__version__",
    "delete",
    "download",
    "errors",
    "exists",
    "get",
    "list",
    "log_to_stderr",
    "migrate",
    "open",
    "put",
    "stat",
    "upload",
]
