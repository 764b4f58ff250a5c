export function Containers() {
  return <h1>Containers</h1>;
}
