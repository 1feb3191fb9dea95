;; The two loops that look at every byte of output. `npm run docs` makes bytes-wasm.ts from it.
;; Memory, in order: table of escapes (8 bytes for each code below 0x60: up to 6 characters, the last byte their number),
;; then the caller's input, then its output. A block of 16 bytes may be read and written beyond either end.
(module
  (memory (export "memory") 1)

  ;; Number of LF bytes in the `length` bytes at `from`.
  (func (export "countLines") (param $from i32) (param $length i32) (result i32)
    (local $end i32) (local $blocks i32) (local $lines i32)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (local.set $blocks (i32.sub (local.get $end) (i32.and (local.get $length) (i32.const 15))))
    (block $done
      (loop $block
        (br_if $done (i32.ge_u (local.get $from) (local.get $blocks)))
        (local.set $lines (i32.add (local.get $lines)
          (i32.popcnt (i8x16.bitmask (i8x16.eq (v128.load (local.get $from)) (i8x16.splat (i32.const 10)))))))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $block)))
    (block $ended
      (loop $byte
        (br_if $ended (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $lines (i32.add (local.get $lines) (i32.eq (i32.load8_u (local.get $from)) (i32.const 10))))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (br $byte)))
    (local.get $lines))

  ;; Writes the `length` bytes at `from` to `to` as the inside of a JSON string (RFC 8259, section 7): `"`, `\` and codes
  ;; below 0x20 escaped, every other byte as it is. Answers where the output ends. `table` is where the escapes are.
  (func (export "escapeJson") (param $table i32) (param $from i32) (param $length i32) (param $to i32) (result i32)
    (local $end i32) (local $bytes v128) (local $base i32) (local $special i32) (local $entry i32)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (block $done
      (loop $block
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $bytes (v128.load (local.get $from)))
        (v128.store (local.get $to) (local.get $bytes))
        (local.set $base (local.get $from))
        ;; A bit for each byte of the block that has to be escaped.
        (local.set $special (i8x16.bitmask
          (v128.or
            (i8x16.lt_u (local.get $bytes) (i8x16.splat (i32.const 0x20)))
            (v128.or
              (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x22)))
              (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x5c)))))))
        (block $plain
          (br_if $plain (i32.eqz (local.get $special)))
          (loop $escape
            ;; What stands before it has been written; it is replaced, and what follows is written behind it.
            (local.set $entry (i32.add (local.get $base) (i32.ctz (local.get $special))))
            (local.set $to (i32.add (local.get $to) (i32.sub (local.get $entry) (local.get $from))))
            (local.set $from (local.get $entry))
            (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
            (local.set $entry (i32.add (local.get $table) (i32.shl (i32.load8_u (local.get $from)) (i32.const 3))))
            (i64.store (local.get $to) (i64.load (local.get $entry)))
            (local.set $to (i32.add (local.get $to) (i32.load8_u offset=7 (local.get $entry))))
            (local.set $from (i32.add (local.get $from) (i32.const 1)))
            (v128.store (local.get $to) (v128.load (local.get $from)))
            (local.set $special (i32.and (local.get $special) (i32.sub (local.get $special) (i32.const 1))))
            (br_if $escape (local.get $special))))
        (local.set $to (i32.add (local.get $to) (i32.sub (i32.add (local.get $base) (i32.const 16)) (local.get $from))))
        (local.set $from (i32.add (local.get $base) (i32.const 16)))
        (br $block)))
    ;; Blocks may have run over the end.
    (i32.sub (local.get $to) (i32.sub (local.get $from) (local.get $end)))))
