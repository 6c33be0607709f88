import { describe, expect, it } from "vitest";

import { clocksOf } from "../src/lib/clocks";
import { countdown, durationParts } from "../src/lib/countdown";

const NOW = new Date("2026-11-21T12:00:00Z");

describe("a countdown", () => {
  it.each([
    ["2026-11-21T11:58:30Z", 1, "overdue"],
    ["2026-11-21T12:14:59Z", 14, "urgent"],
    ["2026-11-21T12:15:00Z", 15, "soon"],
    ["2026-11-21T12:59:59Z", 59, "soon"],
    ["2026-11-21T13:00:00Z", 60, "calm"],
  ])("to %s has %i minutes and is %s", (deadline, minutes, urgency) => {
    expect(countdown(deadline, NOW)).toEqual({ minutes, urgency });
  });

  it("is none without a readable deadline", () => {
    expect(countdown(null, NOW)).toBeNull();
    expect(countdown("soon", NOW)).toBeNull();
  });

  it("is said in its two largest units that count", () => {
    expect(durationParts(0)).toEqual([{ unit: "minute", n: 0 }]);
    expect(durationParts(59)).toEqual([{ unit: "minute", n: 59 }]);
    expect(durationParts(120)).toEqual([{ unit: "hour", n: 2 }]);
    expect(durationParts(1440 + 61)).toEqual([{ unit: "day", n: 1 }, { unit: "hour", n: 1 }]);
  });
});

describe("the clocks of a case", () => {
  const clocks = { verify_deadline_at: "2026-11-21T10:00:00Z", sign_deadline_at: "2026-11-21T11:00:00Z", deadline_at: "2026-11-21T13:00:00Z", opened_at: "2026-11-21T09:00:00Z" };

  it("show only the deadlines that count in its state", () => {
    expect(clocksOf(clocks, "pending_review").map(({ name }) => name)).toEqual(["verify"]);
    expect(clocksOf(clocks, "dispatched").map(({ name }) => name)).toEqual(["sign", "dispose"]);
    expect(clocksOf(clocks, "in_progress").map(({ name }) => name)).toEqual(["dispose"]);
    expect(clocksOf(clocks, "closed")).toEqual([]);
  });

  it("are none where the service gives none", () => {
    expect(clocksOf(null, "dispatched")).toEqual([]);
    expect(clocksOf({ deadline_at: null }, "dispatched")).toEqual([]);
  });
});
