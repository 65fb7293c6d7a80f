"""Copies files to a store and back, with a bar.

python examples/copy_files.py FILE-OR-GLOB... DESTINATION
python examples/copy_files.py '/data/*.log' s3://bucket/logs/
"""

import sys

import satchel


def main(arguments: list[str]) -> int:
    """Copies; the exit status."""
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    *sources, destination = arguments
    try:
        result = satchel.upload(sources, destination, progress=True, on_error="return")
    except satchel.NotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    for source, _, error in result.failed:
        print(f"{source}: {error}", file=sys.stderr)
    print(result.files, "files,", result.bytes, "bytes")
    for uri in satchel.list(destination):
        print(uri)
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
