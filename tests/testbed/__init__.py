"""The real-pose test bed: a flight over a real orthophoto on hills, as files, with its truth.

It knows nothing of `geo`: its plane is another projection, its hills are a formula, rays and pixels are OpenCV's. So a
mistake in `geo` shows as metres instead of cancelling out. See docs/coverage.md, "The test bed".
"""

from __future__ import annotations

from testbed.bed import Bed, Film, Shot
from testbed.camera import BedLens, BedPose
from testbed.errors_planted import Planted
from testbed.flight import Lawnmower
from testbed.ground import BedGround, Thing
from testbed.hills import Hills

__all__ = ["Bed", "BedGround", "BedLens", "BedPose", "Film", "Hills", "Lawnmower", "Planted", "Shot", "Thing"]
