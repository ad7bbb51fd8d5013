"""Other people's controllers drive a station through a charge, from another process, as evcc and nymea do."""

import pytest
from tests.shells.modbus_rig import LIFE_S, PARKING, WALLBOX, begin_charge, offered_a, peer, power_w, serving, station
from tests.shells.rig import rigged

pytestmark = pytest.mark.slow

# --- as evcc drives a Pro AC -----------------------------------------------------------------------------------------


async def test_evcc_drives_a_pro_ac_through_a_charge() -> None:
    async with rigged() as rig:
        host = station(rig)
        async with serving(host) as server, peer("evcc", server) as evcc:
            assert await evcc.ask("begin", LIFE_S / 10) == [99, 0], "no charge in progress; nobody was heard yet"
            assert await evcc.ask("status") == "A"
            await begin_charge(rig, host)
            assert await evcc.ask("status") == "C"
            assert await evcc.ask("ocpp") == 6
            assert await evcc.ask("enabled")

            assert await evcc.ask("max_current", 10) == "written"
            await rig.until(lambda: offered_a(host) == 10, "the set point is offered")
            assert host.view().connectors[0].limit_source == "external system"
            assert await evcc.ask("read", 60000, 1) == [17], "who limits, in a register of our own"
            await rig.until(lambda: 0 < power_w(host) < 3 * 10.1 * 235, "the car follows")
            reading = host.hardware.read_meter(1)
            assert reading
            assert await evcc.ask("currents") == pytest.approx(reading.current_a, abs=0.1)
            assert await evcc.ask("voltages") == pytest.approx(reading.voltage_v, abs=5)
            assert await evcc.ask("power_w") == pytest.approx(power_w(host), rel=0.05)
            before_kwh, session_s = await evcc.ask("energy_kwh"), await evcc.ask("session_s")
            await rig.until(lambda: host.view().connectors[0].energy_wh > 1000 * before_kwh + 100, "energy flows")
            assert await evcc.ask("energy_kwh") > before_kwh + 0.09
            assert await evcc.ask("session_s") > session_s

            assert await evcc.ask("enable", False) == "written"
            await rig.until(lambda: power_w(host) == 0, "0 A pauses")
            assert host.view().connectors[0].status == "SuspendedEVSE"
            assert not await evcc.ask("enabled")
            assert await evcc.ask("status") == "B"
            assert await evcc.ask("enable", True) == "written"
            await rig.until(lambda: power_w(host) > 0, "and goes on")

            await evcc.ask("max_current", 20)
            await evcc.ask("write", 4006, 8)
            await rig.until(lambda: offered_a(host) == 20 or offered_a(host) == 16, "up")
            await evcc.ask("live", 4000, 0)
            await rig.until(lambda: offered_a(host) in (6, 8), "silence: the degraded set point")
            assert host.view().connectors[0].vendor_error == "18.0"
            assert await evcc.ask("read", 4000, 1) == [0]
            await evcc.ask("live", 4000, LIFE_S / 10)
            await rig.until(lambda: offered_a(host) > 8, "back")
            assert host.view().connectors[0].vendor_error == ""
            assert await evcc.ask("read", 4000, 1) == [1]

            await evcc.ask("write", 4001, 3)
            await rig.until(lambda: host.view().connectors[0].transaction is None, "force stop")
            assert host.view().connectors[0].status == "Finishing"
            assert await evcc.ask("status") == "B"
            assert await evcc.ask("value", "UINT32", 4002, 2) == 1
            assert await evcc.ask("read", 4011, 1) == [9]


# --- as nymea drives an EVlink ---------------------------------------------------------------------------------------


async def test_nymea_drives_an_evlink_through_a_charge() -> None:
    async with rigged() as rig:
        host = station(rig, WALLBOX)
        async with serving(host) as server, peer("nymea", server) as nymea:
            await nymea.ask("live", 932, LIFE_S / 10)
            seen = await nymea.ask("update")
            assert (seen["cpw"], seen["last"], seen["errors"], seen["life"], seen["degraded"]) == (1, 255, 0, 0, 0)
            await begin_charge(rig, host)
            assert await nymea.ask("write", 301, 13) == "written"
            await rig.until(lambda: offered_a(host) == 13, "the set point of the socket")
            assert await nymea.ask("write", 310, 10) == "written"
            await rig.until(lambda: offered_a(host) == 10, "the dynamic set point is lower")
            await rig.until(lambda: 0 < power_w(host) < 3 * 10.1 * 235, "the car follows")
            seen = await nymea.ask("update")
            reading = host.hardware.read_meter(1)
            assert reading
            assert (seen["cpw"], seen["socket_a"], seen["cluster_a"]) == (9, 13, 10)
            assert [seen["l1_a"], seen["l2_a"], seen["l3_a"]] == pytest.approx(reading.current_a, abs=0.1)
            assert seen["power_kw"] == pytest.approx(power_w(host) / 1000, rel=0.05)
            assert seen["energy_wh"] == pytest.approx(reading.energy_wh, abs=100)
            assert seen["session_s"] > 0
            assert seen["charge_s"] > 0

            assert await nymea.ask("write", 150, 4) == "written"
            await rig.until(lambda: power_w(host) == 0, "suspended")
            seen = await nymea.ask("update")
            assert (seen["command"], seen["command_status"]) == (4, 1)
            await nymea.ask("write", 150, 5)
            await rig.until(lambda: power_w(host) > 0, "restarted")
            await nymea.ask("live", 932, 0)
            await rig.until(lambda: host.view().connectors[0].vendor_error == "29", "remote controller lost")
            seen = await nymea.ask("update")
            assert seen["errors"] == 1 << 12
            assert seen["degraded"] == 1
            assert offered_a(host) == 10, "no more than it was told last"
            assert await nymea.ask("write", 932, 2) == "written"
            await rig.until(lambda: offered_a(host) > 13, "without control")
            assert (await nymea.ask("update"))["life"] == 2
            await nymea.ask("write", 932, 1)
            await nymea.ask("write", 150, 3)
            await rig.until(lambda: host.view().connectors[0].transaction is None, "stopped")
            assert (await nymea.ask("update"))["last"] == 9
            await rig.until(lambda: host.unplug(1) or host.view().connectors[0].pilot == "A", "unplugged")
            await nymea.ask("write", 150, 6)
            await rig.until(lambda: host.view().connectors[0].status == "Unavailable", "unavailable")
            assert (await nymea.ask("update"))["cpw"] == 0
            await nymea.ask("write", 150, 34)
            await rig.until(lambda: host.view().connectors[0].status == "Available", "available")


# --- what is refused -------------------------------------------------------------------------------------------------


async def test_bad_requests_get_their_exception() -> None:
    async with rigged() as rig:
        host = station(rig)
        async with serving(host) as server, peer("plain", server) as plain:
            assert await plain.ask("read", 5, 1) == {"exception": 2}, "no such register"
            assert await plain.ask("read", 3003, 3) == {"exception": 2}, "a hole"
            assert await plain.ask("read", 2999, 6) != {"exception": 2}
            assert await plain.ask("write", 1, 5) == {"exception": 2}, "read only"
            assert await plain.ask("write", 4004, 33) == {"exception": 3}, "out of range"
            assert await plain.ask("write", 4001, 1) == {"exception": 3}, "no command"
            assert await plain.ask("write_many", 4004, [16, 33, 6]) == {"exception": 3}
            assert await plain.ask("write_many", 4004, [16, 9, 6]) == "written"
            assert await plain.ask("read", 4005, 2) == [9, 6], "and nothing of the write before"
            assert await plain.ask("read", 1, 1, 2) == {"exception": 11}, "no second charge point"
            assert await plain.ask("read", 1, 1, 0) == await plain.ask("read", 1, 1, 1) == [2]
            for name in ("read_coils", "read_discrete_inputs", "read_input_registers"):
                assert await plain.ask("other", name) == {"exception": 1}


async def test_an_evlink_that_nobody_may_control_is_read_only() -> None:
    async with rigged() as rig:
        host = station(rig, WALLBOX, ControlledByExternalSystem="false")
        async with serving(host) as server, peer("plain", server) as plain:
            assert await plain.ask("read", 6, 1) == [1]
            assert await plain.ask("write", 301, 6) == {"exception": 2}
            assert await plain.ask("write", 932, 1) == {"exception": 2}


async def test_each_charge_point_is_a_unit() -> None:
    async with rigged() as rig:
        host = station(rig, PARKING)
        async with serving(host) as server, peer("plain", server) as plain:
            await plain.ask("write", 150, 6, 2)
            await rig.until(lambda: host.view().connectors[1].status == "Unavailable", "the second")
            assert host.view().connectors[0].status == "Available"
            assert await plain.ask("read", 6, 1, 2) == [0]
            assert await plain.ask("read", 6, 1, 1) == [1]
