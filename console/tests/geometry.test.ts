import { describe, expect, it } from "vitest";

import type { LonLat } from "../src/api/types";
import { closedRing, ellipseRing, errorM95, metresPerDegree, SCALE_95 } from "../src/lib/geometry";

const PLACE: LonLat = [118.86, 28.97];
const ERROR = { major_m: 3, minor_m: 1, azimuth_deg: 90 };

function offsetsM(ring: LonLat[]): { east: number; north: number }[] {
  const perDegree = metresPerDegree(PLACE[1]);
  return ring.map(([lon, lat]) => ({ east: (lon - PLACE[0]) * perDegree.lon, north: (lat - PLACE[1]) * perDegree.lat }));
}

describe("the error ellipse on the ground", () => {
  it("reaches the major axis along its azimuth and the minor one across", () => {
    const offsets = offsetsM(ellipseRing(PLACE, ERROR, 1));
    expect(Math.max(...offsets.map(({ east }) => east))).toBeCloseTo(3, 3);
    expect(Math.max(...offsets.map(({ north }) => north))).toBeCloseTo(1, 3);
  });

  it("turns clockwise from north", () => {
    const offsets = offsetsM(ellipseRing(PLACE, { ...ERROR, azimuth_deg: 30 }, 1));
    const farthest = offsets.reduce((best, one) => (Math.hypot(one.east, one.north) > Math.hypot(best.east, best.north) ? one : best));
    expect(Math.atan(farthest.east / farthest.north) * (180 / Math.PI)).toBeCloseTo(30, 1);
  });

  it("is a closed ring and holds 95 percent by default", () => {
    const ring = ellipseRing(PLACE, ERROR);
    expect(ring[0]).toEqual(ring.at(-1));
    expect(Math.max(...offsetsM(ring).map(({ east }) => east))).toBeCloseTo(3 * SCALE_95, 2);
    expect(SCALE_95).toBeCloseTo(2.4477, 4);
  });

  it("knows the length of a degree", () => {
    expect(metresPerDegree(0).lon).toBeCloseTo(111_319.5, 0);
    expect(metresPerDegree(0).lat).toBeCloseTo(110_574.3, 0);
    expect(metresPerDegree(60).lon).toBeCloseTo(55_800, -1);
  });

  it("gives the figure that stands after the plus-minus sign", () => {
    expect(errorM95(ERROR)).toBeCloseTo(7.343, 3);
    expect(errorM95(null)).toBeNull();
  });
});

describe("a ring of corners", () => {
  const corners: LonLat[] = [[1, 1], [2, 1], [2, 2]];

  it("is closed once, whether it came closed or open", () => {
    const closed = [...corners, corners[0]!];
    expect(closedRing(corners)?.coordinates[0]).toEqual(closed);
    expect(closedRing(closed)?.coordinates[0]).toEqual(closed);
  });

  it("needs three corners", () => {
    expect(closedRing(corners.slice(0, 2))).toBeNull();
    expect(closedRing(null)).toBeNull();
  });
});
