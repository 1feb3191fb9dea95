/** Instructions of classic BPF (linux/filter.h): its numbers, and where a system call has its own in `struct seccomp_data`. */
const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const RETURN = 0x06;
const CALL_AT = 0;
const MACHINE_AT = 4;

/** What a filter returns (linux/seccomp.h): let it pass, or ENOSYS, as a kernel without it does. */
const ALLOW = 0x7fff0000;
const MISSING = 0x00050000 | 38;

/** The calls about keyrings (add_key, request_key, keyctl) by the machine's number (linux/audit.h); on others there is no filter. */
const KEYRING_CALLS: Readonly<Record<number, readonly number[]>> = {
  // x86_64
  0xc000003e: [248, 249, 250],
  // i386, which an x86_64 kernel runs as well
  0x40000003: [286, 287, 288],
  // aarch64
  0xc00000b7: [217, 218, 219],
  // arm
  0x40000028: [309, 310, 311],
};
const X86_64 = 0xc000003e;
/** Numbers from here on are those of x32 on x86_64: the same calls under other numbers, which no program needs. */
const X32 = 0x40000000;

/**
 * A filter of system calls for bubblewrap's `--seccomp` (SPEC {#sandbox}): the kernel's keyrings are of no namespace, so that a command would read
 * the keys of the user who started the server. The bytes are in the order of this machine.
 */
export function noKeyrings(): Buffer {
  const filter: Instruction[] = [[LOAD, 0, 0, MACHINE_AT]];
  for (const [machine, calls] of Object.entries(KEYRING_CALLS)) {
    const x32: Instruction[] =
      Number(machine) === X86_64
        ? [
            [IF_AT_LEAST, 0, 1, X32],
            [RETURN, 0, 0, MISSING],
          ]
        : [];
    const each = calls.flatMap((call): Instruction[] => [
      [IF_EQUAL, 0, 1, call],
      [RETURN, 0, 0, MISSING],
    ]);
    const body: Instruction[] = [[LOAD, 0, 0, CALL_AT], ...x32, ...each, [RETURN, 0, 0, ALLOW]];
    filter.push([IF_EQUAL, 0, body.length, Number(machine)], ...body);
  }
  filter.push([RETURN, 0, 0, ALLOW]);
  return Buffer.concat(filter.map(encoded));
}

/** Code, jump when true, jump when false, operand. */
type Instruction = readonly [code: number, yes: number, no: number, operand: number];

/** `struct sock_filter`. */
function encoded([code, yes, no, operand]: Instruction): Buffer {
  const view = new Uint8Array(8);
  new Uint16Array(view.buffer, 0, 1)[0] = code;
  view[2] = yes;
  view[3] = no;
  new Uint32Array(view.buffer, 4, 1)[0] = operand;
  return Buffer.from(view);
}
