/** Short notices that go away by themselves. */

import { readonly, ref } from "vue";

export interface Toast {
  id: number;
  text: string;
  /** Where a click leads, if anywhere. */
  to?: string;
}

const LIFE_MS = 5_000;
const MOST = 4;
const shown = ref<Toast[]>([]);
let last = 0;

export const toasts = readonly(shown);

export function toast(text: string, to?: string): void {
  const id = ++last;
  shown.value = [...shown.value, { id, text, ...(to ? { to } : {}) }].slice(-MOST);
  setTimeout(() => (shown.value = shown.value.filter((one) => one.id !== id)), LIFE_MS);
}
