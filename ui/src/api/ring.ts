/** The newest of a row of values. */
export class Ring<T> {
  private values: T[] = [];

  constructor(private readonly room: number) {}

  push(value: T) {
    this.values = [...this.values.slice(Math.max(0, this.values.length - this.room + 1)), value];
  }
  clear() {
    this.values = [];
  }
  get last(): T | undefined {
    return this.values.at(-1);
  }
  /** The same array until a value comes. */
  get snapshot(): readonly T[] {
    return this.values;
  }
}
