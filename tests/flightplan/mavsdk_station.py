"""An independent ground station (MAVSDK) as a program of its own: it imports, uploads, reads back and flies a mission.

Usage: python mavsdk_station.py FILE HOST PORT [fly]. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time

from mavsdk import ComponentType, Configuration, Mavsdk
from mavsdk.plugins.action import Action
from mavsdk.plugins.mission_raw import MissionRaw
from mavsdk.plugins.telemetry import Telemetry


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
    return read(path)


def connected(mavsdk, host, port):
    mavsdk.add_any_connection(f"tcpout://{host}:{port}")
    system = mavsdk.first_autopilot(10.0)
    if system is None:
        raise SystemExit("no autopilot was found")
    return system


def flown(system, raw):
    """Arms, starts, and waits for the landing."""
    telemetry, progress = Telemetry(system), []
    raw.subscribe_mission_progress(lambda now, _=None: progress.append(now.current))
    Action(system).arm()
    raw.start_mission()
    until = time.monotonic() + 45.0
    heights = [0.0]
    while time.monotonic() < until and (telemetry.armed() or max(heights) < 1.0):
        heights.append(telemetry.position().relative_altitude_m)
        time.sleep(0.05)
    return {
        "armed": telemetry.armed(),
        "finished": raw.is_mission_finished(),
        "progress": progress,
        "highest_m": max(heights),
    }


def main(path, host, port, fly=""):
    answer = {}
    with Mavsdk(Configuration.create_with_component_type(ComponentType.GROUND_STATION)) as mavsdk:
        system = connected(mavsdk, host, port)
        raw = MissionRaw(system)
        read = imported(raw, path)
        items = read.mission_items
        answer["fence"], answer["rally"] = as_json(read.geofence_items), as_json(read.rally_items)
        raw.upload_mission(items)
        answer["autopilot"] = system.autopilot_type().name
        answer["imported"] = as_json(items)
        answer["held"] = as_json(raw.download_mission())
        if fly:
            answer["flight"] = flown(system, raw)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
