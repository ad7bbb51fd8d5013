"""OCPP-J 1.6, 4: whatever valid a central system asks or answers, in whatever state, the station answers on."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargepost.ocpp import frames, messages
from tests.ocpp.test_schemas import as_json, instances, schema
from tests.rules.rig import Rig

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox", "evlink-pro-dc", "schneider-charge"]

ANSWERED = ["Authorize", "BootNotification", "Heartbeat", "MeterValues", "StartTransaction", "StatusNotification",
            "StopTransaction"]  # fmt: skip


def requests(model: str) -> st.SearchStrategy[tuple[str, Any]]:
    """A request the product answers, valid by its schema."""
    actions = sorted(Rig(model, start=False).model.messages.answers)
    return st.one_of(*(st.tuples(st.just(action), instances(action, schema(action))) for action in actions))


@pytest.mark.parametrize("model", MODELS)
def test_4_whatever_valid_is_asked_and_answered_the_station_answers_on(model: str) -> None:
    @settings(
        max_examples=80, derandomize=True, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(
        asked=st.lists(requests(model), min_size=1, max_size=6),
        answered=st.sampled_from(ANSWERED).flatmap(
            lambda action: st.tuples(st.just(action), instances(f"{action}Response", schema(f"{action}Response")))
        ),
        plugged=st.booleans(),
    )
    def check(asked: list[tuple[str, Any]], answered: tuple[str, Any], plugged: bool) -> None:
        rig = Rig(model)
        rig.run(2)
        if plugged:
            rig.plug()
            rig.badge()
        rig.answers[answered[0]] = answered[1]
        for n, (action, payload) in enumerate(asked):
            rig.hear(b'[2,"%d","%s",%s]' % (n, action.encode(), as_json(payload)))
            rig.drain()
            rig.run(5)
        rig.run(30)
        rig.answers.clear()
        rig.power_cycle()
        rig.run(60)
        answer = rig.ask(messages.GetConfiguration(key=("NumberOfConnectors",)))
        assert not isinstance(answer, frames.Error)

    check()
