;; The hot primitives of the region trait (src/region/mod.rs), over two memories: our own, and the shared one that is the
;; channel. Each is its reference definition there in a few instructions; bounds are the caller's affair, checked in Rust.
;;
;; helper.wasm is this file assembled, without its names; a test compares the two and says how to make it anew.
(module
  (import "sabrpc" "own" (memory $own 0))
  (import "sabrpc" "shared" (memory $shared 1 65536 shared))

  (func (export "load") (param $word i32) (result i32)
    (i32.atomic.load $shared (local.get $word)))

  ;; Stores $a and $b behind $word, then $value in it; returns the sleep flag.
  (func (export "publish")
    (param $word i32) (param $value i32) (param $a i32) (param $b i32) (param $sleep_flag i32) (result i32)
    (i32.store $shared offset=4 (local.get $word) (local.get $a))
    (i32.store $shared offset=8 (local.get $word) (local.get $b))
    (i32.atomic.store $shared (local.get $word) (local.get $value))
    (i32.atomic.load $shared (local.get $sleep_flag)))

  ;; Reads $word until it differs from $old, at most $polls times, at least once. When it changed, writes the two words
  ;; behind it and the word $also to our own memory at $out.
  (func (export "await_change")
    (param $word i32) (param $old i32) (param $polls i32) (param $also i32) (param $out i32) (result i32)
    (local $value i32)
    (loop $again
      (if (i32.ne (local.tee $value (i32.atomic.load $shared (local.get $word))) (local.get $old))
        (then
          (i64.store $own align=4 (local.get $out) (i64.load $shared offset=4 align=4 (local.get $word)))
          (i32.store $own offset=8 (local.get $out) (i32.atomic.load $shared (local.get $also)))
          (return (local.get $value))))
      (br_if $again
        (i32.gt_s (local.tee $polls (i32.sub (local.get $polls) (i32.const 1))) (i32.const 0))))
    (local.get $old))

  (func (export "copy_in") (param $offset i32) (param $from i32) (param $len i32)
    (memory.copy $shared $own (local.get $offset) (local.get $from) (local.get $len)))

  (func (export "copy_out") (param $offset i32) (param $to i32) (param $len i32)
    (memory.copy $own $shared (local.get $to) (local.get $offset) (local.get $len))))
