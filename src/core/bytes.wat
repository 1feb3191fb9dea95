;; The loops that look at every byte of output. `npm run docs` makes bytes-wasm.ts from it.
;; Memory, in order: table of escapes (8 bytes for each code below 0x60: up to 6 characters, the last byte their number),
;; then the caller's input, then its output, then the tables of findWord. Up to 19 bytes may be read and 16 written beyond either end.
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
    (i32.sub (local.get $to) (i32.sub (local.get $from) (local.get $end))))

  ;; Where the first byte in [from, end) is that is more than text: a control character that is neither tab nor LF nor the
  ;; CR of a CR LF, or DEL; `end` when there is none. The byte at `end` is looked at: a CR may stand before it.
  (func (export "findControl") (param $from i32) (param $end i32) (result i32)
    (local $bytes v128) (local $found i32)
    (block $done
      (loop $block
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $bytes (v128.load (local.get $from)))
        (local.set $found (i8x16.bitmask
          (v128.or
            (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x7f)))
            (v128.andnot
              (i8x16.lt_u (local.get $bytes) (i8x16.splat (i32.const 0x20)))
              (v128.or
                (v128.or
                  (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 9)))
                  (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 10))))
                (v128.and
                  (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 13)))
                  (i8x16.eq (v128.load offset=1 (local.get $from)) (i8x16.splat (i32.const 10)))))))))
        (if (local.get $found)
          (then
            (local.set $from (i32.add (local.get $from) (i32.ctz (local.get $found))))
            (br $done)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $block)))
    (select (local.get $from) (local.get $end) (i32.lt_u (local.get $from) (local.get $end))))

  ;; Where the first four bytes in [from, end) may begin one of the words that `table` was made of; `end` when there are
  ;; none. Upper case counts as lower case. The table has, for each of the four bytes, 16 sets by its low half and 16 by
  ;; its high half; a set is a byte with a bit for each of eight groups of words, and a word may begin where a bit is in all.
  (func (export "findWord") (param $table i32) (param $from i32) (param $end i32) (result i32)
    (local $case v128) (local $low v128) (local $bytes v128) (local $sets v128) (local $found i32)
    (local.set $case (i8x16.splat (i32.const 0x20)))
    (local.set $low (i8x16.splat (i32.const 15)))
    (block $done
      (loop $block
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $bytes (v128.or (v128.load (local.get $from)) (local.get $case)))
        (local.set $sets (v128.and
          (i8x16.swizzle (v128.load (local.get $table)) (v128.and (local.get $bytes) (local.get $low)))
          (i8x16.swizzle (v128.load offset=16 (local.get $table)) (i8x16.shr_u (local.get $bytes) (i32.const 4)))))
        (local.set $bytes (v128.or (v128.load offset=1 (local.get $from)) (local.get $case)))
        (local.set $sets (v128.and (local.get $sets) (v128.and
          (i8x16.swizzle (v128.load offset=32 (local.get $table)) (v128.and (local.get $bytes) (local.get $low)))
          (i8x16.swizzle (v128.load offset=48 (local.get $table)) (i8x16.shr_u (local.get $bytes) (i32.const 4))))))
        (local.set $bytes (v128.or (v128.load offset=2 (local.get $from)) (local.get $case)))
        (local.set $sets (v128.and (local.get $sets) (v128.and
          (i8x16.swizzle (v128.load offset=64 (local.get $table)) (v128.and (local.get $bytes) (local.get $low)))
          (i8x16.swizzle (v128.load offset=80 (local.get $table)) (i8x16.shr_u (local.get $bytes) (i32.const 4))))))
        (local.set $bytes (v128.or (v128.load offset=3 (local.get $from)) (local.get $case)))
        (local.set $sets (v128.and (local.get $sets) (v128.and
          (i8x16.swizzle (v128.load offset=96 (local.get $table)) (v128.and (local.get $bytes) (local.get $low)))
          (i8x16.swizzle (v128.load offset=112 (local.get $table)) (i8x16.shr_u (local.get $bytes) (i32.const 4))))))
        (local.set $found (i8x16.bitmask (i8x16.ne (local.get $sets) (i8x16.splat (i32.const 0)))))
        (if (local.get $found)
          (then
            (local.set $from (i32.add (local.get $from) (i32.ctz (local.get $found))))
            (br $done)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $block)))
    (select (local.get $from) (local.get $end) (i32.lt_u (local.get $from) (local.get $end)))))
