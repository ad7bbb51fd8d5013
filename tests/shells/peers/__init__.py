"""Peers written by others, so that our own reading of OCPP is not its own judge.

Two implementations, each as central system and as station, both with their validation on in both directions:
PyPI `ocpp` (`pypi`) and npm `ocpp-rpc` in strict mode (`node`). They only speak and judge; what they answer is said
once, in `policy`, and what they saw and object to is kept in a `record`.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests.shells.peers.node import NodeCentral, NodeStation
from tests.shells.peers.policy import AgreesToAll, TakesEverybody
from tests.shells.peers.pypi import PypiCentral, PypiStation
from tests.shells.peers.record import CentralPeer, StationPeer

CENTRALS: dict[str, Any] = {"pypi": PypiCentral, "node": NodeCentral}
STATIONS: dict[str, Any] = {"pypi": PypiStation, "node": NodeStation}


@contextlib.asynccontextmanager
async def central_of(kind: str) -> AsyncIterator[CentralPeer]:
    """A central system that takes everybody."""
    peer: CentralPeer = await CENTRALS[kind].open(TakesEverybody())
    try:
        yield peer
    finally:
        await peer.close()


@contextlib.asynccontextmanager
async def stations_of(kind: str) -> AsyncIterator[StationPeer]:
    """Stations that agree to everything."""
    peer: StationPeer = await STATIONS[kind].open(AgreesToAll())
    try:
        yield peer
    finally:
        await peer.close()
