/** Time left until a deadline, and how pressing it is. */

export type Urgency = "overdue" | "urgent" | "soon" | "calm";

export interface Countdown {
  /** Whole minutes until the deadline (or since it, when overdue), never negative. */
  minutes: number;
  urgency: Urgency;
}

const MINUTE_MS = 60_000;
const URGENT_MINUTES = 15;
const SOON_MINUTES = 60;

/** What is left at `now` of the time until `deadlineAt` (ISO 8601); null when there is no readable deadline. */
export function countdown(deadlineAt: string | null | undefined, now: Date): Countdown | null {
  if (!deadlineAt) return null;
  const leftMs = new Date(deadlineAt).getTime() - now.getTime();
  if (Number.isNaN(leftMs)) return null;
  if (leftMs < 0) return { minutes: Math.floor(-leftMs / MINUTE_MS), urgency: "overdue" };
  const minutes = Math.floor(leftMs / MINUTE_MS);
  return { minutes, urgency: minutes < URGENT_MINUTES ? "urgent" : minutes < SOON_MINUTES ? "soon" : "calm" };
}

/** A duration split for people: the two largest units that say something, e.g. 1 d 3 h, 2 h 5 min, 7 min. */
export function durationParts(minutes: number): { unit: "day" | "hour" | "minute"; n: number }[] {
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  const rest = minutes % 60;
  const all = [
    { unit: "day" as const, n: days },
    { unit: "hour" as const, n: hours },
    { unit: "minute" as const, n: rest },
  ];
  const first = all.findIndex((part) => part.n > 0);
  if (first < 0) return [{ unit: "minute", n: 0 }];
  return all.slice(first, first + 2).filter((part) => part.n > 0);
}
