"""An independent ground station (MAVSDK), run as a program of its own: it imports, uploads and reads back a mission.

Usage: python mavsdk_station.py FILE HOST PORT. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys

from mavsdk import ComponentType, Configuration, Mavsdk
from mavsdk.plugins.mission_raw import MissionRaw


def as_json(items):
    return [
        {
            "seq": item.seq,
            "frame": item.frame,
            "command": item.command,
            "params": [item.param1, item.param2, item.param3, item.param4],
            "x": item.x,
            "y": item.y,
            "z": item.z,
        }
        for item in items
    ]


def imported(raw, path):
    read = raw.import_qgroundcontrol_mission if path.endswith(".plan") else raw.import_mission_planner_mission
    return read(path).mission_items


def connected(mavsdk, host, port):
    mavsdk.add_any_connection(f"tcpout://{host}:{port}")
    system = mavsdk.first_autopilot(10.0)
    if system is None:
        raise SystemExit("no autopilot was found")
    return system


def main(path, host, port):
    with Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION)) as mavsdk:
        system = connected(mavsdk, host, port)
        raw = MissionRaw(system)
        items = imported(raw, path)
        raw.upload_mission(items)
        held = raw.download_mission()
        answer = {"autopilot": system.autopilot_type().name, "imported": as_json(items), "held": as_json(held)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
