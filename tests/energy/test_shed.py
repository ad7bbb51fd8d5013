"""Who is shed first, and the margins of giving back (EVlink commissioning guide, Load Shedding Priority)."""

from chargepost.energy.shed import ENTRY_A, SWAP_WH, By, rank


def order(by: By, **charges: dict[str, float]) -> str:
    """Names in the order of who goes first; the last is shed first."""

    def of(name: str) -> tuple[float, ...]:
        said = {"priority": 0, "idle": 0, "running": 1, "since": 0.0, "wh": 0.0} | charges[name]
        return rank(
            by, priority=int(said["priority"]), is_idle=bool(said["idle"]), is_running=bool(said["running"]),
            since_utc_s=said["since"], energy_wh=said["wh"],
        )  # fmt: skip

    return "".join(sorted(charges, key=of))


def test_by_charge_duration_the_one_that_started_first_is_shed_first() -> None:
    assert order("duration", a={"since": 10}, b={"since": 30}, c={"since": 20}) == "bca"


def test_by_energy_delivered_the_one_with_the_most_is_shed_first() -> None:
    assert order("energy", a={"wh": 9000}, b={"wh": 4000}, c={"wh": 20_000}) == "bac"


def test_two_of_about_the_same_energy_do_not_take_turns() -> None:
    waits = {"wh": 5000.0, "running": 0}
    assert order("energy", a={"wh": 5000 + SWAP_WH - 1}, b=waits) == "ab"
    assert order("energy", a={"wh": 5000 + SWAP_WH + 1}, b=waits) == "ba"
    assert ENTRY_A > 0


def test_a_vip_goes_before_all_and_an_idle_car_after_its_equals() -> None:
    assert order("duration", a={"since": 30}, v={"priority": 1, "since": 1}, i={"since": 40, "idle": 1}) == "vai"
