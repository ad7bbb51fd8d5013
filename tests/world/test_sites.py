"""Sites of a virtual fleet: stations under fuses with a leader, measured on what their outlets draw."""

from typing import Any

import msgspec
import pytest
from tests.soak import SOAK

from chargepost.energy import cluster
from chargepost.fleet import report, site
from chargepost.fleet.fuses import FuseTable
from chargepost.fleet.scenario import SCENARIOS, Scenario, ScenarioError, load, read
from chargepost.fleet.world import World

CLUSTERS = SCENARIOS / "clusters.toml"


def crowded(stations: int, clusters: int, seed: int = 1, hours: float = 7.0, **more: Any) -> Scenario:
    """A morning on which nearly every place is taken all the time: what is there is never enough."""
    plan = load(CLUSTERS)
    return msgspec.structs.replace(
        plan, stations=stations, seed=seed, hours=hours, start=plan.start.replace(hour=7),
        people=msgspec.structs.replace(plan.people, visits_per_day=30.0, stay_s=7200.0),
        site=msgspec.structs.replace(plan.site, clusters=clusters, report_s=20.0, lease_s=60.0, **more),
    )  # fmt: skip


def well(summary: report.Summary) -> bool:
    assert summary.verdict == "laws hold", "\n".join(report.summary_lines(summary))
    return summary.transactions > 0


@pytest.mark.slow
def test_twenty_clusters_on_120_a_with_losses_never_carry_more_on_any_phase() -> None:
    """The whole day of 160 stations in `make soak`, a crowded morning of 60 else."""
    summary = report.run_fleet(load(CLUSTERS) if SOAK else crowded(60, 20, hours=5.0))
    assert well(summary)
    assert summary.work["fuse"] > 1000
    assert summary.trouble["site link cut"] > 20


def test_a_crowded_site_is_used_and_never_overloaded() -> None:
    plan = crowded(6, 1, seed=3)
    world = World(plan)
    highest = [0.0]
    fuse = world.laws.fuse

    def watched(station: str, line: str, current_a: float, rating_a: float) -> None:
        if line.startswith("fuse main"):
            highest[0] = max(highest[0], current_a)
        fuse(station, line, current_a, rating_a)

    world.laws.fuse = watched  # type: ignore[method-assign]
    world.run(plan.duration_s)
    world.finish()
    assert 100 < highest[0] <= 120, "the fuse is the limit, and it is used"
    assert any(each.is_shed and "fuse" in each.author for each in world.sites[0].record.shed)


class Forgetful(cluster.Leader):
    """A planted fault: who is not heard is not there."""

    def _claim(self, seat: cluster._Seat, at: int, place: int, now: float) -> cluster._Claim:
        return super()._claim(seat, at, place, now) if self._is_sure(seat, now) else cluster._Claim(0, 3)


def test_a_leader_that_forgets_the_silent_breaks_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = crowded(6, 1, seed=3, hours=5.0, outages_per_day=60.0, floor_a=8.0)
    plan = msgspec.structs.replace(plan, fuses=(FuseTable(name="main", rating_a=70.0),))
    assert well(report.run_fleet(plan))
    monkeypatch.setattr(site, "Leader", Forgetful)
    broken = report.run_fleet(plan).broken
    assert broken
    assert broken.law == "fuse"


class Heedless(cluster.Leader):
    """A planted fault: what a building draws is not taken off."""

    def _room(self, now: float) -> list[int]:
        return list(self.tree.rating)


def test_what_a_building_draws_counts_under_the_law_of_the_fuse(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = crowded(6, 1, seed=3, hours=5.0, floor_a=0.0)
    plan = msgspec.structs.replace(plan, fuses=(FuseTable(name="main", rating_a=70.0, building_a=40.0),))
    assert well(report.run_fleet(plan))
    monkeypatch.setattr(site, "Leader", Heedless)
    broken = report.run_fleet(plan).broken
    assert broken
    assert broken.law == "fuse"


def test_the_same_seed_is_the_same_day_with_sites_too() -> None:
    plan = crowded(4, 2, hours=5)
    assert report.run_fleet(plan).digest == report.run_fleet(plan).digest


# --- the scenario file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"fuses": [{"name": "a", "rating": 3}]}, "a.toml: fuses[0].rating: unknown key; did you mean rating_a?"),
        ({"fuses": [{"name": "a", "rating_a": 0}]}, "a.toml: fuses[0].rating: must lie in"),
        ({"fuses": [{"name": "a", "rating_a": 9, "parent": "b"}]}, "a.toml: fuses[0].parent: there is no fuse 'b'"),
        ({"site": {"shed_by": "age"}}, "a.toml: site.shed_by: invalid enum value 'age'"),
        ({"site": {"clusters": 0}}, "a.toml: site.clusters: must be 1 to the number of stations"),
        ({"site": {"lose": 2.0}}, "a.toml: site.lose: 2.0 is not within 0 and 1"),
        ({"site": {"random_delay_s": 3600}}, "a.toml: site.random_delay_s: must be 0 to 1800"),
        ({"site": {"lease_s": 15}}, "a.toml: site.lease_s: must be twice report_s at least"),
        (
            {"site": {"off_peak": ["late"]}, "fuses": [{"name": "a", "rating_a": 9}]},
            "a.toml: site: 'late' are no hours",
        ),
        ({"site": {"wirings": ["RRR"]}, "fuses": [{"name": "a", "rating_a": 9}]}, "a.toml: site.wirings: 'RRR' is"),
        ({"site": {"zone": "Mars"}, "fuses": [{"name": "a", "rating_a": 9}]}, "a.toml: site: "),
    ],
)
def test_a_wrong_site_is_one_line_with_file_and_key(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(table, "a.toml")
    text = str(caught.value).replace("`", "")
    assert text.startswith(words)
    assert "\n" not in text


def test_floors_that_are_too_much_for_a_fuse_are_refused() -> None:
    plan = crowded(60, 1, floor_a=10.0)
    with pytest.raises(ScenarioError, match=r"fuses\[\d\]: the floors of its stations \(\d+ A\)"):
        World(plan)
