// What other people wrote must not reorder the text beside it, or hide in it: names, labels and errors are shown with such characters made visible.

/** Control characters but tabs and line breaks, those that reorder text or break lines, and those that take no space but the selectors of emoji. */
const HIDDEN = /(?![\t\n\u{fe00}-\u{fe0f}])[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]/gu;

/** A text with what is hidden in it shown by its code, such as ⟨202E⟩. */
export const visibleText = (text: string): string => text.replace(HIDDEN, (c) => `⟨${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

/** A value of JSON, with each text and each name in it made visible. */
export function visible<T>(value: T): T {
  if (typeof value === "string") return visibleText(value) as T;
  if (Array.isArray(value)) return value.map(visible) as T;
  if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, one]) => [visibleText(name), visible(one)])) as T;
  return value;
}

/** Reads JSON that is to be shown. */
export const parseVisible = <T>(json: string): T => visible(JSON.parse(json) as T);
