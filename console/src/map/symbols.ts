/** Case symbols: outlines by family on a 32 × 32 grid, glyphs on a 24 × 24 grid. Drawn on canvas for the map, as SVG in pages. */

import { BY_URGENCY } from "../lib/bigCity";
import { SHARES, type ClusterLook } from "../lib/clusterLook";
import type { Family, MarkerLook } from "../lib/matter";

export const OUTLINE: Record<Family, string> = {
  water: "M16 3a13 13 0 1 1 0 26a13 13 0 1 1 0-26z",
  waste: "M8 4h16a4 4 0 0 1 4 4v16a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z",
  fishing: "M16 1.8 30.2 16 16 30.2 1.8 16z",
  river: "M9 4h14l7 12-7 12H9L2 16z",
  vehicle: "M16 2.2 30 12.6 24.7 29H7.3L2 12.6z",
  other: "M16 2.5 30.5 28.5h-29z",
};

export const GLYPH: Record<Family, string> = {
  water: "M12 3.2c3.4 4.1 5.8 7.3 5.8 10.4a5.8 5.8 0 0 1-11.6 0c0-3.1 2.4-6.3 5.8-10.4z",
  waste: "M6.2 9h11.6l-1 11.2H7.2zM4.8 6h14.4v1.9H4.8zM9.4 3.6h5.2v1.8H9.4z",
  fishing: "M3 12c3-5 9-6.4 13-2.3L20.8 6v12L16 14.3C12 18.4 6 17 3 12z",
  river: "M3 8.2c3-2.6 6-2.6 9 0s6 2.6 9 0v2.9c-3 2.6-6 2.6-9 0s-6-2.6-9 0zM3 14.2c3-2.6 6-2.6 9 0s6 2.6 9 0v2.9c-3 2.6-6 2.6-9 0s-6-2.6-9 0z",
  vehicle: "M2.5 7h11v7.5h-11zM14.5 9.2h3.9l3.1 3v2.3h-7zM6.5 15a2.2 2.2 0 1 1 0 4.4a2.2 2.2 0 0 1 0-4.4zM17 15a2.2 2.2 0 1 1 0 4.4a2.2 2.2 0 0 1 0-4.4z",
  other: "M10.7 9h2.6v7h-2.6zM10.7 17.6h2.6V20h-2.6z",
};

export interface Tone {
  fill: string;
  ink: string;
  line: string;
}

export const TONE: Record<MarkerLook["tone"], Tone> = {
  red: { fill: "#c9252d", ink: "#ffffff", line: "#7d0f15" },
  yellow: { fill: "#f4b400", ink: "#3d2c00", line: "#7a5900" },
  green: { fill: "#2b8a4b", ink: "#ffffff", line: "#124a25" },
  ended: { fill: "#8793a0", ink: "#ffffff", line: "#515d69" },
  none: { fill: "#4b6a88", ink: "#ffffff", line: "#243a50" },
};

const SYMBOL_PX = 30;
const MARGIN_PX = 6;
const STEM_PX = 9;
const STEM = "M11 24h10l-5 14.5z";

/** Size of a marker's canvas in CSS pixels; its tip, the place itself, is the middle of the lower edge. */
export const MARKER_WH_PX = [SYMBOL_PX + 2 * MARGIN_PX, SYMBOL_PX + MARGIN_PX + STEM_PX] as const;

/** How high over the place the middle of a marker's symbol is, and how far from there symbol and stem reach. */
export const MARKER_MIDDLE_PX = { rise: STEM_PX + SYMBOL_PX / 2, reach: SYMBOL_PX / 2 + 2 } as const;

/** Draws one marker, a symbol on a short stem, so that the place and its error ellipse stay free to see. */
export function markerCanvas(look: MarkerLook, selected: boolean, pixelRatio: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(MARKER_WH_PX[0] * pixelRatio);
  canvas.height = Math.round(MARKER_WH_PX[1] * pixelRatio);
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  context.scale(pixelRatio, pixelRatio);
  context.translate(MARGIN_PX, MARGIN_PX);
  context.scale(SYMBOL_PX / 32, SYMBOL_PX / 32);
  context.lineJoin = "round";
  drawBack(context, look, selected);
  drawFace(context, look);
  return canvas;
}

function drawBack(context: CanvasRenderingContext2D, look: MarkerLook, selected: boolean): void {
  const outline = new Path2D(OUTLINE[look.family]);
  const stem = new Path2D(STEM);
  const [ring, width] = selected ? ["#0b5cad", 8.5] : ["rgba(16, 39, 58, .32)", 4.5];
  strokeAround(context, outline, ring, width);
  strokeAround(context, stem, "#ffffff", 2);
  strokeAround(context, outline, "#ffffff", 3.5);
  context.fillStyle = TONE[look.tone].line;
  context.fill(stem);
}

function drawFace(context: CanvasRenderingContext2D, look: MarkerLook): void {
  const outline = new Path2D(OUTLINE[look.family]);
  const tone = TONE[look.tone];
  context.fillStyle = tone.fill;
  context.fill(outline);
  if (look.hatched) hatch(context, outline, "rgba(255, 255, 255, .55)");
  strokeAround(context, outline, tone.line, 1);
  context.translate(16 - 8.4, (look.family === "other" || look.family === "vehicle" ? 17 : 16) - 8.4);
  context.scale(0.7, 0.7);
  const glyph = new Path2D(GLYPH[look.family]);
  if (look.hatched) strokeAround(context, glyph, tone.fill, 4);
  context.fillStyle = tone.ink;
  context.fill(glyph);
}

function strokeAround(context: CanvasRenderingContext2D, path: Path2D, colour: string, width: number): void {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
}

function hatch(context: CanvasRenderingContext2D, outline: Path2D, colour: string): void {
  context.save();
  context.clip(outline);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  for (let x = -32; x < 32; x += 5.5) {
    context.moveTo(x, 32);
    context.lineTo(x + 32, 0);
  }
  context.stroke();
  context.restore();
}

const RING_PX = 4;

/** Draws the circle of many cases: a disc in the most urgent tone, and around it a ring with the share of each colour. */
export function clusterCanvas({ radiusPx, tone, shares }: ClusterLook, pixelRatio: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const middle = radiusPx + 2;
  canvas.width = canvas.height = Math.round(2 * middle * pixelRatio);
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  context.scale(pixelRatio, pixelRatio);
  disc(context, middle, radiusPx + 1.5, "rgba(16, 39, 58, .4)");
  disc(context, middle, radiusPx + 0.5, "#ffffff");
  if (shares.length === 0) disc(context, middle, radiusPx, TONE[tone].line);
  // From the top, clockwise.
  let from = -Math.PI / 2;
  BY_URGENCY.forEach((colour, index) => {
    const to = from + (2 * Math.PI * (shares[index] ?? 0)) / SHARES;
    context.beginPath();
    context.moveTo(middle, middle);
    context.arc(middle, middle, radiusPx, from, to);
    context.fillStyle = TONE[colour].fill;
    context.fill();
    from = to;
  });
  disc(context, middle, radiusPx - RING_PX, "#ffffff");
  disc(context, middle, radiusPx - RING_PX - 1.2, TONE[tone].fill);
  return canvas;
}

function disc(context: CanvasRenderingContext2D, middle: number, radius: number, colour: string): void {
  context.beginPath();
  context.arc(middle, middle, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}

/** A diagonal stripe pattern for areas on the map. */
export function stripePattern(colour: string, background: string, stepPx: number): CanvasPattern | string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = stepPx;
  const context = canvas.getContext("2d");
  if (!context) return background;
  context.fillStyle = background;
  context.fillRect(0, 0, stepPx, stepPx);
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.beginPath();
  for (const shift of [-stepPx, 0, stepPx]) {
    context.moveTo(shift, stepPx);
    context.lineTo(shift + stepPx, 0);
  }
  context.stroke();
  return context.createPattern(canvas, "repeat") ?? background;
}

/** The aircraft seen from above, nose to the north. */
export function aircraftCanvas(pixelRatio: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const size = 44;
  canvas.width = canvas.height = Math.round(size * pixelRatio);
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  context.scale(pixelRatio, pixelRatio);
  context.lineJoin = "round";
  context.fillStyle = "rgba(11, 92, 173, .16)";
  context.beginPath();
  context.arc(22, 22, 20, 0, 2 * Math.PI);
  context.fill();
  const body = new Path2D("M22 7 33 35 22 29.5 11 35z");
  strokeAround(context, body, "#ffffff", 4);
  context.fillStyle = "#0b5cad";
  context.fill(body);
  strokeAround(context, body, "#062f5c", 1.2);
  return canvas;
}
