"""What goes wrong in the course of a day, and what the operator does: stories, each with its own dice."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import inf
from random import Random

import msgspec

from chargepost.fleet.hub import Hub
from chargepost.fleet.people import reserve
from chargepost.fleet.post import Post
from chargepost.fleet.scenario import Scenario
from chargepost.fleet.timeline import Story, Timeline
from chargepost.ocpp import messages as m

What = Callable[..., Story]

DAY_S = 86400.0
CLOCK_STEPS_S = (-DAY_S, -3600.0, -120.0, -5.0, -1.0, 1.0, 5.0, 120.0, 3600.0, DAY_S)
"""From the right date: a clock that is wrong, summer time, a leap second."""
ODD_DATES_UTC_S = (0.0, 2.0**31 - 1)
"""Where a clock without a battery begins, and where one of 32 bits ends (2038)."""
CENTRAL_STEPS_S = (-3600.0, -30.0, -2.0, 2.0, 30.0, 3600.0)
CENTRAL_OFF_S = 90.0
RESERVED_S = 3600.0
"""How long a reservation is made for, on average."""
LISTED = 20
"""Badges of one SendLocalList: within every product's SendLocalListMaxLength."""


class Trouble:
    """Everything but people. After `until_s` nothing goes wrong any more."""

    def __init__(self, plan: Scenario, timeline: Timeline, hub: Hub, until_s: float) -> None:
        self.plan, self.rates, self.timeline, self.hub, self.until_s = plan, plan.disturbances, timeline, hub, until_s
        self.counts: dict[str, int] = {}

    def begin(self, post: Post, dice: Random) -> None:
        """All stories of one station."""
        link, rates = self.plan.link, self.rates
        for story in (
            self._now_and_then(dice, link.cuts_per_day, self._link_cut, post),
            self._now_and_then(dice, link.outages_per_day, self._outage, post),
            self._now_and_then(dice, rates.power_cuts_per_day, self._power_cut, post),
            self._now_and_then(dice, rates.clock_steps_per_day, self._clock_step, post),
            self._now_and_then(dice, rates.disk_troubles_per_day, self._disk_trouble, post),
            self._now_and_then(dice, rates.hardware_faults_per_day, self._hardware_fault, post),
            self._now_and_then(dice, rates.resets_per_day, self._reset, post),
            self._now_and_then(dice, rates.commands_per_day, self._command, post),
        ):
            self.timeline.follow(story)
        if rates.unlucky_cut:
            post.on_write = lambda post: self._maybe_cut(post, dice)

    def begin_central(self, dice: Random) -> None:
        rates = self.rates
        self.timeline.follow(self._now_and_then(dice, rates.central_restarts_per_day, self._central_restart))
        self.timeline.follow(self._now_and_then(dice, rates.central_clock_steps_per_day, self._central_clock))

    def _now_and_then(self, dice: Random, per_day: float, what: What, *args: Post) -> Story:
        while per_day:
            yield dice.expovariate(per_day / DAY_S)
            if self.timeline.now > self.until_s:
                return
            self.count(what.__name__.strip("_").replace("_", " "))
            yield from what(dice, *args)

    def count(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1

    # --- stories -----------------------------------------------------------------------------------------------------

    def _link_cut(self, dice: Random, post: Post) -> Story:
        if post.line:
            post.line.cut("connection reset")
        yield 0.0

    def _outage(self, dice: Random, post: Post) -> Story:
        post.network.out = True
        if post.line:
            post.line.fall_silent()
        yield self._some(dice, self.plan.link.outage_s)
        post.network.out = False

    def _power_cut(self, dice: Random, post: Post) -> Story:
        post.power_cut()
        yield self._some(dice, self.rates.power_off_s)
        post.power_up()

    def _maybe_cut(self, post: Post, dice: Random) -> None:
        """The power goes just while something is on its way to the disk."""
        if self.timeline.now < self.until_s and dice.random() < self.rates.unlucky_cut:
            self.count("power cut while writing")
            self.timeline.after(0.03 * dice.random(), self.timeline.follow, self._power_cut(dice, post))

    def _clock_step(self, dice: Random, post: Post) -> Story:
        right_utc_s = self.plan.start_utc_s + self.timeline.now
        post.set_clock(dice.choice((*ODD_DATES_UTC_S, *(right_utc_s + step_s for step_s in CLOCK_STEPS_S))))
        yield 0.0

    def _disk_trouble(self, dice: Random, post: Post) -> Story:
        post.disk_trouble(True)
        yield self._some(dice, 120.0)
        post.disk_trouble(False)

    def _hardware_fault(self, dice: Random, post: Post) -> Story:
        """Something breaks, and is mended after some minutes."""
        connector, now = dice.randint(1, len(post.hardware.connectors)), self.timeline.now
        hardware, lasts_s = post.hardware, self._some(dice, 300.0)
        match dice.randrange(4):
            case 0:
                hardware.leak(connector, 30.0, now)
                post.seen()
                yield lasts_s
                hardware.leak(connector, 0.0, self.timeline.now)
            case 1:
                hardware.short_pilot(connector, True, now)
                post.seen()
                yield lasts_s
                hardware.short_pilot(connector, False, self.timeline.now)
            case 2:
                hardware.jam_lock(connector, True)
                yield lasts_s
                hardware.jam_lock(connector, False)
            case _:
                hardware.press("emergency_stop")
                post.seen()
                yield lasts_s
                hardware.press("emergency_stop", False)
        post.seen()

    def _reset(self, dice: Random, post: Post) -> Story:
        self.hub.command(post.identity, m.Reset(type=dice.choice(("Soft", "Hard"))))
        yield 0.0

    def _command(self, dice: Random, post: Post) -> Story:
        """What an operator asks of a station; an outlet taken out of service comes back."""
        connector = dice.randint(0, len(post.hardware.connectors))
        outlet = max(connector, 1)
        ask = self.hub.command
        match dice.randrange(10):
            case 0:
                ask(post.identity, m.GetConfiguration())
            case 1:
                ask(post.identity, m.TriggerMessage(requested_message=dice.choice(TRIGGERS)))
            case 2:
                ask(post.identity, m.UnlockConnector(connector_id=outlet))
            case 3:
                ask(post.identity, m.ChangeAvailability(connector_id=connector, type="Inoperative"))
                yield self._some(dice, 1800.0)
                ask(post.identity, m.ChangeAvailability(connector_id=connector, type="Operative"))
            case 4:
                ask(post.identity, m.ClearCache())
            case 5:
                value = dice.choice(("30", "60", "120"))
                ask(post.identity, m.ChangeConfiguration(key="MeterValueSampleInterval", value=value))
            case 6:
                yield from self._reserve(dice, post, connector)
            case 7:
                self._list(dice, post)
            case 8:
                ask(post.identity, self._profile(dice, connector))
            case 9:
                ask(post.identity, m.ClearChargingProfile())
        yield 0.0

    def _reserve(self, dice: Random, post: Post, connector: int) -> Story:
        """Somebody asks for a place, and stays away or calls it off."""
        badge, lasts_s = dice.choice(self.hub.ledger.badges), self._some(dice, RESERVED_S)
        ident = reserve(self.hub, post, connector, badge.id_tag, badge.parent, lasts_s, dice)
        if dice.random() < 0.3:
            yield lasts_s / 2
            self.hub.command(post.identity, m.CancelReservation(reservation_id=ident))

    def _list(self, dice: Random, post: Post) -> None:
        """A local list of some badges; now and then it knows of somebody what nobody else does."""
        some = dice.sample(self.hub.ledger.badges, min(LISTED, len(self.hub.ledger.badges)))
        said = [m.IdTagInfo(status="Blocked" if dice.random() < 0.2 else "Accepted") for _ in some]
        entries = [m.AuthorizationData(id_tag=b.id_tag, id_tag_info=i) for b, i in zip(some, said, strict=True)]
        for ask in (
            m.ChangeConfiguration(key="LocalAuthListEnabled", value="true"),
            m.SendLocalList(
                list_version=int(self.timeline.now) + 1,
                update_type=dice.choice(("Full", "Differential")),
                local_authorization_list=tuple(entries),
            ),
        ):
            self.hub.command(post.identity, ask)

    def _profile(self, dice: Random, connector: int) -> m.SetChargingProfile:
        """Less current for some hours, in steps: of the whole station, of every charge, or of this one."""
        purpose = dice.choice(PURPOSES)
        place = {"ChargePointMaxProfile": 0, "TxProfile": max(connector, 1)}.get(purpose, connector)
        relative = purpose != "ChargePointMaxProfile" and dice.random() < 0.3
        now = datetime.fromtimestamp(round(self.timeline.now + self.hub.offset_s), UTC)
        steps = tuple(
            m.ChargingSchedulePeriod(start_period=600 * step, limit=float(dice.choice(LIMITS_A)))
            for step in range(dice.randint(1, 8))
        )
        return m.SetChargingProfile(
            connector_id=place,
            cs_charging_profiles=m.ChargingProfile(
                charging_profile_id=dice.randint(1, 9),
                stack_level=dice.randint(0, 2),
                charging_profile_purpose=purpose,
                charging_profile_kind="Relative" if relative else "Absolute",
                charging_schedule=m.ChargingSchedule(
                    duration=dice.choice((1800, 3600, 7200)),
                    start_schedule=msgspec.UNSET if relative else now,
                    charging_rate_unit="A",
                    charging_schedule_period=steps,
                ),
            ),
        )

    def _central_restart(self, dice: Random) -> Story:
        self.hub.die(told=dice.random() < 0.5)
        yield self._some(dice, CENTRAL_OFF_S)
        self.hub.start()

    def _central_clock(self, dice: Random) -> Story:
        self.hub.step_clock(dice.choice(CENTRAL_STEPS_S))
        yield 0.0

    def _some(self, dice: Random, mean_s: float) -> float:
        """A duration around a mean, over before the quiet begins."""
        left_s = self.until_s - self.timeline.now if self.until_s < inf else inf
        return min(dice.expovariate(1 / mean_s) if mean_s else 0.0, max(left_s, 0.0))


PURPOSES: tuple[m.ChargingProfilePurposeType, ...] = ("ChargePointMaxProfile", "TxDefaultProfile", "TxProfile")
LIMITS_A = (0, 6, 8, 10, 13, 20, 32)

TRIGGERS: tuple[m.MessageTrigger, ...] = ("Heartbeat", "MeterValues", "StatusNotification", "BootNotification")
