import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { openFeed, retryDelayMs } from "../src/api/stream";

/** What a browser's EventSource does, told by hand. */
class FakeSource {
  static readonly CLOSED = 2;
  static opened: FakeSource[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  private readonly heard = new Map<string, (event: { data: string }) => void>();

  constructor(readonly url: string) {
    FakeSource.opened.push(this);
  }

  addEventListener(kind: string, listener: (event: { data: string }) => void): void {
    this.heard.set(kind, listener);
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  tell(kind: string, data: unknown): void {
    this.heard.get(kind)?.({ data: JSON.stringify(data) });
  }

  /** The connection is cut; the browser comes back by itself, with the id of the last event. */
  cut(): void {
    this.readyState = 0;
    this.onerror?.();
  }

  /** The service answers with an HTTP error, like a 410: the browser gives up. */
  refuse(): void {
    this.readyState = FakeSource.CLOSED;
    this.onerror?.();
  }

  close(): void {
    this.readyState = FakeSource.CLOSED;
  }
}

describe("the live feed", () => {
  const told: string[] = [];
  const handlers = {
    onFresh: () => told.push("load everything"),
    onEvent: (kind: string) => told.push(kind),
    onConnection: () => undefined,
    onRefused: () => told.push("refused"),
  };

  beforeEach(() => {
    told.length = 0;
    FakeSource.opened = [];
    vi.stubGlobal("EventSource", FakeSource);
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("goes on after a cut without loading anything, for the browser names the last event", () => {
    openFeed(handlers);
    const [source] = FakeSource.opened;
    source!.open();
    source!.tell("case.opened", {});
    source!.cut();
    source!.open();
    source!.tell("case.updated", {});
    expect(told).toEqual(["load everything", "case.opened", "case.updated"]);
    expect(FakeSource.opened).toHaveLength(1);
  });

  it("loads everything anew where the service cannot go on after the last event any more", () => {
    openFeed(handlers);
    FakeSource.opened[0]!.open();
    FakeSource.opened[0]!.tell("case.opened", {});
    FakeSource.opened[0]!.cut();
    FakeSource.opened[0]!.refuse();
    vi.advanceTimersByTime(retryDelayMs(0));
    expect(FakeSource.opened.map(({ url }) => url)).toEqual(["/api/v1/stream", "/api/v1/stream"]);
    FakeSource.opened[1]!.open();
    FakeSource.opened[1]!.tell("case.updated", {});
    expect(told).toEqual(["load everything", "case.opened", "refused", "load everything", "case.updated"]);
  });
});
