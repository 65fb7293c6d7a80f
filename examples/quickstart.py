"""The first eight lines: records in a folder, stored, searched, changed.

python examples/quickstart.py FOLDER      (or s3://bucket/prefix/ with the usual AWS_* variables)
"""

import sys
from pathlib import Path

import satchel
from satchel import Query, Record

place = sys.argv[1] if len(sys.argv) > 1 else "mem://quickstart/"
uri = place if "://" in place else f"file://{Path(place).absolute()}/"

with satchel.open(uri, create_bucket=True) as db:
    db.upsert(Record({"id": "user-1", "name": "Alice", "age": 31}))
    db.upsert(Record({"id": "user-2", "name": "Bob", "age": 27}))
    for record in db.search(Query().filter("age", ">", 30)):
        print(record.id, record.name)
