"""The plain way to take sightings, for `dispatch_load.py`: FastAPI and the ORM, a session and a commit a request.

It leaves the rows that ours leaves of a new sighting: the same key once, an open case within 30 m of the same matter or
a new one, a task for each department with its next reminder, the history, the messages and what watchers are told. It
does without keys that must hold, errors of places, routing rules, working calendar, hash chain and index of places.

    python benchmarks/dispatch_load_peer.py URL PORT
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import JSON, DateTime, ForeignKey, String, Text, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

NEAR_M = 30.0
DEPARTMENTS = {
    "waterlogging.road": ["drainage", "town", "traffic_police", "emergency"],
    "dumping.household": ["sanitation", "town"],
}
STEPS = {"unsigned": 0.25, "half": 2.0, "nearly": 3.2, "overdue": 4.0, "supervised": 6.0}


class Base(DeclarativeBase):
    """The tables."""


class Sighting(Base):
    """What a drone saw."""

    __tablename__ = "sighting"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    body: Mapped[str] = mapped_column(Text)
    answer: Mapped[Any] = mapped_column(JSON)
    case_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))


class Incident(Base):
    """A case."""

    __tablename__ = "incident"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(32), index=True)
    matter: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(24), index=True)
    lon: Mapped[float] = mapped_column(index=True)
    lat: Mapped[float] = mapped_column(index=True)
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    seen: Mapped[int] = mapped_column(default=1)
    tasks: Mapped[list[Task]] = relationship(back_populates="incident")
    events: Mapped[list[Happened]] = relationship(back_populates="incident")


class Task(Base):
    """A department's work."""

    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    department: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(16))
    deadline_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    incident: Mapped[Incident] = relationship(back_populates="tasks")
    reminders: Mapped[list[Reminder]] = relationship(back_populates="task")


class Happened(Base):
    """An entry of the history."""

    __tablename__ = "happened"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    kind: Mapped[str] = mapped_column(String(64))
    data: Mapped[Any] = mapped_column(JSON)
    incident: Mapped[Incident] = relationship(back_populates="events")


class Message(Base):
    """What is sent."""

    __tablename__ = "message"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    body: Mapped[Any] = mapped_column(JSON)


class Reminder(Base):
    """What happens next as a task's clock runs, and what after it."""

    __tablename__ = "reminder"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    state: Mapped[str] = mapped_column(String(12))
    to_come: Mapped[Any] = mapped_column(JSON)
    task: Mapped[Task] = relationship(back_populates="reminders")


class Told(Base):
    """What watchers are told."""

    __tablename__ = "told"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[Any] = mapped_column(JSON)


class Body(BaseModel):
    """A request."""

    matter: str
    confidence: float
    lon: float
    lat: float
    covariance_m2: list[list[float]]
    seen_at: datetime
    flight_id: str


SESSIONS = sessionmaker()


def session() -> Iterator[Session]:
    """A session for one request."""
    with SESSIONS() as opened:
        yield opened


def create_app(url: str) -> FastAPI:
    """The service."""
    # Readers and writers of many threads wait for each other on SQLite, as long as they must.
    waits = {"timeout": 120, "check_same_thread": False} if url.startswith("sqlite") else {}
    engine = create_engine(url, connect_args=waits, pool_size=64)
    Base.metadata.create_all(engine)
    SESSIONS.configure(bind=engine)
    app = FastAPI()

    @app.post("/api/v1/sightings", status_code=201)
    def take(
        body: Body, idempotency_key: Annotated[str, Header()], db: Annotated[Session, Depends(session)]
    ) -> dict[str, Any]:
        before = db.scalar(select(Sighting).where(Sighting.key == idempotency_key))
        text = body.model_dump_json()
        if before is not None:
            if before.body != text:
                raise HTTPException(409)
            answer: dict[str, Any] = before.answer
            return answer
        found = _near(db, body)
        joined = found is not None
        if found is None:
            found = _open(db, body)
        else:
            found.seen += 1
            found.events.append(Happened(kind="joined", data={"flight": body.flight_id}))
            db.add(Told(kind="case.joined", data=_shown(found)))
        db.flush()
        answer = {"case_id": found.id, "joined": joined}
        db.add(Sighting(key=idempotency_key, body=text, answer=answer, case_id=found.id))
        db.commit()
        return answer

    return app


def _near(db: Session, body: Body) -> Incident | None:
    lat_deg = NEAR_M / 111_000.0
    lon_deg = lat_deg / math.cos(math.radians(body.lat))
    query = select(Incident).where(
        Incident.lon.between(body.lon - lon_deg, body.lon + lon_deg),
        Incident.lat.between(body.lat - lat_deg, body.lat + lat_deg),
        Incident.matter == body.matter,
        Incident.state != "closed",
    )
    return db.scalars(query).first()


def _open(db: Session, body: Body) -> Incident:
    found = Incident(
        number=f"{body.seen_at:%Y%m%d}",
        matter=body.matter,
        state="dispatched",
        lon=body.lon,
        lat=body.lat,
        seen_at=body.seen_at,
    )
    db.add(found)
    for kind in ("detected", "opened", "dispatched"):
        found.events.append(Happened(kind=kind, data={"flight": body.flight_id}))
    for department in DEPARTMENTS[body.matter]:
        task = Task(department=department, state="sent", deadline_at=body.seen_at + timedelta(hours=4))
        found.tasks.append(task)
        (kind, due_at), *to_come = ((kind, body.seen_at + timedelta(hours=hours)) for kind, hours in STEPS.items())
        others = [(later, at.isoformat()) for later, at in to_come]
        task.reminders.append(Reminder(kind=kind, due_at=due_at, state="waiting", to_come=others))
        for kind in ("queued", "sent"):
            found.events.append(Happened(kind=f"task.{kind}", data={"department": department}))
        db.add(Message(kind="task.dispatched", body={"department": department, "matter": body.matter}))
        db.add(Told(kind="task.changed", data={"department": department, "state": "sent"}))
    db.add(Message(kind="case.opened", body={"matter": body.matter}))
    db.add(Told(kind="case.opened", data=_shown(found)))
    return found


def _shown(found: Incident) -> dict[str, Any]:
    return {
        "number": found.number,
        "matter": found.matter,
        "state": found.state,
        "geometry": {"type": "Point", "coordinates": [found.lon, found.lat]},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"port": int(sys.argv[2])}) + "\n")
    sys.stdout.flush()
    uvicorn.run(create_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
