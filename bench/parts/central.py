"""Our supervision in a process of its own: sockets, Central, and the ledger in the folder given (`none`: in memory).

A certificate and its key may follow: then it serves wss.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from chargepost.journal import parse_store
from chargepost.run import tls
from chargepost.run.http import serve
from chargepost.run.websocket import Handshake, Listener, Refusal
from chargepost.supervision.answers import Policy
from chargepost.supervision.host import Host
from chargepost.supervision.ledger import Ledger
from chargepost.supervision.roster import Knock
from chargepost.supervision.roster import Refusal as Refused
from parts import orders


async def main() -> None:
    ledger = Ledger(parse_store(sys.argv[1]))
    policy = Policy(accept_unknown_stations=True, accept_open_stations=True, heartbeat_interval_s=86_400)
    host = Host(ledger, asyncio.get_running_loop(), utc_s=time.time, draw=os.urandom, policy=policy)

    async def admit(handshake: Handshake) -> Listener | Refusal:
        h, address = handshake, handshake.peer.rpartition(":")[0]
        answer = await host.admit(Knock(h.identity, h.subprotocols, h.user, h.password, address))
        return Refusal(answer.status, answer.reason) if isinstance(answer, Refused) else answer

    secured = tls.server(Path(sys.argv[2]), Path(sys.argv[3])) if len(sys.argv) > 3 else None
    server = await serve("127.0.0.1", 0, None, admit, secured=secured)

    async def stored() -> int:
        """Meter values that are durable."""
        rows: list[tuple[int]] = ledger.journal.read("SELECT count(*) FROM metered")
        return rows[0][0]

    await orders.obey({"stored": stored}, {"port": server.port})


if __name__ == "__main__":
    orders.run(main())
