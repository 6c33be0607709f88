"""A simulated multirotor that speaks MAVLink over TCP, as ArduCopter does."""

from flightplan.vehicle.autopilot import Photo
from flightplan.vehicle.server import SimulatedVehicle

__all__ = ["Photo", "SimulatedVehicle"]
