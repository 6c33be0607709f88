/** Cases as what is drawn of them: the symbol, the error ellipse, and what the finding covers. */

import Feature from "ol/Feature";
import GeoJSON from "ol/format/GeoJSON";
import type Geometry from "ol/geom/Geometry";
import Point from "ol/geom/Point";
import Polygon from "ol/geom/Polygon";
import { fromLonLat } from "ol/proj";

import type { CaseFeature, LineGeometry, LonLat, PolygonGeometry } from "../api/types";
import { ellipseRing } from "../lib/geometry";

const FORMAT = new GeoJSON({ dataProjection: "EPSG:4326", featureProjection: "EPSG:3857" });

export function readGeometry(geometry: PolygonGeometry | LineGeometry): Geometry | undefined {
  return FORMAT.readGeometry(geometry) ?? undefined;
}

export function drawnCases(cases: Iterable<CaseFeature>): Record<"points" | "ellipses" | "areas", Feature<Geometry>[]> {
  const drawn = { points: [] as Feature<Geometry>[], ellipses: [] as Feature<Geometry>[], areas: [] as Feature<Geometry>[] };
  for (const { geometry, properties } of cases) {
    const [lon, lat] = geometry.coordinates as LonLat;
    const said = { case_id: properties.case_id, matter: properties.matter, state: properties.state, colour: properties.colour };
    drawn.points.push(new Feature({ geometry: new Point(fromLonLat([lon, lat])), ...said }));
    const ellipse = ellipseOf([lon, lat], properties);
    if (ellipse) drawn.ellipses.push(new Feature({ geometry: ellipse, ...said }));
    if (properties.footprint) drawn.areas.push(new Feature({ geometry: readGeometry(properties.footprint), ...said }));
  }
  return drawn;
}

function ellipseOf(place: LonLat, { ellipse95, error }: Pick<CaseFeature["properties"], "ellipse95" | "error">): Geometry | undefined {
  if (ellipse95) return readGeometry(ellipse95);
  if (!error) return undefined;
  return new Polygon([ellipseRing(place, error).map((corner) => fromLonLat(corner))]);
}
