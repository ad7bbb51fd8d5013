"""The Modbus server of a station, and whoever means it no good."""

import asyncio
import contextlib
import logging
import random
import socket
import struct
from types import SimpleNamespace
from typing import Any

import pytest
from tests.patience import PATIENCE_S
from tests.shells.modbus_rig import (
    LIFE_S,
    WALLBOX,
    begin_charge,
    offered_a,
    peer,
    serving,
    station,
)
from tests.shells.rig import rigged
from tests.shells.test_cli import started
from tests.soak import times

from chargepost.run.addresses import Address
from chargepost.run.http import ServeError
from chargepost.run.modbus import serve_modbus
from chargepost.signals import SettingChanged

pytestmark = pytest.mark.slow
BOTH_LOOPS = True

# --- worse -----------------------------------------------------------------------------------------------------------


def frame(pdu: bytes, *, transaction: int = 7, protocol: int = 0, unit: int = 255, length: int | None = None) -> bytes:
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1 if length is None else length, unit) + pdu


READ_STATE = frame(struct.pack(">BHH", 3, 1, 1))


async def asked(server: Any, data: bytes, size: int) -> bytes:
    """What comes back on a connection of its own, up to so much or its end."""
    reader, writer = await asyncio.open_connection(server.address.host, server.address.port)
    try:
        writer.write(data)
        async with asyncio.timeout(PATIENCE_S):
            return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError) as ended:
        return getattr(ended, "partial", b"")
    finally:
        writer.close()


GOOD = frame(b"\x03\x02\x00\x02")
"""State 2: nothing is plugged in."""


STRANGE = {
    "03": "83 03", "03 0001": "83 03", "03 0001 0000": "83 03", "03 0001 007e": "83 03", "03 ffff 0002": "83 02",
    "00": "80 01", "2b 0e 01 00": "ab 01", "ff 01": "ff 01", "06 0fa4": "86 03",
    "10 0fa4 0001 04 0010": "90 03", "10 0fa4 0002 02 0010": "90 03", "10 0fa4 0000 00": "90 03",
}  # fmt: skip
"""Requests that are no whole ones, ask for none or too many, or for what there is not, and their exceptions."""


async def test_strange_requests(caplog: pytest.LogCaptureFixture) -> None:
    async with rigged() as rig:
        host = station(rig)
        async with serving(host) as server:
            assert await asked(server, READ_STATE, len(GOOD)) == GOOD
            assert await asked(server, READ_STATE * 3, 3 * len(GOOD)) == GOOD * 3, "in one piece"
            for pdu, answer in STRANGE.items():
                assert await asked(server, frame(bytes.fromhex(pdu)), 9) == frame(bytes.fromhex(answer)), pdu
            for broken in (frame(b"\x03\0\1\0\1", protocol=1), frame(b"", length=1), frame(b"\x03" + bytes(253)),
                           frame(b"\x03", length=0), b"GET / HTTP/1.1\r\n\r\n"):  # fmt: skip
                assert await asked(server, broken + READ_STATE, 1) == b"", "closed"
            assert await asked(server, READ_STATE, len(GOOD)) == GOOD
    assert not caplog.records


FRAMES = times(2_000, 200_000)


async def test_random_frames(caplog: pytest.LogCaptureFixture) -> None:
    """2,000 (soak: 200,000), with idle connections beside them: nothing fails, and a good client hears every answer."""
    dice = random.Random(11)

    def whole() -> bytes:
        """A frame that can be answered, whatever is in it."""
        if dice.random() < 0.5:
            address = dice.choice((1, 150, 2999, 4000, 4001, 4004, 4020)) + dice.randrange(-1, 3)
            return frame(struct.pack(">BHH", dice.choice((3, 6)), address, dice.randrange(200)))
        pdu = bytes([dice.choice((3, 6, 16, dice.randrange(256)))]) + dice.randbytes(dice.randrange(40))
        return frame(pdu, unit=dice.choice((0, 1, 2, 255)))

    def broken() -> bytes:
        return dice.choice(
            (dice.randbytes(dice.randrange(1, 300)), frame(dice.randbytes(5), length=dice.randrange(0, 300)))
        )

    async with rigged() as rig:
        host = station(rig)
        async with serving(host) as server:
            await begin_charge(rig, host)
            idle = [await asyncio.open_connection(server.address.host, server.address.port) for _ in range(10)]
            good_in, good_out = await asyncio.open_connection(server.address.host, server.address.port)
            for _ in range(FRAMES // 20):
                reader, writer = await asyncio.open_connection(server.address.host, server.address.port)
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    for _ in range(19):
                        sent = whole()
                        writer.write(sent)
                        head = await reader.readexactly(7)
                        assert head[:4] == sent[:4]
                        assert head[6] == sent[6]
                        await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                    writer.write(broken())
                writer.close()
                good_out.write(READ_STATE)
                assert (await good_in.readexactly(len(GOOD)))[:9] == GOOD[:9]
            assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
            for _, writer in idle:
                writer.close()
            good_out.close()


async def test_fifty_dripping_clients_hold_up_nobody() -> None:
    """A controller goes on, the charge goes on, and no more connections are held than there may be."""
    async with rigged() as rig:
        host = station(rig)
        async with serving(host) as server, peer("evcc", server) as evcc:
            await evcc.ask("begin", LIFE_S / 10)
            await begin_charge(rig, host)
            await evcc.ask("max_current", 10)
            drips = []
            for _ in range(50):
                reader, writer = await asyncio.open_connection(server.address.host, server.address.port)
                writer.write(READ_STATE[:1])
                drips.append((reader, writer))
            await rig.until(lambda: offered_a(host) == 10, "the controller is heard")
            before_wh = host.view().connectors[0].energy_wh
            for byte in READ_STATE[1:-1]:
                for _, writer in drips:
                    with contextlib.suppress(ConnectionError, RuntimeError):  # uvloop: it has been closed
                        writer.write(bytes([byte]))
                assert await evcc.ask("status") == "C"
                assert len(server.clients) <= server.bounds.clients
            await rig.until(lambda: host.view().connectors[0].energy_wh > before_wh + 50, "the charge goes on")
            assert offered_a(host) == 10, "the controller was never lost"
            for _, writer in drips:
                writer.close()


async def test_half_a_request_has_its_time() -> None:
    async with rigged() as rig, serving(station(rig), frame_s=0.2) as server:
        assert await asked(server, READ_STATE + READ_STATE[:5], 100) == GOOD, "answered, then closed"
        await rig.until(lambda: not server.clients, "gone")


async def test_who_says_nothing_is_hung_up() -> None:
    async with rigged() as rig, serving(station(rig), idle_s=0.2) as server:
        assert await asked(server, b"", 1) == b""
        assert await asked(server, READ_STATE, 100) == GOOD


async def test_who_reads_no_answers_is_cut_off() -> None:
    many = frame(struct.pack(">BHH", 3, 4000, 14)) * 100
    async with rigged() as rig, serving(station(rig), turn_pause_s=0) as server:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        await server.loop.sock_connect(deaf, (server.address.host, server.address.port))
        await rig.until(lambda: bool(server.clients), "connected")

        async def talk() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    await server.loop.sock_sendall(deaf, many)

        talking = asyncio.create_task(talk())
        await rig.until(lambda: not server.clients, "cut off")
        await talking
        deaf.close()


async def test_who_asks_a_lot_has_turns() -> None:
    """Between two turns of one client the others have theirs."""
    order: list[str] = []
    async with rigged() as rig, serving(station(rig)) as server:

        async def ask(name: str, times: int) -> None:
            assert await asked(server, READ_STATE * times, len(GOOD) * times) == GOOD * times
            order.append(name)

        await asyncio.gather(ask("many", 3 * server.bounds.turn_requests), ask("one", 1))
        assert order == ["one", "many"]


async def test_a_newcomer_takes_the_place_of_who_never_asked() -> None:
    async with rigged() as rig, serving(station(rig), clients=3) as server:
        links = [await asyncio.open_connection(server.address.host, server.address.port) for _ in range(3)]
        for reader, writer in (links[0], links[2]):
            writer.write(READ_STATE)
            assert await reader.readexactly(len(GOOD)) == GOOD
        newcomer = await asyncio.open_connection(server.address.host, server.address.port)
        newcomer[1].write(READ_STATE)
        assert await newcomer[0].readexactly(len(GOOD)) == GOOD
        assert await links[1][0].read(1) == b"", "it never asked"
        assert await asked(server, READ_STATE, len(GOOD)) == GOOD
        assert await links[0][0].read(1) == b"", "it was silent for longest"
        links[2][1].write(READ_STATE)
        assert await links[2][0].readexactly(len(GOOD)) == GOOD
        for _, writer in (*links, newcomer):
            writer.close()


async def test_half_a_request_after_a_whole_one_has_its_time_too() -> None:
    async with rigged() as rig, serving(station(rig), frame_s=0.2) as server:
        reader, writer = await asyncio.open_connection(server.address.host, server.address.port)
        writer.write(READ_STATE[:5])
        await rig.until(lambda: any(client._buffer for client in server.clients), "half of it is there")
        writer.write(READ_STATE[5:] + READ_STATE[:5])
        assert await reader.readexactly(len(GOOD)) == GOOD
        with contextlib.suppress(ConnectionError):
            assert await reader.read(1) == b""
        writer.close()


async def test_a_request_in_two_pieces_is_one() -> None:
    async with rigged() as rig, serving(station(rig), frame_s=0.1) as server:
        reader, writer = await asyncio.open_connection(server.address.host, server.address.port)
        writer.write(READ_STATE[:5])
        await rig.until(lambda: any(client._buffer for client in server.clients), "half of it is there")
        writer.write(READ_STATE[5:])
        assert await reader.readexactly(len(GOOD)) == GOOD
        over = server.loop.time() + 3 * server.bounds.frame_s
        await rig.until(lambda: server.loop.time() > over, "the time of half a request is over")
        writer.write(READ_STATE)
        assert await reader.readexactly(len(GOOD)) == GOOD
        writer.close()


async def test_who_is_connected_hears_nothing_more_when_it_is_switched_off() -> None:
    async with rigged() as rig:
        host = station(rig)
        async with serving(host) as server:
            reader, writer = await asyncio.open_connection(server.address.host, server.address.port)
            writer.write(READ_STATE)
            assert await reader.readexactly(len(GOOD)) == GOOD
            host.tell(SettingChanged("ModbusEnable", "false"))
            writer.write(READ_STATE)
            with contextlib.suppress(ConnectionError):
                assert await reader.read(1) == b""
            writer.close()


async def test_modbus_enable_switches_it_off_and_on() -> None:
    """ModbusEnable of the Pro AC, as the supervision writes it too."""
    async with rigged() as rig:
        host = station(rig)
        async with serving(host) as server:
            assert await asked(server, READ_STATE, len(GOOD)) == GOOD
            host.tell(SettingChanged("ModbusEnable", "false"))
            assert await asked(server, READ_STATE, 1) == b""
            host.tell(SettingChanged("ModbusEnable", "true"))
            assert await asked(server, READ_STATE, len(GOOD)) == GOOD


async def test_a_station_without_power_answers_nobody() -> None:
    async with rigged() as rig:
        host = station(rig)
        async with serving(host) as server:
            host.power_cycle(30)
            assert await asked(server, READ_STATE, 1) == b""
            await rig.until(lambda: host.station is not None, "back")
            assert await asked(server, READ_STATE, len(GOOD)) == GOOD


async def test_a_station_tells_where_it_is_controlled() -> None:
    """On the command line naming an address is enough: what lets others control it is on (Q-186)."""
    async with started("station", WALLBOX, "--modbus", "127.0.0.1:0", "--control", "none") as process:
        said = await process.until(event="serving")
        address = said["stations"][0]["modbus"]
        host, _, port = address.rpartition(":")
        server = SimpleNamespace(address=Address(host, int(port)))
        assert await asked(server, frame(struct.pack(">BHH", 6, 301, 8)), 12) == frame(struct.pack(">BHH", 6, 301, 8))
        assert await asked(server, frame(struct.pack(">BHH", 3, 301, 1)), 11) == frame(b"\x03\x02\x00\x08")
        code, _ = await process.end()
        assert code == 0


async def test_a_busy_port_is_said() -> None:
    async with rigged() as rig:
        host = station(rig)
        async with serving(host) as server:
            with pytest.raises(ServeError, match="in use by another program"):
                await serve_modbus(host, server.address)
