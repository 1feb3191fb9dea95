/** Told of what a server's clients ask for (SPEC {#metrics}). */
export interface ServerObserver {
  /** A call was answered: its method, `unknown` where there is none of that name, and the name of the error if it was one. */
  called(method: string, error: string | undefined): void;
  /** An HTTP request was refused, with this error of the catalogue. */
  refused(error: string): void;
}
