/** Circles that stand for many cases: the number, the most urgent colour among them, and around it the share of each. */

import Feature, { type FeatureLike } from "ol/Feature";
import type Geometry from "ol/geom/Geometry";
import Point from "ol/geom/Point";
import { fromLonLat } from "ol/proj";
import { Fill, Icon, Style, Text } from "ol/style";

import type { ClusterFeature, LonLat } from "../api/types";
import { clusterLook, type ClusterLook, type ClusterWords } from "../lib/clusterLook";
import { clusterCanvas, TONE } from "./symbols";
import { FONT, pixelRatio } from "./styles";

export type { ClusterWords };

export function clusterFeature({ geometry, properties }: ClusterFeature, said: ClusterWords): Feature<Geometry> {
  return new Feature({ geometry: new Point(fromLonLat(geometry.coordinates as LonLat)), count: properties.count, look: clusterLook(properties, said) });
}

const circles = new Map<string, HTMLCanvasElement>();

function circleOf(look: ClusterLook): HTMLCanvasElement {
  const key = `${look.radiusPx}/${look.tone}/${look.shares.join()}`;
  const canvas = circles.get(key) ?? clusterCanvas(look, pixelRatio());
  circles.set(key, canvas);
  return canvas;
}

export function clusterStyle(feature: FeatureLike): Style {
  const look = feature.get("look") as ClusterLook;
  return new Style({
    image: new Icon({ img: circleOf(look), scale: 1 / pixelRatio() }),
    text: new Text({ text: look.words, font: `600 ${look.radiusPx > 17 ? 13 : 12}px ${FONT}`, fill: new Fill({ color: TONE[look.tone].ink }) }),
    // The number of a circle must not lie over another circle: the larger one is on top, with all that is its own.
    zIndex: look.radiusPx,
  });
}
