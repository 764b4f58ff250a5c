export function ContainerPage() {
  return <h1>Container</h1>;
}
