/** Loading something, with the three states that every page shows: busy, failed, there. */

import { ref, shallowRef } from "vue";

import { Problem } from "../api/client";

export function useLoad<T>(fetchIt: () => Promise<T>) {
  const value = shallowRef<T | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const busy = ref(false);
  let turn = 0;

  /** Loads (again); an older answer that comes late never overwrites a newer one. What was there stays meanwhile. */
  async function load(): Promise<void> {
    const mine = ++turn;
    busy.value = true;
    try {
      const answer = await fetchIt();
      if (mine !== turn) return;
      value.value = answer;
      problem.value = null;
    } catch (error) {
      if (mine !== turn) return;
      problem.value = asProblem(error);
    } finally {
      if (mine === turn) busy.value = false;
    }
  }

  return { value, problem, busy, load };
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(-1, "unexpected", error instanceof Error ? error.message : String(error));
}
