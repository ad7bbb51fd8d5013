"""A supervision of one station in a process of its own, to be killed: frames in by lines, answers out by lines."""

import asyncio
import secrets
import sys
import time
from pathlib import Path

from chargepost.supervision.answers import Policy
from chargepost.supervision.host import Host, Talk
from chargepost.supervision.ledger import Ledger
from chargepost.supervision.roster import Knock


class Line:
    """The link: standard output."""

    def send(self, data: bytes) -> None:
        sys.stdout.buffer.write(data + b"\n")
        sys.stdout.buffer.flush()

    def ping(self) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


async def main(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    policy = Policy(accept_unknown_stations=True, accept_open_stations=True, accept_unknown_badges=True)
    host = Host(Ledger(folder), loop, utc_s=time.time, draw=secrets.token_bytes, policy=policy)
    talk = await host.admit(Knock("S1", ("ocpp1.6",)))
    assert isinstance(talk, Talk)
    talk.opened(Line(), "ocpp1.6")
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        talk.received(line.strip())
    talk.closed("end of input", None)
    host.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
