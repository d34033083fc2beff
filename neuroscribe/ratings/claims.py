"""What there is to rate: the stored explanations of a site, each sentence about a unit once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import MalformedId, NotStored
from core.ids import UnitId
from core.results import Explanation
from storage import RatingRecord, Store, StoredExplanation

ClaimKey = tuple[str, str, str, str]
RatedKey = tuple[str, ClaimKey, UnitId]


@dataclass(frozen=True, slots=True)
class Target:
    """A site, or one unit of it, as named on the command line."""

    subject: str
    site: str
    index: int | None = None

    def __str__(self) -> str:
        return self.site_name if self.index is None else f"{self.site_name}/{self.index}"

    @property
    def site_name(self) -> str:
        """``subject/site``."""
        return f"{self.subject}/{self.site}"

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read ``subject/site`` or anything that names a unit; raises :class:`MalformedId`."""
        hint = "write it as subject/site or subject/site/index, for example demo/mlp.2"
        parts = text.split("/")
        try:
            if len(parts) == 2 and not parts[1].startswith("L"):
                site = UnitId(parts[0], parts[1], 0)
                return cls(site.subject, site.site)
            unit = UnitId.parse(text)
        except MalformedId:
            raise MalformedId(f"{text!r} names no site and no unit", hint) from None
        return cls(unit.subject, unit.site, unit.index)

    def covers(self, unit: UnitId) -> bool:
        """Whether ``unit`` is meant."""
        on_site = (unit.subject, unit.site) == (self.subject, self.site)
        return on_site and self.index in (None, unit.index)


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence about one unit, with every explanation that says it, oldest first."""

    spec_hash: str
    versions: tuple[StoredExplanation, ...]

    @property
    def explanation(self) -> Explanation:
        """The newest one, which ratings are stored for."""
        return self.versions[-1].explanation

    @property
    def unit(self) -> UnitId:
        """The unit it is about."""
        return self.explanation.unit

    @property
    def run(self) -> str:
        """The newest run that wrote it."""
        return self.versions[-1].run

    @property
    def key(self) -> ClaimKey:
        """What makes it this claim, whatever run wrote it."""
        return _key(self.versions[-1])


def claims_of(store: Store, target: Target) -> list[Claim]:
    """All claims on the whole site of ``target``, in the order in which they were first written.

    Raises :class:`NotStored` when there is none about the target itself.
    """
    groups: dict[ClaimKey, list[StoredExplanation]] = {}
    for found in store.ratings.explanations(target.subject, target.site):
        if found.explanation.side == "input":  # excerpts show nothing of the output side
            groups.setdefault(_key(found), []).append(found)
    claims = [Claim(key[0], tuple(versions)) for key, versions in groups.items()]
    if not any(target.covers(claim.unit) for claim in claims):
        unit = str(target) if target.index is not None else f"{target}/UNIT"
        raise NotStored(
            f"no explanation of {str(target)!r} is stored yet", f"run neuroscribe explain {unit}"
        )
    return claims


def counted(
    ratings: Iterable[RatingRecord], claims: Sequence[Claim]
) -> dict[RatedKey, RatingRecord]:
    """The ratings that count: of each rater, claim and unit shown the newest.

    ``ratings`` come oldest first; those of other explanations do not count.
    """
    keys = {version.explanation.id: claim.key for claim in claims for version in claim.versions}
    known = (rating for rating in ratings if rating.explanation_id in keys)
    return {(r.rater, keys[r.explanation_id], r.unit): r for r in known}


def _key(found: StoredExplanation) -> ClaimKey:
    explanation = found.explanation
    return (found.spec_hash, str(explanation.unit), explanation.polarity, explanation.text)
