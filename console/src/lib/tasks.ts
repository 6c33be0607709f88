/** How a department's tasks are sorted into tabs and put in order. */

export const TABS = ["todo", "doing", "done", "all"] as const;
export type Tab = (typeof TABS)[number];

const TAB_OF_STATE: Record<string, Tab> = {
  queued: "todo",
  sent: "todo",
  signed: "doing",
  working: "doing",
  rework: "doing",
};

/** The tab under which a task's state stands; whatever needs nothing more from the department is "done". */
export function tabOf(state: string): Tab {
  return TAB_OF_STATE[state] ?? "done";
}

interface Timed {
  state: string;
  deadline_at: string | null;
  sign_deadline_at: string | null;
}

/** The deadline that counts now: the one for signing until it is signed, then the one for the work; none when reported. */
export function currentDeadline(task: Timed): { kind: "sign" | "dispose"; at: string } | null {
  const tab = tabOf(task.state);
  if (tab === "done") return null;
  if (tab === "todo" && task.sign_deadline_at) return { kind: "sign", at: task.sign_deadline_at };
  return task.deadline_at ? { kind: "dispose", at: task.deadline_at } : null;
}

const COLOUR_RANK: Record<string, number> = { red: 0, yellow: 1, green: 2 };

/** Work still to be done first, then by colour, then by the nearer deadline. */
export function byPressure(a: Timed & { colour: string | null }, b: Timed & { colour: string | null }): number {
  const order = TABS.indexOf(tabOf(a.state)) - TABS.indexOf(tabOf(b.state));
  if (order !== 0) return order;
  const colour = (COLOUR_RANK[a.colour ?? ""] ?? 3) - (COLOUR_RANK[b.colour ?? ""] ?? 3);
  if (colour !== 0) return colour;
  return (currentDeadline(a)?.at ?? "9999").localeCompare(currentDeadline(b)?.at ?? "9999");
}
