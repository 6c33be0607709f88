/** Where a map looks, in degrees. */

import type { FeatureLike } from "ol/Feature";
import type OlMap from "ol/Map";
import type View from "ol/View";
import type { Extent } from "ol/extent";
import type Point from "ol/geom/Point";
import { fromLonLat, transformExtent } from "ol/proj";

import type { Box, View as InView } from "../lib/viewBox";

/** A click on a circle shows a quarter of the width: some circles of its own, or its cases. */
const CLUSTER_STEP = 2;

/** What is in view; null while the map has no room. */
export function inViewOf(map: OlMap): InView | null {
  const size = map.getSize();
  const view = map.getView();
  if (!size?.[0] || !size[1] || !view.isDef()) return null;
  const [west = 0, south = 0, east = 0, north = 0] = transformExtent(view.calculateExtent(size), "EPSG:3857", "EPSG:4326");
  return { west, south, east, north, zoom: view.getZoom() ?? 0 };
}

export function extentOf({ west, south, east, north }: Box): Extent {
  // The map's plane has no poles.
  const lats = [Math.max(-85, south), Math.min(85, north)] as const;
  return transformExtent([west, lats[0], west > east ? east + 360 : east, lats[1]], "EPSG:4326", "EPSG:3857");
}

/** Nearer to a circle, so that it comes apart; in that round of the earth which is in view. */
export function zoomInto(view: View, circle: FeatureLike): void {
  const [x = 0, y = 0] = (circle.getGeometry() as Point).getCoordinates();
  const [halfRound = 1] = fromLonLat([180, 0]);
  const rounds = Math.round(((view.getCenter()?.[0] ?? x) - x) / (2 * halfRound));
  view.animate({ center: [x + rounds * 2 * halfRound, y], zoom: (view.getZoom() ?? 0) + CLUSTER_STEP, duration: 260 });
}
