"""The language: every message of OCPP and how it is said on the wire. Knows no station, socket or clock."""
