/** How a circle of many cases looks. Pure. */

import type { ClusterProperties } from "../api/types";
import { BY_URGENCY, worst } from "./bigCity";
import type { MarkerLook } from "./matter";

export interface ClusterLook {
  radiusPx: number;
  /** Of the most urgent case in it. */
  tone: MarkerLook["tone"];
  /** Of a ring of `SHARES` parts, how many are red, yellow and green; what is there has one part at least. */
  shares: number[];
  words: string;
}

export const SHARES = 24;
const RADII_PX: readonly [number, number][] = [[10, 14], [100, 17], [1_000, 20], [10_000, 23]];
const LARGEST_PX = 26;

/** What a circle is told besides its counts. */
export interface ClusterWords {
  /** Whether all in it have ended: such cases are grey, whatever colour they had. */
  ended: boolean;
  /** Of the figures. */
  language: string;
}

export function clusterLook(properties: ClusterProperties, { ended, language }: ClusterWords): ClusterLook {
  const { count } = properties;
  return {
    radiusPx: RADII_PX.find(([below]) => count < below)?.[1] ?? LARGEST_PX,
    tone: ended ? "ended" : (worst(properties) ?? "none"),
    shares: ended ? [] : sharesOf(BY_URGENCY.map((colour) => properties[colour])),
    words: shortNumber(count, language),
  };
}

/** Parts of the ring; few red ones among many keep one part, taken from the largest. */
function sharesOf(counts: number[]): number[] {
  const sum = counts.reduce((all, n) => all + n, 0);
  if (sum === 0) return counts;
  const parts = counts.map((n) => (n === 0 ? 0 : Math.max(1, Math.round((SHARES * n) / sum))));
  const largest = parts.indexOf(Math.max(...parts));
  parts[largest] = (parts[largest] ?? 0) + SHARES - parts.reduce((all, n) => all + n, 0);
  return parts;
}

/** So many figures as they are; a larger number by as many as there is room for: 1.2万, 12K. */
export function shortNumber(count: number, language: string, figures = 4): string {
  if (count < 10 ** figures) return String(count);
  return new Intl.NumberFormat(language, { notation: "compact", maximumSignificantDigits: figures - 2 }).format(count);
}
