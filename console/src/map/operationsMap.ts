/** The operations map: OpenLayers behind a handful of plain methods, so that the pages need not know it. */

import Feature, { type FeatureLike } from "ol/Feature";
import type Graticule from "ol/layer/Graticule";
import ImageLayer from "ol/layer/Image";
import VectorLayer from "ol/layer/Vector";
import OlMap from "ol/Map";
import View from "ol/View";
import GeoJSON from "ol/format/GeoJSON";
import type Geometry from "ol/geom/Geometry";
import LineString from "ol/geom/LineString";
import Point from "ol/geom/Point";
import { ScaleLine } from "ol/control";
import { defaults as defaultInteractions } from "ol/interaction/defaults";
import { createEmpty, extend, isEmpty, type Extent } from "ol/extent";
import { fromLonLat, toLonLat, transformExtent } from "ol/proj";
import ImageStatic from "ol/source/ImageStatic";
import VectorSource from "ol/source/Vector";
import type { StyleLike } from "ol/style/Style";

import type { Basemap, CaseFeature, ClusterFeature, FeatureCollection, LineGeometry, LonLat, PhotoProperties, PolygonGeometry, ZoneProperties } from "../api/types";
import type { Box, View as InView } from "../lib/viewBox";
import { drawnCases, readGeometry } from "./caseFeatures";
import { clusterFeature, clusterStyle, type ClusterWords } from "./clusters";
import { graticuleLayer } from "./graticule";
import { hitAt } from "./picking";
import { extentOf, inViewOf, zoomInto } from "./viewing";
import { aircraftStyle, caseStyle, ellipseStyle, extentStyle, footprintStyle, PLANNED_STYLE, streetStyle, TRACK_STYLE, zoneStyle } from "./styles";

export const LAYERS = ["cases", "ellipses", "areas", "track", "planned", "footprints", "streets", "zones", "graticule", "basemap"] as const;
export type LayerName = (typeof LAYERS)[number];

const VECTOR_ORDER = ["zones", "streets", "footprints", "planned", "track", "areas", "ellipses", "aircraft", "clusters", "cases"] as const;
type VectorName = (typeof VECTOR_ORDER)[number];

/** Layers that are drawn otherwise where a picture lies below them. */
const OVER_PICTURE = ["zones", "streets", "footprints"] as const;

/** What a click may be meant for, the foremost first. */
const PICKABLE = ["cases", "areas", "ellipses", "clusters"] as const;

const READ = { dataProjection: "EPSG:4326", featureProjection: "EPSG:3857" };

interface Handlers {
  onPick?: (caseId: string | null) => void;
  onPointer?: (place: LonLat | null) => void;
  /** Called with every place that is clicked. */
  onPlace?: (place: LonLat) => void;
  /** Called with what is in view, each time that it came to rest. */
  onView?: (view: InView) => void;
  /** Figures on the graticule; left out where the map is small. */
  labelled?: boolean;
}

export class OperationsMap {
  private readonly map: OlMap;
  private readonly sources: Record<VectorName, VectorSource>;
  private readonly layers: Record<VectorName, VectorLayer<VectorSource>>;
  private readonly graticule: Graticule;
  private readonly basemap = new ImageLayer<ImageStatic>({ visible: true, opacity: 0.92 });
  private readonly format = new GeoJSON();
  private readonly track = new LineString([]);
  private readonly aircraft = new Feature(new Point([0, 0]));
  private selectedId: string | null = null;

  constructor(target: HTMLElement, { onPick, onPointer, onPlace, onView, labelled = true }: Handlers = {}) {
    this.sources = Object.fromEntries(VECTOR_ORDER.map((name) => [name, new VectorSource()])) as Record<VectorName, VectorSource>;
    const styles: Record<VectorName, StyleLike> = {
      zones: (feature, resolution) => zoneStyle(feature, resolution, this.showsPicture()),
      streets: (feature, resolution) => streetStyle(feature, resolution, this.showsPicture()),
      footprints: (feature) => footprintStyle(feature, this.showsPicture()),
      planned: PLANNED_STYLE,
      track: TRACK_STYLE,
      areas: extentStyle,
      ellipses: ellipseStyle,
      aircraft: aircraftStyle(0),
      clusters: clusterStyle,
      cases: (feature, resolution) => caseStyle(feature, resolution, this.selectedId),
    };
    this.layers = Object.fromEntries(
      VECTOR_ORDER.map((name) => [name, new VectorLayer({ source: this.sources[name], style: styles[name], declutter: name === "streets" || name === "zones" })]),
    ) as Record<VectorName, VectorLayer<VectorSource>>;
    this.graticule = graticuleLayer(labelled);
    this.map = new OlMap({
      target,
      keyboardEventTarget: target,
      controls: [new ScaleLine({ units: "metric", minWidth: 90 })],
      interactions: defaultInteractions({ altShiftDragRotate: false, pinchRotate: false }),
      layers: [this.basemap, this.graticule, ...VECTOR_ORDER.map((name) => this.layers[name])],
      view: new View({ center: fromLonLat([120, 30]), zoom: 13, maxZoom: 22, enableRotation: false }),
    });
    this.sources.track.addFeature(new Feature(this.track));
    this.listen(target, onPick, onPointer);
    this.map.on("moveend", () => {
      const view = onView && inViewOf(this.map);
      if (view) onView(view);
    });
    if (onPlace) this.map.on("singleclick", (event) => onPlace(toLonLat(event.coordinate) as LonLat));
  }

  private listen(target: HTMLElement, onPick: Handlers["onPick"], onPointer: Handlers["onPointer"]): void {
    if (onPick) {
      this.map.on("singleclick", (event) => {
        const hit = this.hitAt(event.coordinate);
        if (hit?.get("count")) zoomInto(this.map.getView(), hit);
        else onPick(hit ? String(hit.get("case_id")) : null);
      });
    }
    this.map.on("pointermove", (event) => {
      if (event.dragging) return;
      if (onPick) target.style.cursor = this.hitAt(event.coordinate) ? "pointer" : "";
      onPointer?.(toLonLat(event.coordinate) as LonLat);
    });
    if (onPointer) target.addEventListener("pointerleave", () => onPointer(null));
  }

  private hitAt(coordinate: number[]): FeatureLike | undefined {
    const shown = PICKABLE.filter((name) => this.layers[name].getVisible()).map((name) => this.sources[name]);
    return hitAt(coordinate, this.map.getView().getResolution() ?? 1, shown);
  }

  destroy(): void {
    this.map.setTarget(undefined);
    this.map.dispose();
  }

  setZones(zones: FeatureCollection<PolygonGeometry | LineGeometry, ZoneProperties>): void {
    const features = this.format.readFeatures(zones, READ);
    const isLine = (feature: Feature<Geometry>) => feature.getGeometry()?.getType().endsWith("LineString") ?? false;
    this.refill("zones", features.filter((feature) => !isLine(feature)));
    this.refill("streets", features.filter(isLine));
  }

  setFootprints(photos: FeatureCollection<PolygonGeometry | null, PhotoProperties>): void {
    this.sources.footprints.clear();
    for (const photo of photos.features) this.addFootprint(photo.geometry, photo.properties);
  }

  addFootprint(geometry: PolygonGeometry | null, properties: PhotoProperties): void {
    if (!geometry) return;
    const id = `photo:${properties.name}`;
    const known = this.sources.footprints.getFeatureById(id);
    if (known && !Array.isArray(known)) this.sources.footprints.removeFeature(known);
    const feature = new Feature({ geometry: readGeometry(geometry), ...properties });
    feature.setId(id);
    this.sources.footprints.addFeature(feature);
  }

  setFlight(planned: LineGeometry | null, track: LineGeometry | null): void {
    this.sources.planned.clear();
    if (planned?.coordinates.length) this.sources.planned.addFeature(new Feature(readGeometry(planned)));
    this.track.setCoordinates((track?.coordinates ?? []).map((place) => fromLonLat(place.slice(0, 2))));
    this.sources.aircraft.clear();
  }

  /** Moves the aircraft and lengthens the flown track. */
  moveAircraft([lon, lat]: LonLat, headingDeg: number): void {
    const place = fromLonLat([lon, lat]);
    if (this.track.getCoordinates().length) this.track.appendCoordinate(place);
    else this.track.setCoordinates([place]);
    this.aircraft.setGeometry(new Point(place));
    this.aircraft.setStyle(aircraftStyle(headingDeg));
    if (!this.sources.aircraft.hasFeature(this.aircraft)) this.sources.aircraft.addFeature(this.aircraft);
  }

  landAircraft(): void {
    this.sources.aircraft.clear();
  }

  setCases(cases: Iterable<CaseFeature>): void {
    const { points, ellipses, areas } = drawnCases(cases);
    this.refill("cases", points);
    this.refill("ellipses", ellipses);
    this.refill("areas", areas);
  }

  setClusters(clusters: ClusterFeature[], said: ClusterWords): void {
    this.refill("clusters", clusters.map((one) => clusterFeature(one, said)));
  }

  setBasemap({ url, extent_lonlat }: Basemap): void {
    this.basemap.setSource(
      new ImageStatic({ url, imageExtent: transformExtent(extent_lonlat, "EPSG:4326", "EPSG:3857"), projection: "EPSG:3857", interpolate: true }),
    );
    for (const name of OVER_PICTURE) this.layers[name].changed();
  }

  private showsPicture(): boolean {
    return this.basemap.getSource() !== null && this.basemap.getVisible();
  }

  setVisible(name: LayerName, visible: boolean): void {
    if (name === "basemap") this.showBasemap(visible);
    else if (name === "graticule") this.graticule.setVisible(visible);
    else this.layers[name].setVisible(visible);
    if (name === "cases") this.layers.clusters.setVisible(visible);
  }

  private showBasemap(visible: boolean): void {
    if (this.basemap.getVisible() === visible) return;
    this.basemap.setVisible(visible);
    for (const name of OVER_PICTURE) this.layers[name].changed();
  }

  select(caseId: string | null): void {
    this.selectedId = caseId;
    this.layers.cases.changed();
  }

  /** Puts everything that is known into view: flight, zones, cases. */
  fitAll(paddingPx: [number, number, number, number]): void {
    const extent = createEmpty();
    for (const name of ["planned", "track", "cases", "footprints"] as const) this.extendBy(extent, name);
    if (isEmpty(extent)) for (const name of ["zones", "streets"] as const) this.extendBy(extent, name);
    if (isEmpty(extent)) return;
    this.map.getView().fit(extent, { padding: paddingPx, maxZoom: 19 });
  }

  private extendBy(extent: Extent, name: VectorName): void {
    const own = this.sources[name].getExtent();
    if (own && !isEmpty(own)) extend(extent, own);
  }

  fitBox(box: Box, paddingPx: [number, number, number, number]): void {
    this.map.getView().fit(extentOf(box), { padding: paddingPx, maxZoom: 19 });
  }

  centreOn(place: LonLat, zoom?: number, animated = true): void {
    const view = this.map.getView();
    const target = { center: fromLonLat(place), zoom: Math.max(view.getZoom() ?? 0, zoom ?? 0) };
    if (animated) view.animate({ ...target, duration: 260 });
    else {
      view.setCenter(target.center);
      view.setZoom(target.zoom);
    }
  }

  zoomBy(steps: number): void {
    const view = this.map.getView();
    view.animate({ zoom: (view.getZoom() ?? 13) + steps, duration: 160 });
  }

  private refill(name: VectorName, features: Feature<Geometry>[]): void {
    this.sources[name].clear(true);
    this.sources[name].addFeatures(features);
  }
}
