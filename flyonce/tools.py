"""Everything that one analysis works with, opened once and passed down."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.known import KnownCases
from dispatch_api.cases.looked_again import LookedAgain
from dispatch_api.flights import FlightDesk
from dispatch_api.verdicts.service import VerdictDesk
from flyonce.interpretation import Interpretation
from flyonce.near_threshold import NearThreshold
from flyonce.picture_masks import Masks
from geo.coverage import ModelSight
from geo.ground import Ground
from geo.identity import IdentityRules
from geo.zones import Zones
from vision.detections import Detector


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What one analysis works with."""

    detector: Detector
    ground: Ground
    interpretation: Interpretation
    intake: Intake
    flights: FlightDesk
    verdicts: VerdictDesk | None = None
    near: NearThreshold | None = None
    zones: Zones | None = None
    coarsest_resolution_m: float | None = None
    """Metres of ground per pixel beyond which the models find nothing small; None where that is not known."""
    known: KnownCases | None = None
    """What is known of cases already, for telling a flight's offset; None where nobody asks."""
    identity: IdentityRules = field(default_factory=IdentityRules)
    """When sightings are of one thing."""
    sights: tuple[ModelSight, ...] = ()
    """What the models can see."""
    coverage_dir: Path | None = None
    """Where each flight's coverage is kept; None for nowhere."""
    looked_again: LookedAgain | None = None
    """Where cases are told that their place was looked at again; None for nowhere."""
    time_zone: ZoneInfo | None = None
    """The city's, for times that are told without one; None leaves them as if they were UTC."""

    def masks(self) -> Masks:
        """The mapped surroundings, as they are put into pictures."""
        return Masks(self.zones, self.interpretation, self.ground, time_zone=self.time_zone)
