"""The root certificates a station trusts: installed, listed and removed by the central system (white paper "Improved
security for OCPP 1.6-J", edition 3, 4 M03 to M05). They last through power cuts and factory settings are without them.
"""

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from chargepost.ocpp import certificates, security
from chargepost.station import metering, security_events
from chargepost.station.roots import CENTRAL

if TYPE_CHECKING:
    from chargepost.station.station import Station

STORE_MAX = 10
"""Root certificates where no key of the product says how many."""

LISTED_BY: security.HashAlgorithm = "SHA256"
"""Certificates are listed by these hashes; any of OCPP is understood."""


def install(s: "Station", ask: security.InstallCertificate, ident: str, now: float) -> Any:
    """Rejected: no root certificate, or no room for it; Failed: it cannot be stored (M05)."""
    use = ask.certificate_type
    try:
        pem = certificates.judged(ask.certificate, metering.date(s.core.utc(now)))
    except certificates.Unfit as unfit:
        why = str(unfit)
        s.core.note("warning", "certificate refused", why)
        if use == CENTRAL:
            s.after_answer.append(lambda: security_events.happened(s, "InvalidCentralSystemCertificate", now, why))
        return security.InstallCertificateResponse(status="Rejected")
    if not s.core.disk_good:
        return security.InstallCertificateResponse(status="Failed")
    roots = s.core.roots
    if not roots.has(use, pem):
        if len(roots) >= s.core.settings.number("CertificateStoreMaxLength", STORE_MAX):
            s.core.note("warning", "certificate refused", f"{len(roots)} are kept and no more fit")
            return security.InstallCertificateResponse(status="Rejected")
        roots.put(use, pem)
        s.core.note("info", "certificate installed", use)
    return security.InstallCertificateResponse(status="Accepted")


def listed(s: "Station", ask: security.GetInstalledCertificateIds, ident: str, now: float) -> Any:
    names = tuple(certificates.named(pem, LISTED_BY) for pem in s.core.roots.of(ask.certificate_type))
    return security.GetInstalledCertificateIdsResponse(
        status="Accepted" if names else "NotFound", certificate_hash_data=names or UNSET
    )


def delete(s: "Station", ask: security.DeleteCertificate, ident: str, now: float) -> Any:
    """Failed: the live connection rests on it (trap 98)."""
    roots = s.core.roots
    found = roots.named(ask.certificate_hash_data)
    if not found:
        return security.DeleteCertificateResponse(status="NotFound")
    if s.talk.connected and _vouching(s) and _vouching(s) <= found:
        return security.DeleteCertificateResponse(status="Failed")
    for pem in found:
        roots.drop(pem)
    s.core.note("info", "certificate deleted", ask.certificate_hash_data.serial_number)
    return security.DeleteCertificateResponse(status="Accepted")


def _vouching(s: "Station") -> set[str]:
    """Roots on one of which the present connection rests, as far as they are still here; TLS does not tell which."""
    return set(s.talk.dialled_roots).intersection(s.core.roots.of(CENTRAL))
