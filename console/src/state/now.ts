/** The time of day, ticking for countdowns; one timer for all of them. */

import { onScopeDispose, readonly, ref } from "vue";

const TICK_MS = 10_000;
const value = ref(new Date());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

export function useNow() {
  value.value = new Date();
  users += 1;
  timer ??= setInterval(() => (value.value = new Date()), TICK_MS);
  onScopeDispose(() => {
    users -= 1;
    if (users > 0) return;
    clearInterval(timer);
    timer = undefined;
  });
  return readonly(value);
}
