"""The part of lizard that the gates use."""

from collections.abc import Callable

class FunctionInfo:
    name: str
    start_line: int
    end_line: int
    cyclomatic_complexity: int
    @property
    def length(self) -> int: ...
    @property
    def parameter_count(self) -> int: ...

class FileInformation:
    function_list: list[FunctionInfo]

class FileAnalyzer:
    def __init__(self, extensions: list[object]) -> None: ...
    def analyze_source_code(self, filename: str, code: str) -> FileInformation: ...

def get_extensions(names: list[str | Callable[..., object]]) -> list[object]: ...
