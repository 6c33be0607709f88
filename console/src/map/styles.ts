/** How every layer is drawn. */

import type { FeatureLike } from "ol/Feature";
import { Fill, Icon, Stroke, Style, Text } from "ol/style";

import { markerLook } from "../lib/matter";
import type { CaseColour } from "../api/types";
import { aircraftCanvas, markerCanvas, stripePattern, TONE } from "./symbols";

export const FONT = '"Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif';
const HALO = new Stroke({ color: "rgba(255, 255, 255, .92)", width: 3 });

/** Text is left out where one pixel is wider than this many metres. */
const LABEL_RESOLUTION_M = { area: 6, grid: 3.2, line: 2.6 };

export function pixelRatio(): number {
  return Math.max(1, window.devicePixelRatio);
}

function label(text: string, colour: string, sizePx: number, placement: "point" | "line" = "point"): Text {
  return new Text({
    text,
    font: `500 ${sizePx}px ${FONT}`,
    fill: new Fill({ color: colour }),
    stroke: HALO,
    placement,
    overflow: placement === "point",
    ...(placement === "line" ? { maxAngle: 0.6, repeat: 420 } : {}),
  });
}

/** Figures of the graticule: small and pale, for orientation only. */
export function graticuleLabel(baseline: "bottom" | "middle", align: "center" | "end"): Text {
  return new Text({
    font: `11px ${FONT}`,
    fill: new Fill({ color: "#5b6b79" }),
    stroke: HALO,
    textBaseline: baseline,
    textAlign: align,
  });
}

interface ZoneLook {
  stroke?: { color: string; width: number; lineDash?: number[] };
  fill?: () => string | CanvasPattern;
  ink: string;
  sizePx: number;
  zIndex: number;
}

const patterns = new Map<string, string | CanvasPattern>();

function stripes(colour: string, background: string, step: number): string | CanvasPattern {
  const key = `${colour}${background}${step}`;
  const known = patterns.get(key) ?? stripePattern(colour, background, step);
  patterns.set(key, known);
  return known;
}

const ZONE_LOOK: Record<string, ZoneLook> = {
  permanent_water: { fill: () => "rgba(72, 140, 203, .38)", stroke: { color: "rgba(38, 99, 156, .6)", width: 1 }, ink: "#1d4f80", sizePx: 12, zIndex: 1 },
  road: { fill: () => "rgba(255, 255, 255, .72)", stroke: { color: "rgba(110, 122, 134, .55)", width: 1 }, ink: "#44515e", sizePx: 11, zIndex: 2 },
  reservoir_management: { fill: () => "rgba(0, 121, 107, .05)", stroke: { color: "#2f8f83", width: 1.4, lineDash: [8, 5] }, ink: "#1b5e55", sizePx: 12, zIndex: 3 },
  reservoir_protection_1: { fill: () => "rgba(0, 121, 107, .12)", stroke: { color: "#00695c", width: 2.2 }, ink: "#00493f", sizePx: 13, zIndex: 4 },
  reservoir_protection_2: { fill: () => "rgba(0, 121, 107, .07)", stroke: { color: "#00796b", width: 1.6 }, ink: "#00493f", sizePx: 12, zIndex: 4 },
  reservoir_protection_quasi: { fill: () => "rgba(0, 121, 107, .04)", stroke: { color: "#26a69a", width: 1.2, lineDash: [6, 4] }, ink: "#1b5e55", sizePx: 12, zIndex: 3 },
  no_fishing: { fill: () => stripes("rgba(126, 49, 158, .38)", "rgba(126, 49, 158, .05)", 10), stroke: { color: "#7e319e", width: 1.6, lineDash: [5, 4] }, ink: "#5c1f77", sizePx: 12, zIndex: 5 },
  false_alarm_mask: { fill: () => stripes("rgba(90, 100, 110, .4)", "rgba(90, 100, 110, .06)", 8), ink: "#44515e", sizePx: 11, zIndex: 5 },
  grid: { stroke: { color: "rgba(58, 78, 98, .55)", width: 1 }, ink: "#3a4e62", sizePx: 12, zIndex: 6 },
  district: { stroke: { color: "#22384d", width: 2.4, lineDash: [12, 5, 3, 5] }, ink: "#22384d", sizePx: 14, zIndex: 7 },
};
const ROAD_OVER_PICTURE: ZoneLook = { stroke: { color: "rgba(255, 255, 255, .65)", width: 1.2 }, ink: "#44515e", sizePx: 11, zIndex: 2 };
const OTHER_ZONE: ZoneLook = { stroke: { color: "#5b6b79", width: 1, lineDash: [3, 3] }, ink: "#44515e", sizePx: 11, zIndex: 2 };

/** Areas: fill, border and name. The name of a grid cell or district shows only where there is room. */
export function zoneStyle(feature: FeatureLike, resolution: number, overPicture: boolean): Style {
  const kind = String(feature.get("kind"));
  const look = overPicture && kind === "road" ? ROAD_OVER_PICTURE : (ZONE_LOOK[kind] ?? OTHER_ZONE);
  const limit = kind === "grid" ? LABEL_RESOLUTION_M.grid : LABEL_RESOLUTION_M.area;
  const named = resolution < limit && kind !== "road" && kind !== "district";
  return new Style({
    ...(look.stroke ? { stroke: new Stroke(look.stroke) } : {}),
    ...(look.fill ? { fill: new Fill({ color: look.fill() }) } : {}),
    ...(named ? { text: label(zoneName(feature, kind), look.ink, look.sizePx) } : {}),
    zIndex: look.zIndex,
  });
}

function zoneName(feature: FeatureLike, kind: string): string {
  const name = String(feature.get("name") ?? "");
  return kind === "grid" ? name || String(feature.get("code") ?? "") : name;
}

/** Roads and streets drawn as lines are as wide as they are on the ground; over a picture only a veil is drawn. */
export function streetStyle(feature: FeatureLike, resolution: number, overPicture: boolean): Style[] {
  const widthM = Number(feature.get("width_m")) || 6;
  const widthPx = Math.min(40, Math.max(2, widthM / resolution));
  const name = String(feature.get("name") ?? "");
  const text = resolution < LABEL_RESOLUTION_M.line && name ? { text: label(name, "#36434f", 12, "line") } : {};
  if (overPicture) return [new Style({ stroke: new Stroke({ color: "rgba(255, 255, 255, .28)", width: widthPx, lineCap: "butt" }), ...text, zIndex: 2 })];
  return [
    new Style({ stroke: new Stroke({ color: "rgba(96, 108, 120, .6)", width: widthPx + 1.6 }), zIndex: 1 }),
    new Style({ stroke: new Stroke({ color: "rgba(255, 255, 255, .9)", width: widthPx }), ...text, zIndex: 2 }),
  ];
}

const LOOKED = new Style({
  fill: new Fill({ color: "rgba(11, 92, 173, .035)" }),
  stroke: new Stroke({ color: "rgba(11, 92, 173, .22)", width: 1 }),
});

const LOOKED_OVER_PICTURE = new Style({ stroke: new Stroke({ color: "rgba(255, 255, 255, .30)", width: 1 }) });

export function footprintStyle(feature: FeatureLike, overPicture: boolean): Style {
  if (feature.get("looked") !== false) return overPicture ? LOOKED_OVER_PICTURE : LOOKED;
  return new Style({
    fill: new Fill({ color: stripes("rgba(176, 58, 18, .45)", "rgba(176, 58, 18, .06)", 8) }),
    stroke: new Stroke({ color: "#b03a12", width: 1.2, lineDash: [4, 3] }),
    zIndex: 2,
  });
}

export const PLANNED_STYLE = [
  new Style({ stroke: new Stroke({ color: "rgba(255, 255, 255, .8)", width: 4 }) }),
  new Style({ stroke: new Stroke({ color: "#4d5d6c", width: 1.8, lineDash: [7, 6] }) }),
];
export const TRACK_STYLE = [
  new Style({ stroke: new Stroke({ color: "rgba(255, 255, 255, .9)", width: 5 }) }),
  new Style({ stroke: new Stroke({ color: "#0b5cad", width: 2.8 }) }),
];

let aircraft: HTMLCanvasElement | undefined;

/** The aircraft turned to its heading (degrees clockwise from true north). */
export function aircraftStyle(headingDeg: number): Style {
  aircraft ??= aircraftCanvas(pixelRatio());
  return new Style({
    image: new Icon({ img: aircraft, scale: 1 / pixelRatio(), rotation: (headingDeg * Math.PI) / 180, rotateWithView: true }),
    zIndex: 10,
  });
}

function toneOf(feature: FeatureLike) {
  const properties = feature.getProperties() as { matter: string; state: string; colour: CaseColour | null };
  return TONE[markerLook(properties).tone];
}

function translucent(hex: string, alpha: number): string {
  const value = Number.parseInt(hex.slice(1), 16);
  return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${alpha})`;
}

/** Above this many metres per pixel an ellipse is only a few pixels wide: then a plain line says more than dashes. */
const PLAIN_ELLIPSE_RESOLUTION_M = 0.45;

/** The 95 % error ellipse: thin, dashed, in the tone of its case. */
export function ellipseStyle(feature: FeatureLike, resolution: number): Style[] {
  const tone = toneOf(feature);
  if (resolution > PLAIN_ELLIPSE_RESOLUTION_M) {
    return [new Style({ fill: new Fill({ color: translucent(tone.fill, 0.2) }), stroke: new Stroke({ color: tone.line, width: 1 }) })];
  }
  return [
    new Style({ fill: new Fill({ color: translucent(tone.fill, 0.1) }), stroke: new Stroke({ color: "rgba(255, 255, 255, .85)", width: 3.2 }) }),
    new Style({ stroke: new Stroke({ color: tone.line, width: 1.6, lineDash: [5, 4] }) }),
  ];
}

/** What the finding itself covers on the ground. */
export function extentStyle(feature: FeatureLike): Style {
  const tone = toneOf(feature);
  return new Style({ fill: new Fill({ color: translucent(tone.fill, 0.42) }), stroke: new Stroke({ color: tone.line, width: 1.4 }) });
}

const markers = new Map<string, HTMLCanvasElement>();
const RANK: Record<string, number> = { red: 5, yellow: 4, none: 3, green: 2, ended: 1 };

/** Smaller where the view is wide. */
export function markerScale(resolution: number): number {
  return resolution > 5 ? 0.55 : resolution > 2 ? 0.7 : 0.9;
}

/** The symbol of a case; smaller where the view is wide, larger and ringed when it is selected. */
export function caseStyle(feature: FeatureLike, resolution: number, selectedId: string | null): Style {
  const properties = feature.getProperties() as { case_id: string; matter: string; state: string; colour: CaseColour | null };
  const look = markerLook(properties);
  const selected = properties.case_id === selectedId;
  const key = `${look.family}/${look.tone}/${look.hatched}/${selected}`;
  const img = markers.get(key) ?? markerCanvas(look, selected, pixelRatio());
  markers.set(key, img);
  const scale = selected ? 1 : markerScale(resolution);
  return new Style({ image: new Icon({ img, anchor: [0.5, 1], scale: scale / pixelRatio() }), zIndex: selected ? 100 : (RANK[look.tone] ?? 0) });
}
