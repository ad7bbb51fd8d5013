"""The parts of the virtual world: time, lines and disks, each by its promise (design, 4; reliability, 3)."""

from random import Random

import pytest

from chargepost.fleet.link import Line, Network
from chargepost.fleet.post import Disk
from chargepost.fleet.scenario import Link
from chargepost.fleet.timeline import Story, Timeline
from chargepost.signals import Dial, Remember

DIAL = Dial("ws://central.invalid/ocpp/CP1", ("ocpp1.6",), "CP1", None, 5.0)
SOUND = Link(delay_s=0.1, refuse_dial=0, lose=0, duplicate=0)


class Ends:
    """Both ends of one line, and what they were told."""

    identity = "CP1"
    up = True

    def __init__(self, spec: Link = SOUND, *, admits: bool = True) -> None:
        self.timeline = Timeline()
        self.admits = admits
        self.counts: list[str] = []
        self.network = Network(self.timeline, spec, Random(1), self, self.counts.append)
        self.station: list[object] = []
        self.central: list[object] = []
        self.line = Line(self.network, self)
        self.line.dial(DIAL)
        self.timeline.run(4)

    def line_knocked(self, line: Line, dial: Dial) -> None:
        self.central.append("knock")
        if self.admits:
            line.admit("ocpp1.6")

    def line_received(self, line: Line, data: bytes) -> None:
        (self.station if data.startswith(b"down") else self.central).append(data)

    def line_up(self, line: Line, subprotocol: str) -> None:
        self.station.append("up")

    def line_ponged(self, line: Line) -> None:
        self.station.append("pong")

    def line_deaf(self, line: Line) -> None:
        self.station.append("deaf")

    def line_down(self, line: Line, reason: str, status: int | None) -> None:
        self.station.append(f"down: {reason}")

    def line_closed(self, line: Line) -> None:
        self.central.append("closed")


def test_latency_keeps_the_order_within_a_direction() -> None:
    ends = Ends()
    for number in range(50):
        ends.line.send(b"up %d" % number)
        ends.line.reply(b"down %d" % number)
        ends.timeline.run(ends.timeline.now + 0.001)
    ends.timeline.run(10)
    assert ends.central == ["knock", *(b"up %d" % number for number in range(50))]
    assert ends.station == ["up", *(b"down %d" % number for number in range(50))]


def test_a_frame_sent_twice_arrives_twice_in_its_place() -> None:
    ends = Ends(Link(delay_s=0.1, refuse_dial=0, lose=0, duplicate=1))
    ends.line.send(b"up 1")
    ends.line.send(b"up 2")
    ends.timeline.run(10)
    assert ends.central == ["knock", b"up 1", b"up 1", b"up 2", b"up 2"]
    assert ends.counts == ["frame doubled"] * 2


def test_a_lost_frame_is_a_lost_connection_that_each_end_finds_out_by_itself() -> None:
    ends = Ends(Link(delay_s=0.1, refuse_dial=0, lose=1, duplicate=0, tcp_gives_up_s=100))
    ends.line.send(b"up 1")
    ends.network.calm()
    ends.line.send(b"up 2")
    ends.timeline.run(10)
    assert (ends.central, ends.station) == (["knock"], ["up", "deaf"])
    ends.timeline.run(200)
    assert (ends.central, ends.station) == (["knock", "closed"], ["up", "deaf", "down: the connection timed out"])


def test_a_cut_is_told_to_both_ends_and_swallows_what_is_on_its_way() -> None:
    ends = Ends()
    ends.line.send(b"up 1")
    ends.line.cut("reset")
    ends.timeline.run(10)
    assert (ends.central, ends.station) == (["knock", "closed"], ["up", "deaf", "down: reset"])


def test_a_station_without_power_says_no_goodbye() -> None:
    ends = Ends(Link(delay_s=0.1, refuse_dial=0, lose=0, duplicate=0, tcp_gives_up_s=100))
    ends.line.die()
    ends.timeline.run(10)
    assert (ends.central, ends.station) == (["knock"], ["up"])
    ends.timeline.run(200)
    assert (ends.central, ends.station) == (["knock", "closed"], ["up"])


def test_a_dial_that_nobody_answers_ends_in_its_time_and_the_central_end_hears_of_it() -> None:
    ends = Ends(admits=False)
    ends.timeline.run(6)
    assert (ends.central, ends.station) == (["knock", "closed"], ["down: no answer within 5 s"])


def test_a_dial_into_an_outage_times_out() -> None:
    ends = Ends()
    ends.network.out = True
    ends.line = Line(ends.network, ends)
    ends.line.dial(DIAL)
    ends.timeline.run(20)
    assert ends.station == ["up", "down: no answer within 5 s"]


# --- disk and time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_leaves_what_was_acknowledged_and_a_beginning_of_the_rest(seed: int) -> None:
    disk = Disk({}, Random(seed))
    for number in range(5):
        disk.write(Remember(number + 1, {str(number): b"1"}))
    assert [disk.sync(), disk.sync()] == [1, 2]
    disk.power_cut()
    assert list(disk.durable) == ["0", "1", "2", "3", "4"][: len(disk.durable)]
    assert len(disk.durable) >= 2
    assert not disk.waiting


def test_two_things_at_one_instant_keep_their_order_and_stories_wait() -> None:
    timeline, seen = Timeline(), list[object]()

    def story() -> Story:
        seen.append("begins")
        yield 5.0
        seen.append("goes on")

    timeline.at(5.0, seen.append, 1)
    timeline.follow(story())
    timeline.at(5.0, seen.append, 2)
    timeline.run(4.9)
    assert seen == ["begins"]
    timeline.run(5.0)
    assert seen == ["begins", 1, "goes on", 2]
