import { describe, expect, it } from "vitest";

import type { AllowedMove } from "../src/api/types";
import en from "../src/i18n/en";
import zh from "../src/i18n/zh";
import { reasonsOf } from "../src/lib/history";
import { causesOf, changeOf, firstMissing, needsWords, NO_ANSWERS, ordered } from "../src/lib/moves";
import { byPressure, currentDeadline, tabOf } from "../src/lib/tasks";

function aMove(changes: Partial<AllowedMove> = {}): AllowedMove {
  return { to: "opened", label_zh: "立案", label_en: "Opened", needs_reason: false, ...changes };
}

function aTask(changes: object = {}) {
  return { state: "sent", colour: "green" as string | null, deadline_at: "2026-11-21T16:00:00Z" as string | null, sign_deadline_at: "2026-11-21T12:30:00Z" as string | null, ...changes };
}

describe("moves", () => {
  it("put the likely next step before those that turn work away", () => {
    const moves = [aMove({ to: "rejected" }), aMove({ to: "merged" }), aMove({ to: "opened" })];
    expect(ordered(moves).map(({ to }) => to)).toEqual(["opened", "rejected", "merged"]);
  });

  it("offer to undo a merge as what it is, with a reason and nothing else", () => {
    expect([zh.verb.caseState.pending_review, en.verb.caseState.pending_review]).toEqual(["撤销合并", "Undo the merge"]);
    const undo = aMove({ to: "pending_review", needs_reason: true });
    expect(firstMissing(undo, NO_ANSWERS)).toBe("reason");
    expect(changeOf(undo, { ...NO_ANSWERS, reason: "two gullies", duplicateOf: "c2" })).toEqual({ to: "pending_review", reason: "two gullies" });
  });

  it("ask for what they need, and blanks are no answer", () => {
    expect(firstMissing(aMove(), NO_ANSWERS)).toBeNull();
    expect(firstMissing(aMove({ needs_reason: true }), { ...NO_ANSWERS, reason: "  " })).toBe("reason");
    const dispatch = aMove({ needs_reason: true, needs_lead: true });
    expect(firstMissing(dispatch, { ...NO_ANSWERS, reason: "why" })).toBe("lead");
    expect(firstMissing(dispatch, { ...NO_ANSWERS, reason: "why", lead: "drainage" })).toBeNull();
  });

  it("take a chosen cause for a reason, but not the one that asks for words", () => {
    const reject = aMove({ to: "rejected", needs_reason: true, reason_codes: [{ key: "lookalike", label_zh: "外观相似", label_en: "Lookalike", label_is: "wrong" }] });
    expect(firstMissing(reject, NO_ANSWERS)).toBe("reasonCode");
    expect(firstMissing(reject, { ...NO_ANSWERS, reason: "a kite" })).toBeNull();
    expect(needsWords(reject, { ...NO_ANSWERS, reasonCode: "lookalike" })).toBe(false);
    expect(needsWords(reject, { ...NO_ANSWERS, reasonCode: "other" })).toBe(true);
    expect(needsWords(aMove({ needs_reason: true }), NO_ANSWERS)).toBe(true);
    expect(firstMissing(reject, { ...NO_ANSWERS, reasonCode: "lookalike" })).toBeNull();
    expect(firstMissing(reject, { ...NO_ANSWERS, reasonCode: "other" })).toBe("reason");
    expect(firstMissing(reject, { ...NO_ANSWERS, reasonCode: "other", reason: "a kite" })).toBeNull();
    expect(firstMissing(aMove({ needs_reason: true, needs_lead: true }), { ...NO_ANSWERS, reasonCode: "lookalike" })).toBe("lead");
    expect(changeOf(reject, { ...NO_ANSWERS, reasonCode: "lookalike" })).toEqual({ to: "rejected", reason_code: "lookalike" });
    expect(changeOf(aMove(), { ...NO_ANSWERS, reasonCode: "lookalike" })).toEqual({ to: "opened" });
  });

  it("group the causes by what they say of the label, wrong ones first", () => {
    const cause = (key: string, label_is: "right" | "wrong" | "unknown") => ({ key, label_zh: key, label_en: key, label_is });
    const reject = aMove({ reason_codes: [cause("lawful", "right"), cause("lookalike", "wrong"), cause("shadow", "wrong")] });
    expect(causesOf(reject).map(({ labelIs, codes }) => [labelIs, codes.map(({ key }) => key)])).toEqual([["wrong", ["lookalike", "shadow"]], ["right", ["lawful"]]]);
    expect(causesOf(aMove())).toEqual([]);
  });

  it("send only what belongs to them", () => {
    const answers = { reason: " seen ", reasonCode: "", lead: "drainage", until: "2026-12-01T08:00", duplicateOf: "c2", department: "town" };
    expect(changeOf(aMove(), answers)).toEqual({ to: "opened", reason: "seen" });
    expect(changeOf(aMove({ to: "handed_on", needs_department: true }), answers)).toEqual({ to: "handed_on", reason: "seen", department: "town" });
    expect(changeOf(aMove({ to: "suspended", needs_date: true }), answers).until).toBe(new Date("2026-12-01T08:00").toISOString());
    expect(changeOf(aMove(), NO_ANSWERS)).toEqual({ to: "opened" });
  });
});

describe("tasks", () => {
  it.each([["queued", "todo"], ["sent", "todo"], ["signed", "doing"], ["working", "doing"], ["rework", "doing"], ["done", "done"], ["refused", "done"], ["cancelled", "done"]])(
    "in the state %s stand under %s",
    (state, tab) => expect(tabOf(state)).toBe(tab),
  );

  it("count down to the signing first, then to the work, then to nothing", () => {
    expect(currentDeadline(aTask())).toEqual({ kind: "sign", at: "2026-11-21T12:30:00Z" });
    expect(currentDeadline(aTask({ state: "working" }))).toEqual({ kind: "dispose", at: "2026-11-21T16:00:00Z" });
    expect(currentDeadline(aTask({ state: "done" }))).toBeNull();
    expect(currentDeadline(aTask({ sign_deadline_at: null, deadline_at: null }))).toBeNull();
  });

  it("stand in the order of what presses most", () => {
    const tasks = [aTask({ state: "done", colour: "red" }), aTask({ sign_deadline_at: "2026-11-21T12:10:00Z" }), aTask(), aTask({ colour: "red" })];
    const [first, second, third, fourth] = [...tasks].sort(byPressure);
    expect([first, second, third, fourth]).toEqual([tasks[3], tasks[1], tasks[2], tasks[0]]);
  });
});

describe("the reasons in the history", () => {
  const rule = { text_zh: "排水主办", text_en: "Drainage leads" };
  const system = { who: "system:auto-rule", to: "opened" };

  it("are said in the reader's language where the system wrote them", () => {
    expect(reasonsOf({ ...system, why: "confidence 0.93 reaches the auto level 0.80 of waterlogging.road" }, rule)).toEqual([
      { key: "why.autoLevel", values: { confidence: "0.93", level: "0.80" } },
    ]);
    expect(reasonsOf({ ...system, why: "Drainage leads" }, rule)[0]?.key).toBe("why.rule");
    expect(reasonsOf({ ...system, to: "pending_review", why: "matter_always, red" }, rule).map(({ key }) => key)).toEqual([
      "reviewReason.matter_always",
      "reviewReason.red",
    ]);
  });

  it("leave people's own words alone, and unheard-of ones of the system too", () => {
    expect(reasonsOf({ who: "centre", to: "rejected", why: "case closed" }, rule)).toEqual([{ text: "case closed" }]);
    const coded = { who: "centre", to: "rejected", data: { reason_code: "lookalike" } };
    expect(reasonsOf({ ...coded, why: "沙堆" }, rule)).toEqual([{ key: "rejection.lookalike", text: "lookalike" }, { text: "沙堆" }]);
    expect(reasonsOf({ ...coded, why: "外观相似的其他物体" }, rule)).toEqual([{ key: "rejection.lookalike", text: "lookalike" }]);
    expect(reasonsOf({ ...system, why: "something new" }, rule)).toEqual([{ text: "something new" }]);
    expect(reasonsOf({ ...system, why: null }, rule)).toEqual([]);
  });
});
