"""Makes the picture of a site of fuses from its scenario, so that it is not older than the program that drew it.

.venv/bin/python docs/pictures/site.py
"""

from pathlib import Path

from chargepost.fleet.report import run_fleet
from chargepost.fleet.scenario import SCENARIOS, load

HERE = Path(__file__).parent


def main() -> None:
    summary = run_fleet(load(SCENARIOS / "garage.toml"), plot=lambda picture: _keep(HERE / "site.svg", picture))
    assert summary.broken is None


def _keep(path: Path, picture: str) -> None:
    path.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
