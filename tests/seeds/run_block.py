"""Runs a prelude and a block of Python in this process, then answers what is asked behind them.

Standard input is a JSON object {"prelude", "block", "ask": [expressions]}; standard output becomes
{"printed", "answers"}.
"""

import contextlib
import io
import json
import sys

spec = json.load(sys.stdin)
names: dict[str, object] = {"__name__": "__main__"}
exec(compile(spec["prelude"], "prelude", "exec"), names)
with contextlib.redirect_stdout(io.StringIO()) as printed:
    exec(compile(spec["block"], "block", "exec"), names)
answers = [eval(one, names) for one in spec["ask"]]
json.dump({"printed": printed.getvalue(), "answers": answers}, sys.stdout)
