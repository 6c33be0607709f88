import Feature from "ol/Feature";
import Point from "ol/geom/Point";
import Polygon from "ol/geom/Polygon";
import VectorSource from "ol/source/Vector";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { api } from "../src/api/client";
import type { CaseColour, CaseFeature, ClusterFeature } from "../src/api/types";
import { MOST_DRAWN } from "../src/lib/bigCity";
import { NO_FILTER, type CaseFilter } from "../src/lib/matter";
import { hitAt } from "../src/map/picking";
import { useInView } from "../src/state/inView";
import { useUrgent } from "../src/state/urgent";

const CITY = { west: 118.8, south: 28.9, east: 119, north: 29, zoom: 12 };
const QUARTER = { west: 118.89, south: 28.94, east: 118.91, north: 28.96, zoom: 15 };

function aCase(id: string, [lon, lat] = [118.9, 28.95], state = "opened", colour: CaseColour = "green"): CaseFeature {
  const properties = { case_id: id, number: id, colour, state, matter: "river.rubbish", lon, lat };
  return { type: "Feature", geometry: { type: "Point", coordinates: [lon ?? 0, lat ?? 0] }, properties: properties as unknown as CaseFeature["properties"] };
}

function aCircle(count: number): ClusterFeature {
  return { type: "Feature", geometry: { type: "Point", coordinates: [118.9, 28.95] }, properties: { count, red: 0, yellow: 0, green: count } };
}

const cases = (features: CaseFeature[], truncated = false) => ({ type: "FeatureCollection" as const, features, truncated });
const circles = (...features: ClusterFeature[]) => ({
  type: "FeatureCollection" as const, features, truncated: false, counted: features.reduce((sum, one) => sum + one.properties.count, 0),
});

let filter: CaseFilter = NO_FILTER;
const casesIn = vi.spyOn(api, "casesIn");
const clustersIn = vi.spyOn(api, "clustersIn");
const casePage = vi.spyOn(api, "casePage");

beforeEach(() => {
  filter = NO_FILTER;
  [casesIn, clustersIn, casePage].forEach((one) => one.mockReset());
});

describe("what is in view of a large city", () => {
  it("is circles where there are too many cases to draw, and then the cases are not asked for", async () => {
    clustersIn.mockResolvedValue(circles(aCircle(MOST_DRAWN), aCircle(1)));
    const near = useInView(() => filter);
    await near.look(CITY);
    expect(near.seen.value).toBe(MOST_DRAWN + 1);
    expect(casesIn).not.toHaveBeenCalled();
  });

  it("is the cases where they are few, and nearer nothing is asked again", async () => {
    clustersIn.mockResolvedValue(circles(aCircle(2)));
    casesIn.mockResolvedValue(cases([aCase("middle"), aCase("edge", [118.81, 28.91])]));
    const near = useInView(() => filter);
    await near.look(CITY);
    expect(near.seen.value).toBe(2);
    await near.look(QUARTER);
    expect(near.seen.value).toBe(1);
    expect(casesIn).toHaveBeenCalledTimes(1);
    filter = { ...NO_FILTER, colour: "red" };
    casesIn.mockResolvedValue(cases([]));
    await near.look(QUARTER);
    expect(casesIn).toHaveBeenCalledTimes(2);
    expect(near.seen.value).toBe(0);
  });

  it("turns to circles again where the map is moved out to more", async () => {
    clustersIn.mockResolvedValueOnce(circles(aCircle(1)));
    casesIn.mockResolvedValueOnce(cases([aCase("one")]));
    const near = useInView(() => filter);
    await near.look(QUARTER);
    casesIn.mockResolvedValueOnce(cases([aCase("one")], true));
    clustersIn.mockResolvedValueOnce(circles(aCircle(900)));
    await near.look(CITY);
    expect(near.shown.value.clusters).toHaveLength(1);
    expect(near.shown.value.cases.size).toBe(0);
  });

  it("as near as the map goes is the newest cases, said to be not all", async () => {
    clustersIn.mockResolvedValue(circles(aCircle(900)));
    casesIn.mockResolvedValue(cases([aCase("one")], true));
    const near = useInView(() => filter);
    await near.look({ ...QUARTER, zoom: 20 });
    expect(near.shown.value).toMatchObject({ truncated: true, clusters: [] });
  });

  it("is never that of an older view, however late its answer comes", async () => {
    let late: (answer: ReturnType<typeof circles>) => void = () => undefined;
    clustersIn.mockReturnValueOnce(new Promise((resolve) => (late = resolve)));
    const near = useInView(() => filter);
    const first = near.look(CITY);
    clustersIn.mockResolvedValueOnce(circles(aCircle(700)));
    await near.look(QUARTER);
    expect(clustersIn.mock.calls[0]?.[3]?.aborted).toBe(true);
    late(circles(aCircle(5000)));
    await first;
    expect(near.seen.value).toBe(700);
    expect(near.busy.value).toBe(false);
  });

  it("follows what changes: new ones come, ended ones go, what lies elsewhere is left alone", async () => {
    clustersIn.mockResolvedValue(circles(aCircle(1)));
    casesIn.mockResolvedValue(cases([aCase("one")]));
    const near = useInView(() => filter);
    await near.look(QUARTER);
    expect(near.take(aCase("two"))).toBe(true);
    expect(near.take(aCase("far", [100, 10]))).toBe(true);
    expect([...near.shown.value.cases.keys()]).toEqual(["one", "two"]);
    expect(near.take(aCase("one", undefined, "closed"))).toBe(true);
    expect([...near.shown.value.cases.keys()]).toEqual(["two"]);
  });

  it("says that circles are old where something changed in them", async () => {
    clustersIn.mockResolvedValue(circles(aCircle(900)));
    const near = useInView(() => filter);
    await near.look(CITY);
    expect(near.take(aCase("new"))).toBe(false);
  });

  it("stays where the service fails, and says so", async () => {
    clustersIn.mockRejectedValue(new Error("no"));
    const near = useInView(() => filter);
    await expect(near.look(CITY)).rejects.toThrow("no");
    expect(near.busy.value).toBe(false);
  });
});

describe("the list of a large city", () => {
  const page = (colour: CaseColour, ids: string[], next: string | null) => ({
    items: ids.map((id) => aCase(id, undefined, undefined, colour).properties as never), next, matched: ids.length,
  });

  it("goes from colour to colour, a page at a time, and knows its end", async () => {
    casePage.mockImplementation(async ({ colour }, { limit, cursor }) => {
      if (limit === 1) return { items: [], next: null, matched: 4 };
      if (colour === "red") return page("red", ["r1"], null);
      if (colour === "yellow") return cursor ? page("yellow", ["y2"], null) : page("yellow", ["y1"], "more");
      return page("green", ["g1"], null);
    });
    const list = useUrgent(() => filter);
    await list.restart();
    expect(list.total.value).toBe(4);
    expect(list.rows.value.map((row) => row.properties.case_id)).toEqual(["r1", "y1", "y2", "g1"]);
    expect(list.more.value).toBe(false);
  });

  it("reads of one colour only that, and stops at a page", async () => {
    filter = { ...NO_FILTER, colour: "yellow" };
    const ids = Array.from({ length: 100 }, (_, n) => `y${n}`);
    casePage.mockImplementation(async (_, { limit, cursor }) => (limit === 1 || cursor ? page("yellow", ["last"], null) : page("yellow", ids, "more")));
    const list = useUrgent(() => filter);
    await list.restart();
    expect(list.rows.value).toHaveLength(100);
    expect(list.more.value).toBe(true);
    await list.readMore();
    expect(list.rows.value).toHaveLength(101);
    expect(list.more.value).toBe(false);
    expect(new Set(casePage.mock.calls.map(([wanted]) => wanted.colour))).toEqual(new Set(["yellow"]));
  });
});

describe("a click on the map", () => {
  const source = (...features: Feature[]) => new VectorSource({ features });
  const circle = new Feature({ geometry: new Point([1000, 0]), look: { radiusPx: 20 } });
  const marker = new Feature({ geometry: new Point([0, 0]), case_id: "a" });
  const area = new Feature({ geometry: new Polygon([[[-50, -50], [50, -50], [50, 50], [-50, 50], [-50, -50]]]), case_id: "a" });

  it("finds the symbol, which stands above its place, before the area below it", () => {
    expect(hitAt([0, 20], 1, [source(marker), source(area)])).toBe(marker);
    expect(hitAt([0, -40], 1, [source(marker), source(area)])).toBe(area);
    expect(hitAt([300, 0], 1, [source(marker), source(area)])).toBeUndefined();
  });

  it("finds a circle by its size on the screen, in any round of the earth", () => {
    expect(hitAt([1000 + 23 * 5, 0], 5, [source(circle)])).toBe(circle);
    expect(hitAt([1000 + 26 * 5, 0], 5, [source(circle)])).toBeUndefined();
    expect(hitAt([1000 + 2 * 20037508.342789244, 0], 5, [source(circle)])).toBe(circle);
  });
});
