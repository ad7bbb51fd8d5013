"""The real instruments of a station, as tables of a site file: `[stations.hardware.meter]` and its kin.

What is not named stays simulated. An instrument that several connectors have is a list of tables, each with its
`connector`; a table alone is connector 1's.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from chargepost.catalogue.checks import nearest
from chargepost.catalogue.model import Model
from chargepost.drivers.real.boards import COLOURS, Board, BoardContactor, BoardInputs, BoardLights, Contact
from chargepost.drivers.real.gpio import Gpio
from chargepost.drivers.real.io import LINES_MAX, ModbusIo
from chargepost.drivers.real.meter import UNIT, ModbusMeter
from chargepost.drivers.real.modbus import Framing
from chargepost.drivers.real.reader import BAUD, SerialReader
from chargepost.drivers.real.station import BUTTONS, PLUG, Fittings, by_connector
from chargepost.drivers.real.tic import BAUD as TIC_BAUD
from chargepost.drivers.real.tic import Mode, TicLine
from chargepost.drivers.real.wires import Line, Parity
from chargepost.run.given import Unfit
from chargepost.run.parts import Part
from chargepost.run.quantities import Duration
from chargepost.station.meters import METERING_KEY

P = TypeVar("P", bound=Part)

WirePlace = Annotated[str, Meta(description="tcp://HOST:PORT, or the path of a serial line")]


class LinePart(Part, frozen=True, kw_only=True):
    """An instrument at the end of a wire."""

    at: WirePlace
    baud: int = 19_200
    parity: Parity = "none"

    def __post_init__(self) -> None:
        self.line()

    def line(self) -> Line:
        """Raises ValueError for what is no wire."""
        return Line(at=self.at, baud=self.baud, parity=self.parity)


class MeterPart(LinePart, frozen=True, kw_only=True):
    kind: Literal["iem3x5x"] = "iem3x5x"
    unit: int = UNIT
    """Its Modbus address, also behind a gateway."""
    framing: Framing | None = None
    """None: RTU on a serial line, TCP otherwise. A gateway that passes frames on as they are speaks RTU over TCP."""
    connector: int = 1
    poll: Duration = Duration(1)

    def __post_init__(self) -> None:
        self.meter()

    def meter(self) -> ModbusMeter:
        return ModbusMeter(self.line(), self.unit, framing=self.framing, kind=self.kind, poll_s=self.poll)


class ReaderPart(LinePart, frozen=True, kw_only=True):
    baud: int = BAUD


class TicPart(Part, frozen=True, kw_only=True):
    at: WirePlace
    mode: Mode = "historic"

    def __post_init__(self) -> None:
        self.line()

    def line(self) -> Line:
        """As the meter speaks in this mode: 7 bits with even parity."""
        return Line(at=self.at, baud=TIC_BAUD[self.mode], parity="even", byte_size=7)


class ContactorPart(Part, frozen=True, kw_only=True):
    coil: Annotated[int, Meta(description="the output that drives it")]
    feedback: Annotated[int, Meta(description="the input that its auxiliary contact closes")]
    """Without one nobody knows of a welded contactor."""
    connector: int = 1


class ContactPart(Part, frozen=True, kw_only=True):
    line: Annotated[int, Meta(description="the input that it closes")]
    normally: Literal["open", "closed"] = "open"

    def contact(self) -> Contact:
        return Contact(self.line, self.normally == "closed")


class BoardPart(Part, frozen=True, kw_only=True):
    """Outputs and inputs by their numbers, and what hangs on them."""

    contactor: ContactorPart | tuple[ContactorPart, ...] = ()
    inputs: dict[str, int | ContactPart] = msgspec.field(default_factory=dict)
    """By the name of the input at the station (`emergency_stop`, `load_shedding`, `plug` ...). A contact of the product
    is told as it is, closed or open: what is normal there is the station's own setting."""
    lights: dict[str, int] = msgspec.field(default_factory=dict)
    """By colour; `green_2` is of connector 2."""

    def __post_init__(self) -> None:
        outputs, inputs = self.outputs, [each.line for each in self.contacts.values()]
        feedbacks = [each.feedback for each in several(self.contactor)]
        for kind, lines in (("outputs", outputs), ("inputs", [*inputs, *feedbacks])):
            for line in lines:
                if not 0 <= line < LINES_MAX:
                    raise ValueError(f"{line} is no line: they are 0 to {LINES_MAX - 1}")
                if lines.count(line) > 1:
                    raise ValueError(f"line {line} is there twice among the {kind}")
        for name in self.lights:
            if name.partition("_")[0] not in COLOURS:
                raise ValueError(f"lights.{name}: no colour of a lamp: {', '.join(COLOURS)}")

    @property
    def contacts(self) -> dict[str, Contact]:
        return {name: Contact(each) if isinstance(each, int) else each.contact() for name, each in self.inputs.items()}

    @property
    def outputs(self) -> list[int]:
        return [*(each.coil for each in several(self.contactor)), *self.lights.values()]

    @property
    def read(self) -> list[int]:
        return [*(each.feedback for each in several(self.contactor)), *(each.line for each in self.contacts.values())]

    def hang(self, board: Board, fittings: Fittings) -> None:
        """Put what hangs on the board among the fittings."""
        for each in several(self.contactor):
            fittings.contactors[each.connector] = BoardContactor(board, each.coil, each.feedback)
        if self.inputs:
            fittings.inputs.append(BoardInputs(board, self.contacts))
        for connector, lamps in by_connector(self.lights).items():
            fittings.lights.setdefault(connector, []).append(BoardLights(board, lamps))


class IoPart(BoardPart, frozen=True, kw_only=True):
    at: WirePlace
    baud: int = 19_200
    parity: Parity = "none"
    unit: int = 1
    framing: Framing | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.unit <= 255:
            raise ValueError(f"unit: {self.unit} is no Modbus address: 1 to 255")
        self.io()

    def io(self) -> ModbusIo:
        line = Line(at=self.at, baud=self.baud, parity=self.parity)
        return ModbusIo(line, self.unit, self.outputs, self.read, framing=self.framing)


class GpioPart(BoardPart, frozen=True, kw_only=True):
    chip: str = "/dev/gpiochip0"

    def gpio(self) -> Gpio:
        """Raises Unfit when the chip cannot be used."""
        try:
            return Gpio(self.chip, self.outputs, self.read)
        except OSError as error:
            raise Unfit("hardware.gpio", str(error)) from None


class HardwarePart(Part, frozen=True, kw_only=True):
    """All of one station."""

    meter: MeterPart | tuple[MeterPart, ...] = ()
    reader: ReaderPart | None = None
    io: IoPart | None = None
    gpio: GpioPart | None = None
    tic: TicPart | None = None

    def settings(self, model: Model) -> dict[str, str]:
        """What the station is told of itself: a meter that is named is the one it meters by."""
        numbers = [each.connector for each in several(self.meter)] if model.key(METERING_KEY) else []
        return {METERING_KEY if number == 1 else f"{METERING_KEY}/{number}": "IEM_3x5x" for number in numbers}

    def fittings(self, model: Model) -> Fittings:
        """The drivers, ready to run. Raises ValueError for what the model has no place for, Unfit for a chip."""
        fittings = Fittings(reader_error=_reader_error(model))
        boards = [each for each in (self.io, self.gpio) if each]
        contactors = [each for board in boards for each in several(board.contactor)]
        for what, kind in ((several(self.meter), "meter"), (contactors, "contactor")):
            numbers = [each.connector for each in what]
            for number in numbers:
                if not 1 <= number <= len(model.connectors):
                    raise ValueError(f"{kind}: {model.title} has no connector {number}: 1 to {len(model.connectors)}")
                if numbers.count(number) > 1:
                    raise ValueError(f"{kind}: connector {number} has two: give each its own connector")
        known = _inputs(model)
        for name in (name for board in boards for name in board.inputs if name not in known):
            raise ValueError(f"inputs.{name}: {model.title} has no such input{nearest(name, known)}")
        for each in several(self.meter):
            meter = fittings.meters[each.connector] = each.meter()
            fittings.wires.append(meter)
        if self.reader:
            reader = fittings.reader = SerialReader(self.reader.line())
            fittings.wires.append(reader)
        if self.tic:
            tic = fittings.tic = TicLine(self.tic.line())
            fittings.wires.append(tic)
        if self.io:
            io = self.io.io()
            self.io.hang(io, fittings)
            fittings.wires.append(io)
            fittings.boards.append(io)
        if self.gpio:
            gpio = self.gpio.gpio()
            self.gpio.hang(gpio, fittings)
            fittings.wires.append(gpio)
            fittings.boards.append(gpio)
        return fittings


def several(parts: P | Sequence[P]) -> Sequence[P]:
    """A table alone is a list of one."""
    return (parts,) if isinstance(parts, Part) else parts


def _inputs(model: Model) -> list[str]:
    """What may be wired: the product's own contacts, its buttons, and the plug's contact of a domestic socket."""
    numbers = range(2, len(model.connectors) + 1)
    each = [PLUG, *(name for name, spec in model.inputs.items() if spec.each)]
    return [*BUTTONS, PLUG, *model.inputs, *(f"{name}_{number}" for name in each for number in numbers)]


def _reader_error(model: Model) -> str:
    """The product's code for a reader that is silent."""
    return next((code for code, spec in model.errors.items() if spec.ocpp == "ReaderFailure"), "ReaderFailure")
