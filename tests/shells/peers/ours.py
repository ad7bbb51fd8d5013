"""Our own commands as anybody starts them: `chargepost station` with its control API, `chargepost supervision`."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
from tests.patience import PATIENCE_S
from tests.shells.peers.record import News

COMMAND = Path(sys.executable).with_name("chargepost")
SPEED = 60
"""Seconds of the world in one of the machine: a station-minute is a second."""

FREE_PORT = "127.0.0.1:0"

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when the one that started it dies."""


def _die_with_us() -> None:
    """Called in the child: however a test run ends, nothing of it stays behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Troubled(AssertionError):
    """Our program said that something of its own failed, or did not end as it should."""


@contextlib.asynccontextmanager
async def chargepost(*words: str) -> AsyncIterator[dict[str, Any]]:
    """The command with `--json`, until the end of the block; what it says it serves. Raises Troubled."""
    if not COMMAND.exists():
        raise AssertionError(f"{COMMAND.name} is not installed beside this Python: call `make setup`.")
    own = {name: value for name, value in os.environ.items() if not name.startswith("CHARGEPOST_")}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        str(COMMAND), *words, "--json", "--json-logs", stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
        env=own | {"XDG_CONFIG_HOME": os.devnull}, preexec_fn=_die_with_us if sys.platform == "linux" else None,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    log = asyncio.create_task(process.stderr.read())
    output: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            first = await process.stdout.readline()
        if not first:
            raise Troubled(f"chargepost {' '.join(words)} said nothing but: {(await log).decode()}")
        output = asyncio.create_task(process.stdout.read())
        yield json.loads(first)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        said = (await log).decode()
        if output:
            await output
    errors = [line for line in said.splitlines() if '"level": "error"' in line or not line.startswith("{")]
    if process.returncode or errors:
        raise Troubled(f"chargepost {words[0]} ended with {process.returncode}: {said}")


class OurStation(News):
    """Hands and eyes at one station, through the control API."""

    def __init__(self, identity: str, http: httpx2.AsyncClient) -> None:
        super().__init__()
        self.identity = identity
        self.view: dict[str, Any] = {}
        """As of its last event, or of its last second."""
        self.happened: list[dict[str, Any]] = []
        self._http = http
        self._path = f"/stations/{identity}"

    @property
    def connector(self) -> dict[str, Any]:
        found: dict[str, Any] = self.view["connectors"][0]
        return found

    async def follow(self) -> None:
        """Read its events, until cancelled."""
        kind = ""
        async with self._http.stream("GET", f"{self._path}/events", timeout=None) as events:
            async for line in events.aiter_lines():
                word, _, rest = line.partition(": ")
                if word == "event":
                    kind = rest
                elif word == "data" and kind == "StationView":
                    self.view = json.loads(rest)
                elif word == "data":
                    self.happened.append({"kind": kind} | json.loads(rest))
                self.tell()

    async def do(self, action: str, **body: Any) -> None:
        answer = await self._http.post(f"{self._path}/{action}", json=body)
        assert answer.status_code == 200, f"{action} {body}: {answer.text}"
        self.view = answer.json()
        self.tell()

    async def show(self) -> dict[str, Any]:
        """As it is at this moment."""
        answer = await self._http.get(self._path)
        shown: dict[str, Any] = answer.json()
        return shown

    async def until_nothing_waits(self) -> None:
        """At this very moment the central system has answered all it was told."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.show())["link"]["waiting_messages"]:
                pass

    async def until_status(self, status: str) -> None:
        def seen() -> bool:
            return bool(self.view) and self.connector["status"] == status

        await self.until(seen, f"{self.identity} is {status}")

    def explain(self) -> str:
        notes = [f"{each.get('event', '')} {each.get('text', '')}" for each in self.happened if each["kind"] == "Note"]
        return "\n".join([*notes[-20:], json.dumps(self.view)])


@contextlib.asynccontextmanager
async def our_station(
    model: str, identity: str, supervision: str, keys: Mapping[str, str], store: str = "none"
) -> AsyncIterator[OurStation]:
    """One of our stations, connecting to `supervision`, sixty times faster than the clock."""
    words = ["station", model, "--id", identity, "--supervision", supervision, "--store", store]
    words += ["--control", FREE_PORT, "--tool", "none", "--speed", str(SPEED)]
    words += [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]
    async with (
        chargepost(*words) as serving,
        httpx2.AsyncClient(base_url=serving["control"], trust_env=False, timeout=PATIENCE_S) as http,
    ):
        station = OurStation(identity, http)
        following = asyncio.create_task(station.follow())
        try:
            await station.until(lambda: bool(station.view), f"{identity} is seen")
            yield station
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


class OurSupervision:
    """The API, with an operator who is logged in. Stations connect at `url`."""

    def __init__(self, url: str, operator: httpx2.AsyncClient) -> None:
        self.url = url
        self._operator = operator

    async def get(self, path: str, **query: str) -> Any:
        return await self._ask("GET", path, params=query)

    async def put_badge(self, id_tag: str, **more: str) -> None:
        await self._ask("PUT", f"badges/{id_tag}", json=more)

    async def command(self, identity: str, action: str, payload: dict[str, Any]) -> Any:
        """The station's answer."""
        return await self._ask("POST", f"stations/{identity}/commands/{action}", json=payload)

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        answer = await self._operator.request(method, f"api/{path}", **more)
        assert answer.status_code == 200, f"{method} {path}: {answer.text}"
        return answer.json()


@contextlib.asynccontextmanager
async def our_supervision() -> AsyncIterator[OurSupervision]:
    words = ["supervision", "--listen", FREE_PORT, "--store", "none", "--accept-unknown"]
    async with chargepost(*words) as serving:
        served = serving["supervision"]
        async with httpx2.AsyncClient(base_url=served["url"], trust_env=False, timeout=PATIENCE_S) as operator:
            login = await operator.post("api/login", json={"user": served["user"], "password": served["password"]})
            operator.headers["authorization"] = f"Bearer {login.json()['token']}"
            yield OurSupervision(served["ocpp"].removesuffix("/{id}"), operator)
