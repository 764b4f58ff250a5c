// Where somebody wanted to go, for the time that it is away at an identity provider: the provider leads back to the first screen,
// as deblox goes to no place that comes with a request.
const KEY = "deblox.way-back";

export const remember = (place: string | undefined) => (place ? sessionStorage.setItem(KEY, place) : sessionStorage.removeItem(KEY));

/** Goes there, once, before anything is shown. */
export function goBack() {
  const place = sessionStorage.getItem(KEY);
  if (place === null || location.pathname !== "/") return;
  remember(undefined);
  history.replaceState(null, "", place);
}
