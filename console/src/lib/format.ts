/** Numbers, places and times as people read them. */

import { errorM95 } from "./geometry";
import type { ErrorEllipse } from "../api/types";

export type Language = "zh" | "en";

const LOCALE: Record<Language, string> = { zh: "zh-CN", en: "en-GB" };

/** Date and time of day in the reader's own time zone; a dash where there is none. */
export function dateTime(iso: string | null | undefined, language: Language): string {
  return timeWith(iso, language, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** Month, day and minute: for lists. */
export function shortTime(iso: string | null | undefined, language: Language): string {
  return timeWith(iso, language, { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
}

function timeWith(iso: string | null | undefined, language: Language, options: Intl.DateTimeFormatOptions): string {
  if (!iso) return "–";
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "–";
  return new Intl.DateTimeFormat(LOCALE[language], { ...options, hour12: false }).format(at);
}

/** "119.123456, 30.123456": longitude before latitude, six decimals (0.1 m). */
export function lonLat(lon: number | null | undefined, lat: number | null | undefined): string {
  if (typeof lon !== "number" || typeof lat !== "number") return "–";
  return `${lon.toFixed(6)}, ${lat.toFixed(6)}`;
}

/** The RFC 5870 link that a phone's map application opens: latitude before longitude, as that standard wants it. */
export function geoUri(lon: number, lat: number, error?: ErrorEllipse | null): string {
  const uncertainty = errorM95(error);
  const place = `geo:${lat.toFixed(6)},${lon.toFixed(6)}`;
  return uncertainty === null ? place : `${place};u=${Math.max(1, Math.round(uncertainty))}`;
}

/** "±3.2 m" (95 %); a dash where the error is unknown. */
export function plusMinus(error: ErrorEllipse | null | undefined): string {
  const metres = errorM95(error);
  if (metres === null) return "–";
  return `±${metres < 10 ? metres.toFixed(1) : Math.round(metres)} m`;
}

/** Two sides of a bell that hold 95 % of it, in sigmas: errors are told as those of places are. */
const SIGMAS_95 = 1.96;

/** "24.5 m²", or "24 ± 3 m²" (95 %) with no more digits than the error has; a dash where the area is unknown. */
export function area(squareMetres: number | null | undefined, sigma?: number | null): string {
  if (typeof squareMetres !== "number") return "–";
  if (typeof sigma !== "number") return `${squareMetres < 100 ? squareMetres.toFixed(1) : Math.round(squareMetres)} m²`;
  const error = SIGMAS_95 * sigma;
  const digits = error < 1 ? 1 : 0;
  return `${squareMetres.toFixed(digits)} ± ${Math.max(error, 0.1).toFixed(digits)} m²`;
}

/** "87 %". */
export function percent(share: number | null | undefined): string {
  return typeof share === "number" ? `${Math.round(share * 100)} %` : "–";
}
