import { describe, expect, it } from "vitest";

import type { CaseColour } from "../src/api/types";
import { byUrgency, familyOf, markerLook, NO_FILTER, passes } from "../src/lib/matter";

function aCase(changes: object = {}) {
  return {
    number: "20261121-0001", matter: "waterlogging.road", state: "dispatched", colour: "yellow" as CaseColour | null,
    address: "衢江路 12 号", grid_code: "330802001001", grid_name: "第一网格", last_seen_at: "2026-11-21T10:00:00Z", ...changes,
  };
}

describe("the look of a case on the map", () => {
  it.each([
    ["waterlogging.road", "water"], ["dumping.household", "waste"], ["fishing.reservoir", "fishing"],
    ["river.rubbish", "river"], ["truck.uncovered", "vehicle"], ["noise", "other"], [undefined, "other"],
  ])("gives %s the shape %s", (matter, family) => {
    expect(familyOf(matter)).toBe(family);
  });

  it("is hatched while it waits for a person", () => {
    expect(markerLook(aCase({ state: "pending_review" })).hatched).toBe(true);
    expect(markerLook(aCase()).hatched).toBe(false);
  });

  it("has the tone of its colour until it has ended", () => {
    expect(markerLook(aCase({ colour: "red" })).tone).toBe("red");
    expect(markerLook(aCase({ colour: "red", state: "closed" })).tone).toBe("ended");
    expect(markerLook(aCase({ colour: null })).tone).toBe("none");
  });
});

describe("the filter of the list", () => {
  it("lets everything through when it is empty", () => {
    expect(passes(NO_FILTER, aCase())).toBe(true);
  });

  it.each([
    [{ colour: "red" }, false], [{ colour: "yellow" }, true], [{ state: "closed" }, false],
    [{ matter: "waterlogging.road", text: "衢江" }, true], [{ text: "0001" }, true], [{ text: "荷花路" }, false], [{ text: "  " }, true],
  ])("%o → %s", (filter, expected) => {
    expect(passes({ ...NO_FILTER, ...filter }, aCase())).toBe(expected);
  });

  it("is not confused by a case without address or grid", () => {
    expect(passes({ ...NO_FILTER, text: "x" }, aCase({ address: null, grid_code: null, grid_name: null }))).toBe(false);
  });
});

describe("the order of the list", () => {
  it("is red first, then the newest, and ended last", () => {
    const sorted = [
      aCase({ number: "ended", colour: "red", state: "closed" }),
      aCase({ number: "green", colour: "green" }),
      aCase({ number: "older", last_seen_at: "2026-11-21T09:00:00Z" }),
      aCase({ number: "newer" }),
      aCase({ number: "red", colour: "red" }),
    ].sort(byUrgency);
    expect(sorted.map(({ number }) => number)).toEqual(["red", "newer", "older", "green", "ended"]);
  });
});
