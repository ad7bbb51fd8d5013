"""The command line. Data on stdout, talk on stderr; an error is one line with its remedy, never a traceback.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the checked system failed its scenario or its store an invariant.
Order of a value: flag, environment (CHARGEPOST_...), user file (config.toml), default.
"""

import os
import platform
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from typer.main import get_command

from chargepost.catalogue.checks import nearest

DONE, FAILED, WRONG_USAGE, NOT_RIGHT, INTERRUPTED = 0, 1, 2, 3, 130

STATIONS, FLEET_MODEL = 200, "evlink-pro-ac"
"""Of a fleet, unless told; the same as in `run.fleet`, which commands that serve nothing start faster without."""

WIDE = 160
"""Characters of a line where there is no terminal."""

HEARTBEAT_S = 300.0
"""Between two heartbeats, as our supervision asks for it."""

SUPERVISION_AT, CONTROL_AT, TOOL_AT = "127.0.0.1:8610", "127.0.0.1:8620", "127.0.0.1:8630"
"""Ports that the programs of this audience leave free."""


class Failure(Exception):
    """One line for stderr."""

    def __init__(self, code: int, line: str) -> None:
        super().__init__(line)
        self.code, self.line = code, line


class LogLevel(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


def _environment(name: str) -> str:
    return f"CHARGEPOST_{name.upper().replace('-', '_')}"


def _option(*names: str, help: str, **more: Any) -> Any:  # noqa: A002 - typer's word
    """An option with the environment variable of its name."""
    return typer.Option(*names, envvar=_environment(names[0].lstrip("-")), help=help, **more)


Json = Annotated[bool, _option("--json", help="One line of JSON per object on stdout.")]
Level = Annotated[LogLevel, _option("--log-level", help="What goes to stderr.")]
JsonLogs = Annotated[bool, _option("--json-logs", help="Log lines as JSON.")]
Plain = Annotated[bool, _option("--plain", help="Lines instead of the live view, also on a terminal.")]
Speed = Annotated[float, _option("--speed", metavar="N", help="Make the world N times faster than the clock.")]
StoreOption = Annotated[
    str, _option("--store", metavar="FOLDER", help="Of the store, also as file: URL; none: memory only.")
]
ControlOption = Annotated[
    str, _option("--control", metavar="HOST:PORT", help=f"Where the control API listens [{CONTROL_AT}]; none: nowhere.")
]
ToolOption = Annotated[
    str,
    _option("--tool", metavar="HOST:PORT", help=f"Where the stations' tools are served [{TOOL_AT}]; none: nowhere."),
]
ListenOption = Annotated[
    str, _option("--listen", metavar="HOST:PORT", help=f"Where the supervision listens [{SUPERVISION_AT}].")
]
TlsCert = Annotated[
    str, _option("--tls-cert", metavar="FILE", help="Serve https and wss with this certificate (PEM, with its chain).")
]
TlsKey = Annotated[str, _option("--tls-key", metavar="FILE", help="The private key (PEM) of --tls-cert.")]
TokenOption = Annotated[
    str, typer.Option("--control-token", envvar="CHARGEPOST_CONTROL_TOKEN", hidden=True, help="Use the environment.")
]
Supervision = Annotated[
    str, _option("--supervision", metavar="URL", help="The central system, as ws://HOST:PORT/PATH; the id is added.")
]
TransferHosts = Annotated[
    str,
    _option(
        "--transfer-hosts", metavar="HOST[:PORT],...",
        help="Where files may be fetched and sent, beside the supervision's host.",
    ),
]  # fmt: skip
FirmwareKeys = Annotated[
    list[Path] | None,
    _option("--firmware-key", metavar="FILE", help="Public key (PEM) of firmware to install; may be repeated."),
]

FaultsOption = Annotated[
    Path | None,
    _option("--faults", metavar="FILE", help="What is wrong with the links (TOML): delays, cuts, other answers."),
]

app = typer.Typer(
    name="chargepost",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"chargepost {_version()}, Python {platform.python_version()}, {platform.platform(terse=True)}")
        raise typer.Exit


def _version() -> str:
    try:
        return version("chargepost")
    except PackageNotFoundError:
        return "0"


@app.callback()
def chargepost(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version, Python, platform.")
    ] = False,
) -> None:
    """EV charging stations in software, and the supervision that operates them.

    \b
    chargepost run                                          a demo site in this terminal
    chargepost station evlink-pro-ac --supervision ws://HOST:PORT/PATH
    chargepost models                                       which products there are
    """


# --- commands that serve ----------------------------------------------------------------------------------------------


@app.command()
def run(
    site_file: Annotated[
        Path | None, typer.Argument(metavar="[SITE.toml]", help="The site; without one, the demo site.")
    ] = None,
    listen: ListenOption = "",
    control: ControlOption = "",
    tool: ToolOption = "",
    store: StoreOption = "",
    tls_cert: TlsCert = "",
    tls_key: TlsKey = "",
    speed: Speed = 1.0,
    transfer_hosts: TransferHosts = "",
    firmware_key: FirmwareKeys = None,
    plain: Plain = False,
    json: Json = False,
    log_level: Level = LogLevel.warning,
    json_logs: JsonLogs = False,
    control_token: TokenOption = "",
) -> None:
    """Run a site: its stations and, unless it names another, the supervision.

    \b
    chargepost run                       the demo site: two stations, cars that come and go
    chargepost run my-site.toml          a site of your own
    chargepost run --speed 60 --json     an hour in a minute, for programs
    """
    from chargepost.run import site as sites  # noqa: PLC0415 - other commands start faster without
    from chargepost.run.house import Plan  # noqa: PLC0415
    from chargepost.run.store import hold, hold_any, state_home  # noqa: PLC0415

    _set_up_logs(log_level, json_logs)
    with _errors():
        site = sites.load(site_file) if site_file else sites.demo()
        if tls_cert or tls_key:
            site = msgspec.structs.replace(
                site, supervision=msgspec.structs.replace(site.supervision, tls_cert=tls_cert, tls_key=tls_key)
            )
        own = not site.supervision.url
        where = _address(listen or site.supervision.listen, bool(listen)) if own else None
        control_at = _control(control or site.control, bool(control))
        tool_at = _tool(tool)
        if store or site.store:
            held = hold(_store_folder(store or site.store))
        elif site_file:
            held = hold(state_home() / "sites" / _file_name(site.name))
        else:
            held = hold_any(state_home() / "demo")
        apart = hold(_store_folder(site.supervision.store)) if site.supervision.store and own else None
        plan = Plan(
            site, held, _version(), _speed(speed), supervision=where, supervision_store=apart, control=control_at,
            tool=tool_at, token=control_token or None, files=_files(transfer_hosts, firmware_key, site),
        )  # fmt: skip
    _serve(
        plan, plain, json, wished={"supervision": where, "control": control_at, "tool": tool_at}, site_file=site_file
    )


@app.command()
def station(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name from chargepost models.")],
    id: Annotated[str, _option("--id", metavar="ID", help="Its identity [the model's name and -1].")] = "",  # noqa: A002 - the option's name
    supervision: Supervision = "",
    store: StoreOption = "none",
    control: ControlOption = "",
    tool: ToolOption = "",
    set: Annotated[  # noqa: A002 - the option's name
        list[str] | None, _option("--set", metavar="KEY=VALUE", help="A configuration key; may be repeated.")
    ] = None,
    speed: Speed = 1.0,
    transfer_hosts: TransferHosts = "",
    firmware_key: FirmwareKeys = None,
    faults: FaultsOption = None,
    modbus: Annotated[
        str, _option("--modbus", metavar="HOST:PORT", help="Where it is a Modbus server, to be read and controlled.")
    ] = "",
    hardware: Annotated[
        Path | None, _option("--hardware", metavar="FILE", help="Its real instruments, as tables [meter], [reader] ...")
    ] = None,
    plain: Plain = False,
    json: Json = False,
    log_level: Level = LogLevel.warning,
    json_logs: JsonLogs = False,
    control_token: TokenOption = "",
) -> None:
    """Run one station.

    \b
    chargepost station evlink-pro-ac --supervision ws://127.0.0.1:9000
    chargepost station evlink-smart-wallbox@R7 --id EVB-7 --set MeterValueSampleInterval=10
    chargepost station evlink-pro-ac --store ./store --speed 60 --faults bad.toml
    """
    from chargepost.run.given import find_model, judge  # noqa: PLC0415
    from chargepost.run.house import Plan  # noqa: PLC0415
    from chargepost.run.site import Site, StationPart, SupervisionPart, load_hardware  # noqa: PLC0415
    from chargepost.run.store import hold  # noqa: PLC0415

    _set_up_logs(log_level, json_logs)
    with _errors():
        product = find_model(model)
        identity = id or f"{product.line}-1"
        settings = _settings(set or [])
        judge(identity, product, settings, supervision or None, modbus=bool(modbus))
        if modbus:
            _address(modbus, True)
        fitted = load_hardware(hardware) if hardware else None
        part = StationPart(id=identity, model=product.name, settings=dict(settings), modbus=modbus, hardware=fitted)
        site = Site(name=f"station {identity}", stations=(part,), supervision=SupervisionPart(url=supervision))
        control_at = _control(control, bool(control))
        tool_at = _tool(tool)
        plan = Plan(
            site, hold(_store_folder(store)), _version(), _speed(speed), control=control_at,
            tool=tool_at, token=control_token or None, files=_files(transfer_hosts, firmware_key),
            faults=_faults(faults),
        )  # fmt: skip
    _serve(plan, plain, json, wished={"control": control_at, "tool": tool_at}, hardware_file=hardware)


@app.command()
def supervision(
    listen: ListenOption = "",
    store: StoreOption = "",
    control: ControlOption = "none",
    accept_unknown: Annotated[
        bool, _option("--accept-unknown", help="Let in whoever connects, without a password: on a closed network only.")
    ] = False,
    admit: Annotated[
        list[str] | None,
        _option("--admit", metavar="PATTERN", help="Let in who fits, as 'FLEET-*', without being on the roster."),
    ] = None,
    tls_cert: TlsCert = "",
    tls_key: TlsKey = "",
    admit_key: Annotated[
        str, _option("--admit-key", metavar="FILE", help="The password of all that --admit lets in.")
    ] = "",
    accept_badge: Annotated[
        list[str] | None, _option("--accept-badge", metavar="PATTERN", help="Accept badges that fit, as 'FLEET*'.")
    ] = None,
    heartbeat: Annotated[
        str, _option("--heartbeat", metavar="DURATION", help="How often stations are to show that they live [5min].")
    ] = "",
    plain: Annotated[bool, _option("--plain", hidden=True, help="Always so: there is no live view.")] = False,
    json: Json = False,
    log_level: Level = LogLevel.warning,
    json_logs: JsonLogs = False,
    control_token: TokenOption = "",
) -> None:
    """Run the central system alone. It prints a line for each connect, refusal and charge.

    \b
    chargepost supervision --accept-unknown
    chargepost supervision --listen 0.0.0.0:8610 --store /var/lib/chargepost
    chargepost supervision --admit 'FLEET-*' --accept-badge 'FLEET*' --control 127.0.0.1:8620
    """
    from chargepost.run.house import Plan  # noqa: PLC0415
    from chargepost.run.quantities import Duration  # noqa: PLC0415
    from chargepost.run.site import Site, SupervisionPart  # noqa: PLC0415
    from chargepost.run.store import hold, state_home  # noqa: PLC0415

    _set_up_logs(log_level, json_logs)
    with _errors():
        where = _address(listen or SUPERVISION_AT, bool(listen))
        held = hold(_store_folder(store) if store else state_home() / "supervision")
        wait_s = _seconds("--heartbeat", heartbeat)
        central = SupervisionPart(
            accept_unknown=accept_unknown,
            heartbeat=Duration(HEARTBEAT_S if wait_s is None else max(wait_s, 1.0)),
            admit=tuple(admit or ()),
            admit_key_file=admit_key,
            tls_cert=tls_cert,
            tls_key=tls_key,
            accept_badges=tuple(accept_badge or ()),
        )
        site = Site(name="supervision", supervision=central)
        control_at = _control(control, bool(control))
        plan = Plan(site, held, _version(), supervision=where, control=control_at, token=control_token or None)
    _serve(plan, True, json, wished={"supervision": where, "control": control_at})


@app.command()
def fleet(
    scenario: Annotated[
        Path | None, typer.Argument(metavar="[SCENARIO.toml]", help="The scenario; without one, a day.")
    ] = None,
    stations: Annotated[int | None, _option("--stations", metavar="N", help="How many [200].")] = None,
    model: Annotated[
        list[str] | None, _option("--model", help="A name from chargepost models; repeated: as many of each.")
    ] = None,
    virtual: Annotated[bool, _option("--virtual", help="Scenario, link and central system in virtual time.")] = False,
    seed: Annotated[int | None, _option("--seed", metavar="N", help="The same seed gives the same day.")] = None,
    ramp: Annotated[
        str, _option("--ramp", metavar="DURATION", help="Switch the stations on over so long [1s per 1000].")
    ] = "",
    until: Annotated[
        str, _option("--until", metavar="FRAME|DURATION", help="Stop after so long (90s, 2h); --virtual: at a frame.")
    ] = "",
    supervision: Supervision = "",
    store: StoreOption = "none",
    control: ControlOption = "",
    set: Annotated[  # noqa: A002 - the option's name
        list[str] | None, _option("--set", metavar="KEY=VALUE", help="A key of every station; may be repeated.")
    ] = None,
    speed: Speed = 1.0,
    transfer_hosts: TransferHosts = "",
    firmware_key: FirmwareKeys = None,
    faults: FaultsOption = None,
    plot: Annotated[
        Path | None, _option("--plot", metavar="FILE.svg", help="Draw a site: power, phases, who was shed.")
    ] = None,
    shards: Annotated[
        int | None, _option("--shards", metavar="N", help="In N processes, a core each; needs chargepost[ray].")
    ] = None,
    ray: Annotated[
        str, _option("--ray", metavar="HOST:PORT|local", help="The Ray cluster that the shards run on.")
    ] = "local",
    plain: Plain = False,
    json: Json = False,
    log_level: Level = LogLevel.error,
    json_logs: JsonLogs = False,
    control_token: TokenOption = "",
) -> None:
    """Run many stations: in virtual time, or on real sockets against a central system, a tenth of them with a car.

    \b
    chargepost fleet --virtual --stations 200 --seed 7
    chargepost fleet --stations 1000 --supervision ws://127.0.0.1:9000
    chargepost fleet --shards 4 --supervision ws://HOST:PORT/PATH --store /var/lib/chargepost
    """
    _set_up_logs(log_level, json_logs)
    with _errors():
        plan = _scenario(scenario, stations, model or [], seed, ramp, virtual)
        if shards is not None:
            refused = {"--virtual": virtual, "--transfer-hosts": transfer_hosts, "--firmware-key": firmware_key,
                       "--faults": faults, "a scenario with fuses": plan.fuses}  # fmt: skip
            job = _job(plan, shards, supervision, store, speed, set or [], refused)
            raise typer.Exit(_shards(job, ray, json, control, control_token, until))
        if virtual:
            raise typer.Exit(_virtual_day(plan, scenario, until, json, faults, plot))
        _check_plot(plan, plot)
        house = _fleet_plan(
            plan, supervision, store, control, speed, control_token, until, set or [],
            _files(transfer_hosts, firmware_key), _faults(faults), plot,
        )  # fmt: skip
    _serve(house, plain, json, wished={"control": house.control})


def _scenario(
    path: Path | None, stations: int | None, models: list[str], seed: int | None, ramp: str, virtual: bool
) -> Any:
    """The scenario, with what the options change of it."""
    from chargepost.fleet import scenario as scenarios  # noqa: PLC0415
    from chargepost.run import fleet as fleets  # noqa: PLC0415
    from chargepost.run.given import find_model  # noqa: PLC0415

    plan = scenarios.load(path) if path else scenarios.load() if virtual else fleets.DEFAULT
    shares: dict[str, float] = {}
    for name in models:
        shares[find_model(name).name] = shares.get(find_model(name).name, 0.0) + 1.0
    changes = {"stations": stations, "seed": seed, "models": shares or None, "ramp_s": _seconds("--ramp", ramp)}
    plan = msgspec.structs.replace(plan, **{name: value for name, value in changes.items() if value is not None})
    scenarios.check(plan, str(path or "options"))
    return plan


def _seconds(option: str, written: str) -> float | None:
    """A duration as people write it; None: they wrote nothing."""
    from chargepost.run.quantities import Duration  # noqa: PLC0415

    try:
        seconds = float(Duration.read(written)) if written else None
    except ValueError as error:
        raise Failure(WRONG_USAGE, f"{option}: {error}") from None
    if seconds is not None and seconds < 0:
        raise Failure(WRONG_USAGE, f"{option}: {written} is in the past: give a duration as 90s")
    return seconds


def _virtual_day(
    plan: Any, path: Path | None, until: str, json: bool, faults_path: Path | None, plot: Path | None
) -> int:
    from chargepost.run.virtual import run_virtual  # noqa: PLC0415

    if until and not until.isdecimal():
        raise Failure(WRONG_USAGE, f"--until {until}: in virtual time give the number of a frame")
    wrong = _faults(faults_path)
    _check_plot(plan, plot)
    if wrong and wrong.bytes:
        raise Failure(WRONG_USAGE, f"{faults_path}: bytes: a virtual day has none: leave them out, or --virtual")
    return run_virtual(
        plan, path=path, until_frame=int(until) if until else None, as_json=json,
        faults=wrong.frames if wrong else (), faults_path=faults_path, plot=plot,
    )  # fmt: skip


def _check_plot(plan: Any, plot: Path | None) -> None:
    if plot and not plan.fuses:
        raise Failure(WRONG_USAGE, "--plot: the scenario has no site to draw: give it [[fuses]]")
    if plot and not plot.absolute().parent.is_dir():
        raise Failure(WRONG_USAGE, f"--plot {plot}: there is no folder {plot.parent}: make it first")


def _fleet_plan(
    plan: Any, supervision: str, store: str, control: str, speed: float, token: str,
    until: str = "", settings: Sequence[str] = (), files: Any = None, faults: Any = None, plot: Path | None = None,
) -> Any:  # fmt: skip
    """So many stations on real sockets; without a supervision named, ours is in the same process."""
    from chargepost.run import fleet as fleets  # noqa: PLC0415
    from chargepost.run.house import Plan  # noqa: PLC0415
    from chargepost.run.site import STATIONS_MAX  # noqa: PLC0415
    from chargepost.run.store import hold  # noqa: PLC0415

    if plan.stations > STATIONS_MAX:
        raise Failure(WRONG_USAGE, f"--stations {plan.stations}: give 1 to {STATIONS_MAX}; more need --virtual")
    site = fleets.site(plan, supervision, _settings(settings))
    return Plan(
        site, hold(_store_folder(store)), _version(), _speed(speed),
        supervision=None if supervision else _address(SUPERVISION_AT, False),
        control=_control(control, bool(control)), token=token or None, files=files or _files("", None),
        ramp_s=fleets.ramp_s(plan), until_s=_seconds("--until", until), crowd=True, faults=faults,
        scenario=plan if plan.fuses else None, plot=plot,
    )  # fmt: skip


def _job(
    plan: Any, shards: int, supervision: str, store: str, speed: float, settings: Sequence[str],
    refused: dict[str, Any],
) -> Any:  # fmt: skip
    """What each of so many processes is told."""
    from chargepost.run import fleet as fleets  # noqa: PLC0415
    from chargepost.run.shards import SHARDS_MAX, Job  # noqa: PLC0415
    from chargepost.run.site import STATIONS_MAX  # noqa: PLC0415

    for option, given in refused.items():
        if given:
            raise Failure(WRONG_USAGE, f"--shards: {option} is for one process: leave one of the two out")
    if not 1 <= shards <= SHARDS_MAX:
        raise Failure(WRONG_USAGE, f"--shards {shards}: give 1 to {SHARDS_MAX}")
    if plan.stations > shards * STATIONS_MAX:
        raise Failure(WRONG_USAGE, f"--stations {plan.stations}: a shard takes {STATIONS_MAX}: give more --shards")
    if not supervision:
        raise Failure(WRONG_USAGE, "--shards: say where all of them connect, with --supervision ws://HOST:PORT/PATH")
    folder = _store_folder(store)
    if folder is None:
        raise Failure(WRONG_USAGE, "--shards: a shard that dies goes on from its store: give --store FOLDER")
    site = fleets.site(plan, supervision, _settings(settings))
    return Job(site, shards, folder.absolute(), _version(), _speed(speed), plan.ramp_s)


def _shards(job: Any, ray: str, json: bool, control: str, token: str, until: str) -> int:
    from chargepost.run.spread import serve_shards  # noqa: PLC0415

    return serve_shards(
        job, ray, json=json, control=_control(control, bool(control)), token=token or None,
        until_s=_seconds("--until", until),
    )  # fmt: skip


# --- commands that tell -----------------------------------------------------------------------------------------------


@app.command()
def models(
    model: Annotated[
        str,
        typer.Argument(metavar="[MODEL]", help="Everything known of this one (or of a product file), with sources."),
    ] = "",
    diff: Annotated[
        tuple[str, str] | None, _option("--diff", metavar="A B", help="Every fact in which two differ.")
    ] = None,
    check: Annotated[Path | None, _option("--check", metavar="FILE", help="What is wrong with a product file.")] = None,
    json: Json = False,
) -> None:
    """Show the products: lines, releases, variants, and everything in their files.

    \b
    chargepost models
    chargepost models evlink-pro-ac
    chargepost models --diff evlink-pro-ac evlink-smart-wallbox
    """
    from chargepost.catalogue import report  # noqa: PLC0415

    with _errors():
        if check:
            findings = report.check(check)
            for finding in findings:
                _print({"finding": finding} if json else finding, json)
            if findings:
                raise typer.Exit(FAILED)
            if not json:
                print(f"{check}: nothing is wrong")
        elif diff:
            left, right = _product(diff[0]), _product(diff[1])
            if json:
                for each in report.diff(left, right):
                    _print(each, json)
            else:
                print(report.as_differences(left, right, _width()))
        elif model:
            found = _product(model)
            print(report.as_json(found) if json else _marked(report.as_text(found, _width()), _width()))
        elif json:
            for row in report.list_models():
                _print(row, json)
        else:
            print(report.as_list(report.list_models(), _width()))


@app.command()
def verify(
    stores: Annotated[list[Path], typer.Argument(metavar="STORE...", help="Folder of a store, or one file of it.")],
    json: Json = False,
) -> None:
    """Check the invariants of a store from outside, also of one in use; nothing is written.

    With the store of stations and that of their supervision, what both know is compared. Exit code 0: all hold;
    3: findings, one line each; 2: there is no store that it can check.

    \b
    chargepost verify ~/.local/state/chargepost/demo
    chargepost verify ./store/stations.sqlite --json
    chargepost verify ./stations ./supervision
    """
    from chargepost.journal import StoreError  # noqa: PLC0415
    from chargepost.run.verify import verify as findings_of  # noqa: PLC0415

    with _errors():
        try:
            findings = findings_of(*stores)
        except StoreError as error:
            raise Failure(WRONG_USAGE, str(error)) from None
    for each in findings:
        _print(each._asdict() if json else f"{each.file}: {each.rule}: {each.what}: {each.remedy}", json)
    if findings:
        raise typer.Exit(NOT_RIGHT)
    if not json:
        print(f"{', '.join(map(str, stores))}: every invariant holds")


@app.command()
def config(
    show: Annotated[bool, typer.Option("--show", help="Each value and where it comes from.")] = False,
    json: Json = False,
) -> None:
    """Show what the options of every command are here, and who says so.

    \b
    chargepost config --show
    chargepost config --show --json
    CHARGEPOST_SPEED=60 chargepost config --show
    """
    with _errors():
        if not show:
            raise Failure(WRONG_USAGE, "say what to do: chargepost config --show")
        path, defaults = _user_file()
    if not json:
        print(f"user file: {path}{'' if path.is_file() else ' (none)'}")
    for row in _values(defaults, path):
        words = row | {"value": _in_words(row["value"])}
        _print(row if json else "{command:<12} {option:<18} {value:<24} {origin}".format(**words), json)


def _in_words(value: Any) -> str:
    return "-" if value is None else {"False": "off", "True": "on"}.get(str(value), str(value))


def _unless_told(command: str, option: str) -> Any:
    """What a command takes where its option says nothing; None: nothing."""
    from chargepost.run.store import state_home  # noqa: PLC0415

    return {
        "listen": SUPERVISION_AT,
        "control": CONTROL_AT,
        "tool": TOOL_AT,
        "stations": STATIONS,
        "model": FLEET_MODEL,
        "id": "MODEL-1",
        "store": str(state_home() / ("demo" if command == "run" else command)),
    }.get(option)


def _commands() -> Any:
    """By name."""
    return get_command(app).commands  # type: ignore[attr-defined]  # it is a group


def _values(defaults: dict[str, dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    rows = []
    for name, command in _commands().items():
        for param in command.params:
            if not isinstance(param.envvar, str) or (param.hidden and param.name != "control_token"):
                continue
            value: Any
            said = defaults.get(name, {}).get(param.name)
            if param.envvar in os.environ:
                value = "***" if param.hidden else os.environ[param.envvar]  # a secret
                origin = f"environment {param.envvar}"
            elif said is not None:
                value, origin = said, str(path)
            else:
                value, origin = param.default, "default"
                if value in ("", None):
                    value = _unless_told(name, param.name)
                if param.hidden:
                    origin += f", from environment {param.envvar} alone"
            rows.append({"command": name, "option": param.opts[0], "value": value, "origin": origin})
    return rows


# --- parts ------------------------------------------------------------------------------------------------------------


def _address(text: str, fixed: bool) -> Any:
    from chargepost.run.addresses import parse  # noqa: PLC0415

    try:
        return parse(text, fixed=fixed)
    except ValueError as error:
        raise Failure(WRONG_USAGE, str(error)) from None


def _control(text: str, fixed: bool) -> Any:
    return None if text == "none" else _address(text or CONTROL_AT, fixed)


def _tool(text: str) -> Any:
    return None if text == "none" else _address(text or TOOL_AT, bool(text))


def _store_folder(url: str) -> Path | None:
    from chargepost.journal import StoreError, parse_store  # noqa: PLC0415

    try:
        folder = parse_store(url)
    except StoreError as error:
        raise Failure(WRONG_USAGE, str(error)) from None
    return folder.expanduser() if folder else None


def _files(hosts: str, keys: Sequence[Path] | None, site: Any = None) -> Any:
    """What the owner says about files: by the options, else by the site file."""
    from chargepost.run.gate import read_places  # noqa: PLC0415
    from chargepost.run.transfer import Terms  # noqa: PLC0415

    try:
        allowed = read_places(hosts) if hosts else site.transfers.places() if site else ()
    except ValueError as error:
        raise Failure(WRONG_USAGE, f"--transfer-hosts: {error}") from None
    paths = list(keys or ()) or [Path(path) for path in (site.firmware.keys if site else ())]
    return Terms(allowed, tuple(_key(path.expanduser()) for path in paths))


def _faults(path: Path | None) -> Any:
    from chargepost.run.faults import load  # noqa: PLC0415

    return load(path.expanduser()) if path else None


def _key(path: Path) -> bytes:
    """A public key."""
    from chargepost.catalogue.image import WrongKey, check_key  # noqa: PLC0415

    try:
        pem = path.read_bytes()
        check_key(pem)
    except OSError as error:
        raise Failure(WRONG_USAGE, f"{path}: cannot be read: {error.strerror}: give a public key in PEM") from None
    except WrongKey as error:
        raise Failure(WRONG_USAGE, f"{path}: {error}") from None
    return pem


def _file_name(name: str) -> str:
    """A site's name as a folder."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "site"


def _speed(speed: float) -> float:
    from chargepost.run.clock import SPEED_MAX  # noqa: PLC0415

    if not 0 < speed <= SPEED_MAX:
        raise Failure(WRONG_USAGE, f"--speed {speed:g}: give a number above 0 and up to {SPEED_MAX:g}")
    return speed


def _settings(written: Sequence[str]) -> dict[str, str]:
    settings = {}
    for each in written:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise Failure(WRONG_USAGE, f"--set {each!r}: write it as KEY=VALUE")
        settings[key.strip()] = value
    return settings


def _product(name: str) -> Any:
    """A name of the catalogue, or a product file."""
    from chargepost import catalogue  # noqa: PLC0415

    return catalogue.read(Path(name)) if name.endswith(".toml") else catalogue.load(name)


def _marked(text: str, width: int) -> str:
    """What the product answers and this version does not, said beside it."""
    from chargepost.station.answers import ANSWERS  # noqa: PLC0415

    def mark(row: re.Match[str]) -> str:
        head, name, rest = row.groups()
        if name in ANSWERS:
            return row[0]
        if not rest[: len(NOT_YET) + 4].strip():  # an empty column is wide enough
            return f"{head}  {NOT_YET}{rest[len(NOT_YET) + 2 :]}"
        apart = "  " if len(row[0]) + len(NOT_YET) + 2 <= width else "\n      "
        return f"{row[0].rstrip()}{apart}{NOT_YET}"

    return re.sub(r"^(  (\w+) +answers)\b(.*)$", mark, text, flags=re.MULTILINE)


NOT_YET = "not in this version: answered NotSupported"


def _width() -> int:
    """Of the terminal; of a wide one when it is a file or a pipe."""
    return shutil.get_terminal_size((WIDE, 0)).columns


def _print(what: Any, as_json: bool) -> None:
    print(msgspec.json.encode(what).decode() if as_json else what)


def _set_up_logs(level: LogLevel, as_json: bool) -> None:
    from chargepost.run.logs import set_up  # noqa: PLC0415

    set_up(level, as_json)


def _serve(plan: Any, plain: bool, json: bool, **more: Any) -> None:
    from chargepost.run.serving import serve  # noqa: PLC0415

    with _errors():
        raise typer.Exit(serve(plan, plain=plain, json=json, **more))


class _errors:  # noqa: N801 - reads as a word
    """What may go wrong for people, as exit code and one line."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is not None and (failure := _failure(error)):
            raise failure from error


def _failure(error: BaseException) -> Failure | None:
    """By name of the type, so that no command must import what it does not need."""
    code = {
        "SiteError": WRONG_USAGE,
        "FaultsError": WRONG_USAGE,
        "ModelError": WRONG_USAGE,
        "Unfit": WRONG_USAGE,
        "ScenarioError": WRONG_USAGE,
        "ServeError": WRONG_USAGE,
        "TlsError": WRONG_USAGE,
        "TooFewFiles": FAILED,
        "NodesError": FAILED,
        "Died": FAILED,
        "StoreError": FAILED,
    }.get(type(error).__name__)
    path = str(getattr(error, "path", ""))
    where = f"--set {path.removeprefix('settings.')}: " if path.startswith("settings.") else ""
    return None if code is None else Failure(code, f"{where}{error}")


def _user_file() -> tuple[Path, dict[str, dict[str, Any]]]:
    """Defaults of the user: a table per command, and words for all commands above them."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    path = (Path(base) if base.startswith("/") else Path.home() / ".config") / "chargepost" / "config.toml"
    try:
        document = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(WRONG_USAGE, f"{path}: cannot be read: {error}") from None
    commands = _commands()
    names = {name: {param.name for param in command.params} for name, command in commands.items()}
    everywhere = {word.replace("-", "_"): value for word, value in document.items() if not isinstance(value, dict)}
    known = set().union(*names.values())
    for word in everywhere.keys() - known:
        raise Failure(WRONG_USAGE, f"{path}: {word}: there is no such option{nearest(word, known)}")
    defaults = {name: {word: value for word, value in everywhere.items() if word in names[name]} for name in names}
    for command, table in document.items():
        if isinstance(table, dict):
            if command not in names:
                raise Failure(WRONG_USAGE, f"{path}: {command}: there is no such command{nearest(command, names)}")
            for word, value in table.items():
                if word.replace("-", "_") not in names[command]:
                    hint = nearest(word, names[command])
                    raise Failure(WRONG_USAGE, f"{path}: {command}.{word}: there is no such option{hint}")
                defaults[command][word.replace("-", "_")] = value
    return path, defaults


def _guarded(what: Callable[[], int]) -> int:
    """Whatever happens becomes an exit code; what is our own fault says so, and shows where at log level debug."""
    try:
        return what()
    except Failure as failure:
        print(f"chargepost: {failure.line}", file=sys.stderr)
        return failure.code
    except typer.TyperException as error:
        print(f"chargepost: {_sentence(error)}", file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more at its end
        return DONE
    except Exception as error:
        import logging  # noqa: PLC0415

        logging.getLogger("chargepost").debug("where it failed", exc_info=True)
        what_happened = f"{type(error).__name__}: {' '.join(str(error).split())}"
        print(
            f"chargepost: a fault of ours: {what_happened}: please report it, with --log-level debug", file=sys.stderr
        )
        return FAILED


def _sentence(error: typer.TyperException) -> str:
    """typer's words on one line, with the nearest command for a mistyped one."""
    words = " ".join(error.format_message().split())
    command = re.search(r"No such command '(.+?)'", words)
    if command:
        words = f"there is no command {command[1]}{nearest(command[1], _commands())}"
    context = getattr(error, "ctx", None)
    return f"{words[0].lower()}{words[1:].rstrip('.')}: see {context.command_path if context else 'chargepost'} -h"


def run_with(args: Sequence[str]) -> int:
    """The command line with these arguments; its exit code."""

    def command() -> int:
        _, defaults = _user_file()
        code = get_command(app).main(list(args), "chargepost", standalone_mode=False, default_map=defaults)
        return int(code or DONE)

    return _guarded(command)


def main() -> NoReturn:
    sys.exit(run_with(sys.argv[1:] or ["--help"]))
