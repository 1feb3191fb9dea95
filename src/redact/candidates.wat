;; The loop that looks at every byte of output for the beginnings of secrets. `npm run docs` makes candidates-wasm.ts from it.
;; Memory, in order: six tables of 16 bytes, a byte for each hash of three bytes, then the caller's input, then its output.
;; Up to 18 bytes beyond the end of the input are read.
(module
  (memory (export "memory") 1)

  ;; The set in which a byte is: the sets of its low half and those of its high half.
  (func $sets (param $low v128) (param $high v128) (param $bytes v128) (result v128)
    (v128.and
      (i8x16.swizzle (local.get $low) (v128.and (local.get $bytes) (i8x16.splat (i32.const 15))))
      (i8x16.swizzle (local.get $high) (i8x16.shr_u (local.get $bytes) (i32.const 4)))))

  ;; Writes to `to`, 4 bytes each, the places of the `length` bytes at `from` where three bytes in turn are in one set
  ;; and their hash has a byte that is not 0.
  ;; Answers where the output ends. A place may be beyond the end.
  (func (export "candidates") (param $from i32) (param $length i32) (param $to i32) (result i32)
    (local $at i32) (local $end i32) (local $found v128) (local $bits i32) (local $place i32)
    (local $low0 v128) (local $high0 v128) (local $low1 v128) (local $high1 v128) (local $low2 v128) (local $high2 v128)
    (local.set $low0 (v128.load (i32.const 0)))
    (local.set $high0 (v128.load (i32.const 16)))
    (local.set $low1 (v128.load (i32.const 32)))
    (local.set $high1 (v128.load (i32.const 48)))
    (local.set $low2 (v128.load (i32.const 64)))
    (local.set $high2 (v128.load (i32.const 80)))
    (local.set $at (local.get $from))
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (block $done
      (loop $block
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $found
          (v128.and
            (call $sets (local.get $low0) (local.get $high0) (v128.load (local.get $at)))
            (v128.and
              (call $sets (local.get $low1) (local.get $high1) (v128.load offset=1 (local.get $at)))
              (call $sets (local.get $low2) (local.get $high2) (v128.load offset=2 (local.get $at))))))
        (block $none
          (br_if $none (i32.eqz (v128.any_true (local.get $found))))
          (local.set $bits (i8x16.bitmask (i8x16.ne (local.get $found) (i8x16.splat (i32.const 0)))))
          (loop $candidate
            (local.set $place (i32.add (local.get $at) (i32.ctz (local.get $bits))))
            (i32.store (local.get $to) (i32.sub (local.get $place) (local.get $from)))
            ;; The next one is written over it when it is none.
            (local.set $to (i32.add (local.get $to)
              (i32.load8_u offset=96
                (i32.shr_u
                  (i32.mul (i32.and (i32.load (local.get $place)) (i32.const 0xffffff)) (i32.const 0x9e3779b1))
                  (i32.const 19)))))
            (local.set $bits (i32.and (local.get $bits) (i32.sub (local.get $bits) (i32.const 1))))
            (br_if $candidate (local.get $bits))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $block)))
    (local.get $to)))
