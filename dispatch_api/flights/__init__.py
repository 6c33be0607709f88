"""Flights and zones, as the map shows them."""

from __future__ import annotations

from dispatch_api.flights.desk import FlightDesk
from dispatch_api.flights.zones import ZoneDesk

__all__ = ["FlightDesk", "ZoneDesk"]
