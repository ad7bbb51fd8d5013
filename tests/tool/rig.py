"""Real stations with their tools, each on a port of its own, and clients that are logged in."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from chargepost.commissioning.access import ADMIN
from chargepost.commissioning.api import Embedded
from chargepost.run.addresses import Address
from chargepost.run.house import House, Plan, opened
from chargepost.run.runner import StationHost
from chargepost.run.site import Site, StationPart, SupervisionPart
from chargepost.run.store import Store
from chargepost.run.transfer import Terms
from tests.shells.rig import until

OWN = "Brand-new 1"
"""A password that the rule takes."""


@dataclass
class Commissioned:
    """One process with its stations and their tools."""

    house: House

    @property
    def url(self) -> str:
        assert self.house.tools
        return self.house.tools.url

    def host(self, identity: str = "S1") -> StationHost:
        return self.house.stations.hosts[identity]

    def embedded(self, identity: str = "S1") -> Embedded:
        assert self.house.tools
        embedded = self.house.tools.tools.embedded(identity)
        assert embedded
        return embedded

    def first(self, account: str = ADMIN, identity: str = "S1") -> str:
        assert self.house.tools
        return self.house.tools.tools.first_passwords[identity][account]

    def page(self, path: str = "", identity: str = "S1") -> str:
        return f"{self.url}stations/{identity}/{path}"

    def setting(self, key: str, identity: str = "S1") -> str:
        station = self.host(identity).station
        assert station
        return station.core.settings.text(key)

    async def up(self, identity: str = "S1") -> None:
        await until(lambda: self.host(identity).station is not None, asyncio.Event())

    @contextlib.asynccontextmanager
    async def client(self, account: str = "", identity: str = "S1") -> AsyncIterator["Client"]:
        """Nobody, or an account whose first password has been changed to `OWN`."""
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
            client = Client(http, self.page(identity=identity))
            if account:
                await client.log_in(account, self.first(account, identity))
                answer = await client.http.post(
                    f"{client.at}password",
                    data={"csrf": await client.csrf("password"), "old": self.first(account, identity), "new": OWN,
                          "again": OWN},
                )  # fmt: skip
                assert answer.status_code == 303, answer.text
            yield client


@dataclass
class Client:
    """A browser without eyes."""

    http: httpx2.AsyncClient
    at: str

    async def log_in(self, account: str, password: str) -> httpx2.Response:
        return await self.http.post(f"{self.at}login", data={"user": account, "password": password})

    async def get(self, path: str, **more: Any) -> httpx2.Response:
        return await self.http.get(self.at + path, **more)

    async def csrf(self, path: str = "about") -> str:
        found = re.search(r'data-csrf="([^"]*)"', (await self.get(path)).text)
        assert found
        return found[1]

    async def save(self, path: str, reboot: bool = False, **values: str) -> httpx2.Response:
        """The form of a sub-tab with these fields changed; `_` in a name stands for `-`."""
        form = {name.replace("_", "-"): value for name, value in values.items()}
        do = {"do": "save-and-reboot" if reboot else "save", "csrf": await self.csrf()}
        return await self.http.post(self.at + path, data=form | do)

    async def fields(self) -> dict[str, dict[str, Any]]:
        answer = await self.get("api/fields")
        assert answer.status_code == 200, answer.text
        return {each["name"]: each for each in answer.json()}


@contextlib.asynccontextmanager
async def commissioned(
    *models: str, settings: dict[str, Any] | None = None, speed: float = 1.0, supervision: str = "",
    store: Store | None = None, own_supervision: bool = False, files: Terms = Terms(),
) -> AsyncIterator[Commissioned]:  # fmt: skip
    """Stations S1, S2 ... of these models (evlink-smart-wallbox@R7 without), with their tools."""
    parts = tuple(
        StationPart(id=f"S{number}", model=model, settings=settings or {})
        for number, model in enumerate(models or ("evlink-smart-wallbox@R7",), 1)
    )
    site = Site(name="tools", stations=parts, supervision=SupervisionPart(url=supervision))
    here = Address("127.0.0.1", 0)
    own = here if own_supervision else None
    plan = Plan(site, store or Store(None), "0", speed, tool=here, supervision=own, files=files)
    async with opened(plan) as house:
        assert not house.broken, house.broken
        yield Commissioned(house)


Stage = Callable[..., contextlib.AbstractAsyncContextManager[Commissioned]]
