"""What ground was looked at, when, how finely, how often, how surely and by which model; see docs/coverage.md."""

from __future__ import annotations

from geo.coverage.cells import Cells, added_up
from geo.coverage.clean import CleanLook, clean_looks, place_cells
from geo.coverage.files import path_of, read_coverage, read_header, write_coverage
from geo.coverage.flight import Blind, CoverageRecorder, FlightCoverage, ModelSight
from geo.coverage.ledger import Answer, CoverageLedger, FlightLooks, Looked
from geo.coverage.look import cells_shown
from geo.coverage.shapes import Unseen, as_features, class_of, unseen

__all__ = [
    "Answer",
    "Blind",
    "Cells",
    "CleanLook",
    "CoverageLedger",
    "CoverageRecorder",
    "FlightCoverage",
    "FlightLooks",
    "Looked",
    "ModelSight",
    "Unseen",
    "added_up",
    "as_features",
    "cells_shown",
    "class_of",
    "clean_looks",
    "path_of",
    "place_cells",
    "read_coverage",
    "read_header",
    "unseen",
    "write_coverage",
]
