"""Files in virtual time: a station that is told to fetch or send one comes to an end with it."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.world.test_fleet_laws import plan

from chargepost import signals as sig
from chargepost.catalogue import image, load
from chargepost.fleet.post import Post
from chargepost.fleet.world import World
from chargepost.ocpp import frames, messages

URL = "http://central.example/R7.fw"


class Seen(World):
    """A world that keeps what its one station says."""

    def __init__(self, model: str) -> None:
        self.told: list[str] = []
        calm = plan(stations=1, models={model: 1.0})
        super().__init__(msgspec.structs.replace(calm, people=msgspec.structs.replace(calm.people, visits_per_day=0)))

    def frame_up(self, post: Post, data: bytes) -> None:
        frame = frames.read(data, tolerant=True)  # serial numbers of this product are longer than allowed
        if isinstance(frame, frames.Call) and frame.action in (
            "FirmwareStatusNotification",
            "DiagnosticsStatusNotification",
        ):
            self.told.append(getattr(frame.payload, "status", ""))
        super().frame_up(post, data)


def ask(world: World, what: messages.Request) -> Post:
    (post,) = world.posts
    world.run(60.0)
    post.tell(sig.FrameReceived(frames.write_call("cs-1", what)))
    return post


@pytest.mark.parametrize("there", [True, False])
def test_5_19_a_virtual_station_becomes_the_release_or_says_that_it_cannot(there: bool) -> None:
    private, public = image.draw_key()
    world = Seen("evlink-parking@R6")
    post = ask(world, messages.UpdateFirmware(location=URL, retrieve_date=datetime(2020, 1, 1, tzinfo=UTC)))
    post.files.keys = (public,)
    if there:
        post.files.shelf = {URL: image.make("evlink-parking", "R7", "chargepost test", private)}
    world.run(600.0)
    assert post.model == load("evlink-parking@R7" if there else "evlink-parking@R6")
    assert world.told == (
        ["Downloading", "Downloaded", "Installing", "Installed"] if there else ["Downloading", "DownloadFailed"]
    )
    assert not post.files.kept


def test_5_9_a_virtual_station_sends_its_report() -> None:
    world = Seen("evlink-pro-ac")
    ask(world, messages.GetDiagnostics(location="ftp://central.example/"))
    world.run(600.0)
    assert world.told == ["Uploading", "Uploaded"]
