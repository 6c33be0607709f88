"""A bad radio: a UDP proxy that drops, delays, doubles and so reorders packets, by a seed."""

from __future__ import annotations

import heapq
import itertools
import random
import select
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Weather:
    """What happens to packets, each way: shares, and seconds of delay."""

    dropped: float = 0.2
    delayed: float = 0.2
    doubled: float = 0.2
    delay_s: tuple[float, float] = (0.01, 0.15)
    seed: int = 1


@dataclass
class Counts:
    passed: int = 0
    dropped: int = 0
    delayed: int = 0
    doubled: int = 0


@dataclass
class LossyProxy:
    """Stands between a station (`address`) and a vehicle's UDP port."""

    vehicle_port: int
    weather: Weather
    up: Counts = field(default_factory=Counts)
    down: Counts = field(default_factory=Counts)

    def __post_init__(self):
        self._station = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._station.bind(("127.0.0.1", 0))
        self._vehicle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._vehicle.bind(("127.0.0.1", 0))
        self._station_address = None
        self._random = {"up": random.Random(self.weather.seed), "down": random.Random(self.weather.seed + 1)}
        self._waiting = []
        self._count = itertools.count()
        self._stop = threading.Event()
        self.silent = threading.Event()

    @property
    def address(self):
        return f"udpout:127.0.0.1:{self._station.getsockname()[1]}"

    @contextmanager
    def running(self):
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join(timeout=5.0)
            self._station.close()
            self._vehicle.close()

    def _run(self):
        while not self._stop.is_set():
            readable, _, _ = select.select([self._station, self._vehicle], [], [], 0.005)
            for one in readable:
                data, sender = one.recvfrom(65_536)
                if one is self._station:
                    self._station_address = sender
                    self._meet("up", self.up, data)
                else:
                    self._meet("down", self.down, data)
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, direction, data = heapq.heappop(self._waiting)
                self._pass(direction, data)

    def _meet(self, direction, counts, data):
        chance = self._random[direction]
        if self.silent.is_set() or chance.random() < self.weather.dropped:
            counts.dropped += 1
            return
        copies = 2 if chance.random() < self.weather.doubled else 1
        counts.doubled += copies - 1
        for _ in range(copies):
            late = chance.random() < self.weather.delayed
            counts.delayed += late
            counts.passed += 1
            due_s = time.monotonic() + (chance.uniform(*self.weather.delay_s) if late else 0.0)
            heapq.heappush(self._waiting, (due_s, next(self._count), direction, data))

    def _pass(self, direction, data):
        if direction == "up":
            self._vehicle.sendto(data, ("127.0.0.1", self.vehicle_port))
        elif self._station_address is not None:
            self._station.sendto(data, self._station_address)


@contextmanager
def lossy(vehicle, **weather):
    with LossyProxy(vehicle.port, Weather(**weather)).running() as proxy:
        yield proxy
