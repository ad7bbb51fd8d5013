"""A start that is killed, again and again, at every point: the next one always boots (P1, P3; reliability bar 9)."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.rules.rig import PowerCut, Rig
from tests.rules.test_power_cut import MODELS, end, fresh, visit, wishes_of_a_visit
from tests.soak import times

STATION = [sys.executable, "-m", "chargepost", "station", "evlink-pro-ac", "--id", "K1", "--json"]
START_S = 60.0


def memories(model: str) -> list[dict[str, bytes]]:
    """What a station may find at its start: after each tenth of a visit, offline so that messages wait too."""
    found, wishes = [fresh(model).memory], wishes_of_a_visit(model)
    for after in range(0, wishes, max(1, wishes // 8)):
        rig = fresh(model, cut_at=after)
        with pytest.raises(PowerCut):
            visit(rig)
        found.append(rig.memory)
    return found


@pytest.mark.parametrize("model", MODELS)
def test_p3_a_boot_cut_at_every_wish_boots_the_next_time(model: str) -> None:
    """Every point of every start, and all of them one after the other on the same memory: no loop, nothing stuck."""
    points = 0
    for memory in memories(model):
        worn = dict(memory)
        for cut in range(1_000):
            for begun in (dict(memory), worn):
                rig = Rig(model, memory=begun, start=False)
                rig.cut_at = cut
                try:
                    rig.start()
                    rig.run(30)
                except PowerCut:
                    points += 1
                    again = Rig(model, memory=begun)
                    again.run(60)
                    end(again)
                    assert again.said("BootNotification"), f"cut after wish {cut}"
                    assert again.view.status == "Available", f"cut after wish {cut}"
            if rig.done < cut:
                break
    assert points >= 100


@pytest.mark.slow
def test_p3_a_process_killed_at_any_moment_of_its_start_starts_the_next_time(tmp_path: Path) -> None:
    """SIGKILL after ever longer times, on one store: it grows no leftovers, and the last start serves."""
    kills = times(10, 100)
    arguments = [*STATION, "--store", str(tmp_path / "store"), "--control", "127.0.0.1:0"]
    for kill in range(kills):
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            threading.Timer(0.1 + 1.5 * kill / kills, process.kill).start()
            process.wait(START_S)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        guard = threading.Timer(START_S, process.kill)
        guard.start()
        assert process.stdout
        served = process.stdout.readline()
        guard.cancel()
        process.terminate()
        process.communicate(timeout=START_S)
    assert b"control" in served
    names = {path.name for path in (tmp_path / "store").iterdir()}
    assert not [name for name in names if "damaged" in name or name.endswith((".new", ".back"))], names
