"""The table of OCPP 1.6, 4.9: which status may follow which. Rows: from; columns: to; a code marks what is allowed."""

TABLE = """
              Available Preparing Charging SuspendedEV SuspendedEVSE Finishing Reserved Unavailable Faulted
Available     .         A2        A3       A4          A5            .         A7       A8          A9
Preparing     B1        .         B3       B4          B5            B6        .        .           B9
Charging      C1        .         .        C4          C5            C6        .        C8          C9
SuspendedEV   D1        .         D3       .           D5            D6        .        D8          D9
SuspendedEVSE E1        .         E3       E4          .             E6        .        E8          E9
Finishing     F1        F2        .        .           .             .         .        F8          F9
Reserved      G1        G2        .        .           .             .         .        G8          G9
Unavailable   H1        H2        H3       H4          H5            .         .        .           H9
Faulted       I1        I2        I3       I4          I5            I6        I7       I8          .
"""


def codes() -> dict[tuple[str, str], str]:
    """(from, to) -> code."""
    header, *rows = (line.split() for line in TABLE.strip().splitlines())
    return {(row[0], to): code for row in rows for to, code in zip(header, row[1:], strict=True) if code != "."}


CODES = codes()

CONNECTOR_ZERO = {"Available", "Unavailable", "Faulted"}
"""All that connector 0 knows (1.6, 4.9)."""

BESIDE = {"Preparing", "SuspendedEV", "SuspendedEVSE", "Finishing"}
"""The only statuses that EVCommunicationError goes with (1.6, 7.6)."""
