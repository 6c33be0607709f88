"""A simulated multirotor that speaks MAVLink over TCP and UDP, as ArduCopter or PX4 does."""

from flightplan.vehicle.camera import Photo
from flightplan.vehicle.server import SimulatedVehicle
from flightplan.vehicle.setup import VehicleSetup
from flightplan.vehicle.wind import Wind

__all__ = ["Photo", "SimulatedVehicle", "VehicleSetup", "Wind"]
