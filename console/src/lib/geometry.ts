/** Error ellipses on the ground, and how they are said in words. */

import type { ErrorEllipse, LonLat, PolygonGeometry } from "../api/types";

/** Scale from one sigma to the ellipse that holds the place with 95 %: sqrt of chi-square(0.95) with two degrees of freedom. */
export const SCALE_95 = Math.sqrt(-2 * Math.log(0.05));

const WGS84_A_M = 6_378_137;
const WGS84_E2 = 0.00669437999014;

/** Metres per degree of longitude and of latitude at a latitude (WGS 84). */
export function metresPerDegree(latDeg: number): { lon: number; lat: number } {
  const sin = Math.sin((latDeg * Math.PI) / 180);
  const w2 = 1 - WGS84_E2 * sin * sin;
  const perRadian = Math.PI / 180;
  return {
    lon: (perRadian * WGS84_A_M * Math.cos(latDeg * perRadian)) / Math.sqrt(w2),
    lat: (perRadian * WGS84_A_M * (1 - WGS84_E2)) / w2 ** 1.5,
  };
}

/** Closed ring (lon, lat in degrees) around the centre: the one-sigma ellipse times `scale`. */
export function ellipseRing([lon, lat]: LonLat, error: ErrorEllipse, scale: number = SCALE_95, corners = 48): LonLat[] {
  const perDegree = metresPerDegree(lat);
  const azimuth = (error.azimuth_deg * Math.PI) / 180;
  const ring: LonLat[] = [];
  for (let i = 0; i <= corners; i++) {
    const angle = (2 * Math.PI * (i % corners)) / corners;
    const along = error.major_m * scale * Math.cos(angle);
    const across = error.minor_m * scale * Math.sin(angle);
    const eastM = along * Math.sin(azimuth) + across * Math.cos(azimuth);
    const northM = along * Math.cos(azimuth) - across * Math.sin(azimuth);
    ring.push([lon + eastM / perDegree.lon, lat + northM / perDegree.lat]);
  }
  return ring;
}

/** A GeoJSON polygon of corners that may or may not repeat the first one at the end; null without three corners. */
export function closedRing(corners: LonLat[] | null | undefined): PolygonGeometry | null {
  const [first, , third] = corners ?? [];
  const last = corners?.at(-1);
  if (!corners || !first || !third || !last) return null;
  const closed = first[0] === last[0] && first[1] === last[1];
  return { type: "Polygon", coordinates: [closed ? corners : [...corners, first]] };
}

/** Semi-major axis of the 95 % ellipse in metres: the one number that stands after "±". */
export function errorM95(error: ErrorEllipse | null | undefined): number | null {
  return error ? error.major_m * SCALE_95 : null;
}
