import { describe, expect, it } from "vitest";

import { retryDelayMs } from "../src/api/stream";
import en from "../src/i18n/en";
import zh from "../src/i18n/zh";
import { area, geoUri, lonLat, percent, plusMinus } from "../src/lib/format";
import { stillOf } from "../src/lib/still";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") found.set(prefix + key, value);
    else for (const [inner, text] of flat(value, `${prefix}${key}.`)) found.set(inner, text);
  }
  return found;
}

const SOURCES = import.meta.glob<string>("../src/**/*.{vue,ts}", { query: "?raw", import: "default", eager: true });
const chinese = flat(zh);
const english = flat(en);

describe("the words of the pages", () => {
  it("are there in both languages, and none is empty", () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
    for (const [key, text] of [...chinese, ...english]) if (key !== "unit.sep") expect(text.trim(), key).not.toBe("");
  });

  it("take the same values in both languages", () => {
    const values = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    for (const [key, text] of chinese) if (key !== "why.rule") expect(values(english.get(key) ?? ""), key).toEqual(values(text));
  });

  it("exist for every key that a page names", () => {
    const named = new Set<string>();
    for (const source of Object.values(SOURCES)) for (const [, key] of source.matchAll(/\bt\(\s*["']([\w.]+)["']/g)) named.add(key!);
    expect(named.size).toBeGreaterThan(80);
    expect([...named].filter((key) => !chinese.has(key))).toEqual([]);
  });

  it("are Chinese in Chinese and carry none in English", () => {
    const han = /\p{Script=Han}/u;
    const says = ([key, text]: [string, string]) => key !== "session.language" && /\p{L}/u.test(text.replace(/\{\w+\}/g, ""));
    for (const [key, text] of [...chinese].filter(says)) expect(han.test(text), `${key}: ${text}`).toBe(true);
    for (const [key, text] of [...english].filter(says)) expect(han.test(text), `${key}: ${text}`).toBe(false);
  });
});

describe("figures", () => {
  const error = { major_m: 1.3, minor_m: 0.8, azimuth_deg: 12 };

  it("name longitude first, but latitude first in a geo link", () => {
    expect(lonLat(118.8595, 28.9705)).toBe("118.859500, 28.970500");
    expect(geoUri(118.8595, 28.9705, error)).toBe("geo:28.970500,118.859500;u=3");
    expect(geoUri(118.8595, 28.9705, null)).toBe("geo:28.970500,118.859500");
  });

  it("carry their unit, and a dash stands for what is unknown", () => {
    expect(plusMinus(error)).toBe("±3.2 m");
    expect(plusMinus({ ...error, major_m: 8 })).toBe("±20 m");
    expect([plusMinus(null), area(null), percent(undefined), lonLat(null, 1)]).toEqual(["–", "–", "–", "–"]);
    expect([area(6.04), area(240.6), percent(0.934)]).toEqual(["6.0 m²", "241 m²", "93 %"]);
  });

  it("tell an area with the error of 95 %, in no more digits than that has, and an unknown error not at all", () => {
    expect([area(12.34, 1.53), area(240.6, 20), area(2.345, 0.2)]).toEqual(["12 ± 3 m²", "241 ± 39 m²", "2.3 ± 0.4 m²"]);
    expect([area(12.34, null), area(12.34, undefined), area(null, 1)]).toEqual(["12.3 m²", "12.3 m²", "–"]);
    expect(area(12.34, 0)).toBe("12.3 ± 0.1 m²");
  });
});

describe("a lost connection", () => {
  it("is tried again after growing pauses, never longer than 15 s", () => {
    expect([0, 1, 2, 3, 4, 9].map(retryDelayMs)).toEqual([1000, 2000, 4000, 8000, 15000, 15000]);
  });
});

describe("a still of a film", () => {
  it("tells the film, the time and the frame by its name", () => {
    expect(stillOf("2-patrol_a_01-02-03.450_f000123.jpg")).toEqual({ film: "2-patrol_a", time: "01:02:03.450", frame: 123 });
  });

  it("is no photo", () => {
    for (const name of ["DJI_0001.JPG", "DJI_20260701_f000123.jpg", "", null]) expect(stillOf(name)).toBeNull();
  });
});
