/** A promise that is made when somebody asks for it: what nobody waits for costs none, and its failure is nobody's. */
export class Later<T> {
  #promise: Promise<T> | undefined;
  #resolve: ((value: T) => void) | undefined;
  #reject: ((why: Error) => void) | undefined;
  #end: { value: T } | { why: Error } | undefined;

  /** The first end counts. */
  resolve(value: T): void {
    if (this.#end) return;
    this.#end = { value };
    this.#resolve?.(value);
  }

  reject(why: Error): void {
    if (this.#end) return;
    this.#end = { why };
    this.#reject?.(why);
  }

  get promise(): Promise<T> {
    this.#promise ??= this.#made();
    return this.#promise;
  }

  #made(): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      const end = this.#end;
      if (!end) [this.#resolve, this.#reject] = [resolve, reject];
      else if ("why" in end) reject(end.why);
      else resolve(end.value);
    });
    promise.catch(() => {}); // who asked may have stopped waiting: that is no unhandled rejection
    return promise;
  }
}
