/** A colour of tokens.css, for what is drawn on a canvas and cannot use variables. */
export const cssValue = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
