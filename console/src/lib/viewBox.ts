/** What part of the earth a map shows, as the service is asked for it. Pure. */

import type { ClusterFeature, LonLat } from "../api/types";

/** Degrees; west of more than east runs over the meridian of 180°, as the service reads it. */
export interface Box {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** What is in view of an endless map: its longitudes count on beyond ±180. `zoom`: one more halves what is seen. */
export interface View extends Box {
  zoom: number;
}

export const WHOLE_EARTH: Box = { west: -180, south: -90, east: 180, north: 90 };

/** A cell of the grid by which cases are counted is as wide as this where the zoom is a whole number. */
const CELL_PX = 64;
const WORLD_PX = 256;
const MOST_COLUMNS = 256;
/** Closer than this (some fifty metres in view), what lies in one spot is shown as far as it goes: further in, nothing comes apart. */
const CLOSEST_ZOOM = 20;

export interface Look {
  box: Box;
  /** Into so many columns the box is cut where cases are counted. */
  columns: number;
  /** As near as the map goes: counting instead of showing helps nobody here. */
  closest: boolean;
}

/**
 * The box to ask for: what is in view, out to the lines of a grid that lies still. A map that is moved a little so asks for
 * the same cells again, and the circles keep their places.
 */
export function lookAt(view: View): Look {
  const cell = cellDeg(view.zoom);
  const [west, east] = [Math.floor(view.west / cell) * cell, Math.ceil(view.east / cell) * cell];
  const [south, north] = [Math.floor(view.south / cell) * cell, Math.ceil(view.north / cell) * cell];
  const columns = Math.round(Math.min(360, east - west) / cell);
  return { box: boxOf({ west, south, east, north }), columns: Math.min(MOST_COLUMNS, Math.max(1, columns)), closest: view.zoom >= CLOSEST_ZOOM };
}

/** A part of an endless map as a part of the one earth. */
export function boxOf({ west, south, east, north }: Box): Box {
  const lats = { south: Math.max(-90, south), north: Math.min(90, north) };
  if (east - west >= 360) return { ...WHOLE_EARTH, ...lats };
  return { west: wrapped(west), east: wrapped(east) === -180 ? 180 : wrapped(east), ...lats };
}

function cellDeg(zoom: number): number {
  return (360 * CELL_PX) / WORLD_PX / 2 ** Math.max(0, Math.round(zoom));
}

/** The same meridian between -180 (with it) and 180 (without). */
export function wrapped(lonDeg: number): number {
  return ((((lonDeg + 180) % 360) + 360) % 360) - 180;
}

/** The middle parts of a cell, by its width: further out, a circle would lie over that of the next cell. */
const [INNER_FROM, INNER_TO] = [0.34, 0.66];

/** Where the circle of a cell is drawn: where its cases lie on the average, but well within its cell. */
export function inCell([lon, lat]: LonLat, { box, columns }: Look): LonLat {
  const cell = widthDeg(box) / columns;
  const inner = (along: number): number => {
    const first = Math.floor(along / cell);
    return cell * (first + Math.min(INNER_TO, Math.max(INNER_FROM, along / cell - first)));
  };
  return [wrapped(box.west + inner(eastOf(box, lon))), Math.min(90, box.south + inner(lat - box.south))];
}

/** As `bbox` of an address. */
export function bboxOf({ west, south, east, north }: Box): string {
  return [west, south, east, north].map((degrees) => degrees.toFixed(8).replace(/\.?0+$/, "")).join(",");
}

export function widthDeg({ west, east }: Box): number {
  return west > east ? east - west + 360 : east - west;
}

/** How far east of the box's western edge a meridian lies. */
function eastOf(box: Box, lonDeg: number): number {
  return (((lonDeg - box.west) % 360) + 360) % 360;
}

export function holdsPlace(box: Box, [lon, lat]: LonLat): boolean {
  return lat >= box.south && lat <= box.north && (widthDeg(box) >= 360 || eastOf(box, lon) <= widthDeg(box));
}

export function holdsBox(box: Box, inner: Box): boolean {
  if (inner.south < box.south || inner.north > box.north) return false;
  return widthDeg(box) >= 360 || eastOf(box, inner.west) + widthDeg(inner) <= widthDeg(box);
}

/**
 * The box in which nearly all of them lie, and `marginDeg` around; null where there are none. One in `outOf` on each side is
 * left out: a single case that was put far away must not make a city as wide as a country.
 */
export function boxAround(found: ClusterFeature[], marginDeg: number, outOf: number): Box | null {
  const heaviest = found.reduce<ClusterFeature | null>((most, one) => (!most || one.properties.count > most.properties.count ? one : most), null);
  if (!heaviest) return null;
  const [lon = 0] = heaviest.geometry.coordinates;
  // Counted from where most lie, so that a city on the meridian of 180° is in one piece.
  const lons = span(found.map((one) => [wrapped((one.geometry.coordinates[0] ?? 0) - lon), one.properties.count]), outOf);
  const lats = span(found.map((one) => [one.geometry.coordinates[1] ?? 0, one.properties.count]), outOf);
  return boxOf({ west: lon + lons[0] - marginDeg, south: lats[0] - marginDeg, east: lon + lons[1] + marginDeg, north: lats[1] + marginDeg });
}

/** From where to where the values reach, without the outermost of `outOf` on each side. */
function span(values: [number, number][], outOf: number): [number, number] {
  const sorted = [...values].sort((a, b) => a[0] - b[0]);
  const spared = sorted.reduce((sum, [, count]) => sum + count, 0) / outOf;
  return [reached(sorted, spared), reached(sorted.reverse(), spared)];
}

function reached(sorted: [number, number][], spared: number): number {
  let passed = 0;
  for (const [value, count] of sorted) if ((passed += count) > spared) return value;
  return sorted.at(-1)?.[0] ?? 0;
}
