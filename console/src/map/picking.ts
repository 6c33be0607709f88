/**
 * Which case or circle lies at a place of the map. Reckoned, not read back from what was drawn: reading pixels makes the
 * browser wait for its graphics at every move of the pointer.
 */

import type Feature from "ol/Feature";
import { buffer } from "ol/extent";
import type Geometry from "ol/geom/Geometry";
import Point from "ol/geom/Point";
import { fromLonLat } from "ol/proj";
import type VectorSource from "ol/source/Vector";

import type { ClusterLook } from "../lib/clusterLook";
import { markerScale } from "./styles";
import { MARKER_MIDDLE_PX } from "./symbols";

const TOLERANCE_PX = 4;
const FARTHEST_PX = 60;

/** The first of these sources, with the foremost first, that has something there; of symbols the one whose middle is nearest. */
export function hitAt([x = 0, y = 0]: number[], resolution: number, sources: VectorSource[]): Feature<Geometry> | undefined {
  const here = [inFirstRound(x), y];
  for (const source of sources) {
    const hit = symbolAt(here, resolution, source) ?? source.getFeaturesAtCoordinate(here).find((one) => !(one.getGeometry() instanceof Point));
    if (hit) return hit;
  }
  return undefined;
}

/** A map may show the earth several times; things lie in its first round. */
function inFirstRound(x: number): number {
  const [half = 1] = fromLonLat([180, 0]);
  return ((((x + half) % (2 * half)) + 2 * half) % (2 * half)) - half;
}

function symbolAt(here: number[], resolution: number, source: VectorSource): Feature<Geometry> | undefined {
  let nearest: Feature<Geometry> | undefined;
  let nearestPx = Infinity;
  const [x = 0, y = 0] = here;
  source.forEachFeatureInExtent(buffer([x, y, x, y], FARTHEST_PX * resolution), (feature) => {
    const geometry = feature.getGeometry();
    if (!(geometry instanceof Point)) return;
    const [atX = 0, atY = 0] = geometry.getCoordinates();
    const { risePx, radiusPx } = reach(feature, resolution);
    const awayPx = Math.hypot(x - atX, y - atY - risePx * resolution) / resolution;
    if (awayPx > radiusPx + TOLERANCE_PX || awayPx >= nearestPx) return;
    [nearest, nearestPx] = [feature, awayPx];
  });
  return nearest;
}

/** How high above its place the middle of a symbol stands, and how far the symbol reaches from there, in pixels. */
function reach(feature: Feature<Geometry>, resolution: number): { risePx: number; radiusPx: number } {
  const look = feature.get("look") as ClusterLook | undefined;
  if (look) return { risePx: 0, radiusPx: look.radiusPx };
  const scale = markerScale(resolution);
  return { risePx: MARKER_MIDDLE_PX.rise * scale, radiusPx: MARKER_MIDDLE_PX.reach * scale };
}
