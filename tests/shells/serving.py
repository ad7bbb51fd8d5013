"""An application on the product's own server, with a free port, and a client for it."""

import contextlib
from collections.abc import AsyncIterator

import httpx2
from starlette.types import ASGIApp

from chargepost.run.http import serve


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """A client whose base URL is the server's; the server is gone afterwards. Plain HTTP loads no certificates."""
    server = await serve("127.0.0.1", 0, app, None)
    base = f"http://{server.host}:{server.port}"
    async with httpx2.AsyncClient(base_url=base, trust_env=False, verify=False) as client:
        yield client
    await server.close()
