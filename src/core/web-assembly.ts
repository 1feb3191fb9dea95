/** The part of the platform's WebAssembly that is used; neither Node's types nor ES2023 declare it. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** A module's memory. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const PAGE_BYTES = 64 * 1024;

/** The exports of a module in base64, its memory of one page grown to so many bytes. */
export function instantiate<E extends { readonly memory: WasmMemory }>(base64: string, memoryBytes: number): E {
  const code = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const exports = new WebAssembly.Instance(new WebAssembly.Module(code)).exports as E;
  exports.memory.grow(Math.ceil(memoryBytes / PAGE_BYTES) - 1);
  return exports;
}
