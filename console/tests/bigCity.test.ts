import { describe, expect, it, vi } from "vitest";

import type { CaseColour, CaseFeature, ClusterFeature, LonLat, Summary } from "../src/api/types";
import { fits, queryOf, tallyOfOpen, withChange, withPage, worst } from "../src/lib/bigCity";
import { clusterLook, SHARES, shortNumber } from "../src/lib/clusterLook";
import { latest } from "../src/lib/latest";
import { NO_FILTER, OPEN_STATES } from "../src/lib/matter";
import { settled } from "../src/lib/pace";
import { bboxOf, boxAround, holdsBox, holdsPlace, inCell, lookAt, WHOLE_EARTH } from "../src/lib/viewBox";

function aCase(id: string, colour: CaseColour = "yellow", state = "opened"): CaseFeature {
  const properties = { case_id: id, number: `20261123-${id}`, colour, state, matter: "waterlogging.road" };
  return { type: "Feature", geometry: { type: "Point", coordinates: [118.9, 28.9] }, properties: properties as CaseFeature["properties"] };
}

function aCircle(lon: number, lat: number, count: number): ClusterFeature {
  return { type: "Feature", geometry: { type: "Point", coordinates: [lon, lat] }, properties: { count, red: 0, yellow: 0, green: count } };
}

describe("the box that a view asks for", () => {
  const view = { west: 118.801, south: 28.903, east: 118.977, north: 29.011, zoom: 13 };

  it("holds what is in view and little more", () => {
    const { box, columns } = lookAt(view);
    expect(holdsBox(box, view)).toBe(true);
    expect(box.east - box.west).toBeLessThan((view.east - view.west) * 1.3);
    expect((box.east - box.west) / columns).toBeCloseTo(360 / 2 ** 15, 12);
  });

  it("has the same grid after a small move", () => {
    const moved = lookAt({ ...view, west: view.west + 0.013, east: view.east + 0.013 });
    const cell = 360 / 2 ** 15;
    expect(((moved.box.west - lookAt(view).box.west) / cell) % 1).toBeCloseTo(0, 9);
  });

  it.each([
    [{ west: 179.2, south: -17, east: 180.7, north: -16, zoom: 10 }, [179, 181]],
    [{ west: -180.7, south: -17, east: -179.2, north: -16, zoom: 10 }, [179, 181]],
    [{ west: 539.2, south: -17, east: 540.7, north: -16, zoom: 10 }, [179, 181]],
  ])("runs over the meridian of 180° (%#)", (over, [west, east]) => {
    const { box } = lookAt(over);
    expect(box.west).toBeGreaterThan(box.east);
    expect(box.west).toBeGreaterThanOrEqual((west ?? 0) - 0.4);
    expect(box.east + 360).toBeLessThanOrEqual((east ?? 0) + 0.4);
    expect(holdsPlace(box, [-179.9, -16.5])).toBe(true);
    expect(holdsPlace(box, [179.9, -16.5])).toBe(true);
    expect(holdsPlace(box, [0, -16.5])).toBe(false);
  });

  it.each([0, 0.4, 1.6, 2.5, 3])("never leaves the earth, however much is in view (zoom %s)", (zoom) => {
    const { box, columns } = lookAt({ west: -410, south: -88, east: 500, north: 89.9, zoom });
    expect(box).toEqual(WHOLE_EARTH);
    expect(Number.isInteger(columns) && columns >= 1 && columns <= 256).toBe(true);
    for (const degrees of bboxOf(box).split(",")) expect(Math.abs(Number(degrees))).toBeLessThanOrEqual(180);
  });

  it("ends at 180° and does not jump to -180°", () => {
    expect(lookAt({ west: 168.9, south: 10, east: 179.9, north: 20, zoom: 6 }).box.east).toBe(180);
    expect(lookAt({ west: -180, south: 10, east: -170.2, north: 20, zoom: 6 }).box.west).toBe(-180);
  });

  it("is written without powers of ten", () => {
    expect(bboxOf({ west: 0.0000001, south: -10, east: 118.123456789, north: 3 })).toBe("0.0000001,-10,118.12345679,3");
  });

  it.each<[LonLat, LonLat]>([
    [[118.01, 28.55], [118.34, 28.55]], [[118.99, 28.99], [118.66, 28.66]], [[118.5, 28.5], [118.5, 28.5]],
  ])("keeps the circle of what lies at %o within its cell", (place, [lon, lat]) => {
    const drawn = inCell(place, { box: { west: 117, south: 28, east: 121, north: 30 }, columns: 4, closest: false });
    expect(drawn[0]).toBeCloseTo(lon, 9);
    expect(drawn[1]).toBeCloseTo(lat, 9);
  });

  it("keeps a circle beyond 180° in its cell too", () => {
    const drawn = inCell([-179.05, 0.5], { box: { west: 179, south: 0, east: -179, north: 1 }, columns: 2, closest: false });
    expect(drawn[0]).toBeCloseTo(-179.34, 9);
  });

  it("knows where the map goes no nearer", () => {
    expect(lookAt({ ...view, zoom: 20 }).closest).toBe(true);
    expect(lookAt(view).closest).toBe(false);
  });
});

describe("where a city lies", () => {
  it("is where nearly all cases lie, without the one that was put far away", () => {
    const box = boxAround([aCircle(118.7, 28.8, 900), aCircle(119, 29.1, 900), aCircle(0, 0, 1)], 0.1, 200);
    expect(box?.west).toBeCloseTo(118.6);
    expect(box?.south).toBeCloseTo(28.7);
    expect(box?.east).toBeCloseTo(119.1);
    expect(box?.north).toBeCloseTo(29.2);
  });

  it("may run over the meridian of 180°", () => {
    const box = boxAround([aCircle(179.8, -17, 50), aCircle(-179.9, -17, 50)], 0.1, 200);
    expect([box?.west, box?.east].map((lon) => Number(lon?.toFixed(3)))).toEqual([179.7, -179.8]);
  });

  it("is nowhere without cases", () => {
    expect(boxAround([], 1, 200)).toBeNull();
  });
});

describe("what is asked of the service", () => {
  it("is what has not ended, until a state is chosen", () => {
    expect(queryOf(NO_FILTER).state).toBe(OPEN_STATES.join(","));
    expect(queryOf({ ...NO_FILTER, state: "closed", text: " 0007 " })).toEqual({ state: "closed", matter: "", colour: "", number: "0007" });
    expect(queryOf({ ...NO_FILTER, text: "9".repeat(50) }).number).toHaveLength(32);
  });

  it.each([
    [{}, "opened", true], [{}, "closed", false], [{ state: "closed" }, "closed", true], [{ text: "-7" }, "opened", true],
    [{ text: "-8" }, "opened", false], [{ colour: "red" }, "opened", false], [{ matter: "river.rubbish" }, "opened", false],
  ])("%o of a case that is %s: %s", (filter, state, expected) => {
    expect(fits({ ...NO_FILTER, ...filter }, aCase("7", "yellow", state).properties)).toBe(expected);
  });
});

describe("the list of the most urgent", () => {
  const rows = [aCase("r1", "red"), aCase("y2"), aCase("y1")];
  const ids = (list: CaseFeature[]) => list.map((row) => row.properties.case_id);

  it("keeps the place of a case that stays as urgent", () => {
    const changed = withChange(rows, aCase("y2", "yellow", "dispatched"), { wanted: true, isNew: false, complete: 1 });
    expect(ids(changed)).toEqual(["r1", "y2", "y1"]);
    expect(changed[1]?.properties.state).toBe("dispatched");
  });

  it.each<[string, CaseFeature, { wanted: boolean; isNew: boolean; complete: number }, string[]]>([
    ["puts a new case before the others of its colour", aCase("y3"), { wanted: true, isNew: true, complete: 1 }, ["r1", "y3", "y2", "y1"]],
    ["moves a case up that became red", aCase("y1", "red"), { wanted: true, isNew: false, complete: 1 }, ["y1", "r1", "y2"]],
    ["leaves out what no longer belongs", aCase("y2", "yellow", "closed"), { wanted: false, isNew: false, complete: 1 }, ["r1", "y1"]],
    ["takes an older case of a colour that is all there", aCase("r0", "red"), { wanted: true, isNew: false, complete: 1 }, ["r0", "r1", "y2", "y1"]],
    ["leaves an older one to its page", aCase("y0"), { wanted: true, isNew: false, complete: 1 }, ["r1", "y2", "y1"]],
    ["does not reach the greens yet", aCase("g1", "green"), { wanted: true, isNew: true, complete: 1 }, ["r1", "y2", "y1"]],
    ["ends with them once all is read", aCase("g1", "green"), { wanted: true, isNew: true, complete: 3 }, ["r1", "y2", "y1", "g1"]],
    ["passes over what it never held", aCase("x"), { wanted: false, isNew: true, complete: 3 }, ["r1", "y2", "y1"]],
  ])("%s", (_, feature, change, expected) => {
    expect(ids(withChange(rows, feature, change))).toEqual(expected);
  });

  it("shows nothing twice that moved up between two pages", () => {
    expect(ids(withPage(rows, [aCase("y1"), aCase("y0")]))).toEqual(["r1", "y2", "y1", "y0"]);
  });
});

describe("a circle of many cases", () => {
  const zh = { ended: false, language: "zh" };

  it("has the most urgent colour, be it one case among thousands, and shows its share", () => {
    expect(worst({ red: 0, yellow: 1, green: 999 })).toBe("yellow");
    const look = clusterLook({ count: 5000, red: 1, yellow: 1000, green: 3999 }, zh);
    expect(look.tone).toBe("red");
    expect(look.shares[0]).toBe(1);
    expect(look.shares.reduce((sum, n) => sum + n, 0)).toBe(SHARES);
  });

  it("is grey where all has ended", () => {
    expect(clusterLook({ count: 5, red: 5, yellow: 0, green: 0 }, { ...zh, ended: true })).toMatchObject({ tone: "ended", shares: [] });
  });

  it.each([[7, "zh", "7"], [9999, "zh", "9999"], [12_345, "zh", "1.2万"], [12_345, "en", "12K"], [1_200_000, "en", "1.2M"]])("says %d in %s as %s", (count, language, words) => {
    expect(shortNumber(count, language)).toBe(words);
  });
});

it("the figures over the list count what has not ended", () => {
  const summary = { open_by_colour: { red: 2, green: 5 }, cases_by_state: { pending_review: 3, closed: 900, detected: 1 } } as unknown as Summary;
  expect(tallyOfOpen(summary)).toEqual({ total: 7, red: 2, yellow: 0, green: 5, review: 4 });
});

describe("of several loads", () => {
  it("only the newest counts, and the older is told that nobody waits", async () => {
    const newest = latest();
    const ended: string[] = [];
    const waiting = (signal: AbortSignal): Promise<string> => new Promise((resolve) => signal.addEventListener("abort", () => [ended.push("old"), resolve("old")]));
    const old = newest(waiting);
    expect(await newest(async () => "new")).toBe("new");
    expect(await old).toBeNull();
    expect(ended).toEqual(["old"]);
  });

  it("what an older one complains of concerns nobody, what the newest does is told", async () => {
    const newest = latest();
    const old = newest((signal) => new Promise<string>((_, reject) => signal.addEventListener("abort", () => reject(new Error("ended")))));
    const now = newest(() => Promise.reject(new Error("refused")));
    expect(await old).toBeNull();
    await expect(now).rejects.toThrow("refused");
  });
});

it("what is still being typed is not acted upon", () => {
  vi.useFakeTimers();
  const action = vi.fn();
  const soon = settled(action, 100);
  for (let key = 0; key < 5; key++) {
    soon();
    vi.advanceTimersByTime(60);
  }
  expect(action).not.toHaveBeenCalled();
  vi.advanceTimersByTime(100);
  expect(action).toHaveBeenCalledTimes(1);
  vi.useRealTimers();
});
