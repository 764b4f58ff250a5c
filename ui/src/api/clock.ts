// Redis's clock, by which all times of the API count: the browser's own may be wrong.
let ahead = 0;
export const setClock = (now: number) => {
  ahead = now - Date.now();
};
/** Now, in ms, by that clock. */
export const now = () => Date.now() + ahead;
