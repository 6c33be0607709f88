/** Chinese first; English at a click, remembered on this device. */

import { computed, watch } from "vue";
import { createI18n, useI18n } from "vue-i18n";

import type { Language } from "../lib/format";
import en from "./en";
import zh from "./zh";

const KEY = "flyonce.language";

function remembered(): Language {
  try {
    return localStorage.getItem(KEY) === "en" ? "en" : "zh";
  } catch {
    return "zh"; // storage may be forbidden by the browser: then nothing is remembered
  }
}

export const i18n = createI18n({ legacy: false, locale: remembered(), fallbackLocale: "zh", messages: { zh, en } });

export function keepDocumentLanguage(): void {
  watch(
    i18n.global.locale,
    (language) => {
      document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
      document.title = i18n.global.t("app.name");
    },
    { immediate: true },
  );
}

export function switchLanguage(): void {
  const next: Language = i18n.global.locale.value === "zh" ? "en" : "zh";
  i18n.global.locale.value = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // not remembered: see above
  }
}

/** The language at hand, and the reading of `thing.<field>_zh` or `thing.<field>_en` that goes with it. */
export function useLanguage() {
  const { t, te, locale } = useI18n();
  const language = computed(() => locale.value as Language);
  function said(thing: object | null | undefined, field: string): string {
    const record = (thing ?? {}) as Record<string, unknown>;
    const own = record[`${field}_${language.value}`] ?? record[`${field}_zh`] ?? record[field];
    return typeof own === "string" ? own : "";
  }
  return { t, te, language, said };
}
