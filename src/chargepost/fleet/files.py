"""The files of one virtual station: fetched from a shelf and sent to nowhere, each a moment after it was wished."""

from collections.abc import Mapping

from chargepost import signals as sig
from chargepost.catalogue import Model, image

TAKES_S = 1.0
"""From a wish to its answer."""

Work = sig.Fetch | sig.Examine | sig.SendReport


class Files:
    """What outlives a power cut is `kept`; what was under way does not."""

    __slots__ = ("_under_way", "kept", "keys", "shelf")

    def __init__(self) -> None:
        self.shelf: Mapping[str, bytes] = {}
        """What lies at which URL."""
        self.keys: tuple[bytes, ...] = ()
        """Whose firmware is installed (PEM)."""
        self.kept: dict[str, bytes] = {}
        """By job."""
        self._under_way: dict[str, Work] = {}

    def begin(self, wish: Work) -> None:
        """A second wish of a job takes the place of the first."""
        self._under_way[wish.job] = wish

    def discard(self, job: str) -> None:
        self.kept.pop(job, None)
        self._under_way.pop(job, None)

    def power_cut(self) -> None:
        self._under_way.clear()

    def end(self, wish: Work, model: Model) -> sig.Fact | None:
        """The answer; None when nobody waits for it any more. `model`: what the station is."""
        if self._under_way.get(wish.job) is not wish:
            return None
        del self._under_way[wish.job]
        match wish:
            case sig.Fetch(job, url) if url in self.shelf:
                self.kept[job] = self.shelf[url]
                return sig.Fetched(job, len(self.kept[job]))
            case sig.Fetch(job):
                return sig.TransferFailed(job, "nothing lies at this address")
            case sig.Examine(job) if job not in self.kept:
                return sig.Examined(job, "missing", reason="the file is not here any more")
            case sig.Examine(job):
                return sig.Examined(job, *image.examine(self.kept[job], model, self.keys))
            case sig.SendReport(job, _, _, text):
                return sig.Sent(job, len(text))
