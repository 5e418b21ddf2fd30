;; The hot primitives of the region trait (src/region/mod.rs), over two memories: our own, and the shared one that is the
;; channel. Each is its reference definition there in a few instructions; bounds are the caller's affair, checked in Rust.
;;
;; helper.wasm is this file assembled, without its names; a test compares the two and says how to make it anew.
(module
  (import "sabrpc" "own" (memory $own 0))
  (import "sabrpc" "shared" (memory $shared 1 65536 shared))

  (func (export "load") (param $word i32) (result i32)
    (i32.atomic.load $shared (local.get $word)))

  ;; Stores the words a and b of the mail and its own bytes behind $word, then its value in it; returns the sleep flag.
  ;; How many bytes those are: see inline_len in src/layout.rs.
  (func (export "publish") (param $word i32) (param $mail i32) (param $sleep_flag i32) (result i32)
    (local $left i32) (local $to i32) (local $from i32)
    (i32.store $shared offset=4 (local.get $word) (i32.load $own offset=4 (local.get $mail)))
    (i32.store $shared offset=8 (local.get $word) (local.tee $left (i32.load $own offset=8 (local.get $mail))))
    (if (local.tee $left (i32.and (local.get $left) (i32.const 0x3ffffff)))
      (then
        (if (i32.le_u (local.get $left) (i32.const 112))
          (then
            (local.set $to (local.get $word))
            (local.set $from (local.get $mail))
            (loop $more
              (i64.store $shared offset=12 align=4 (local.get $to) (i64.load $own offset=16 (local.get $from)))
              (local.set $to (i32.add (local.get $to) (i32.const 8)))
              (local.set $from (i32.add (local.get $from) (i32.const 8)))
              (br_if $more
                (i32.gt_s (local.tee $left (i32.sub (local.get $left) (i32.const 8))) (i32.const 0))))))))
    (i32.atomic.store $shared (local.get $word) (i32.load $own (local.get $mail)))
    (i32.atomic.load $shared (local.get $sleep_flag)))

  ;; Reads $word until it differs from $old, at most $polls times, at least once. When it changed, fills the mail: the
  ;; word, the two behind it, the bytes behind those, and then the word $also. Returns whether it changed.
  ;;
  ;; The fence keeps the processor from having the next reads under way when the word changes: it would have to throw them
  ;; away, which costs more than all that follows. (Wasm has no pause instruction.)
  (func (export "await_change")
    (param $word i32) (param $old i32) (param $polls i32) (param $also i32) (param $mail i32) (result i32)
    (local $value i32) (local $left i32) (local $to i32)
    (block $changed
      (loop $again
        (br_if $changed
          (i32.ne (local.tee $value (i32.atomic.load $shared (local.get $word))) (local.get $old)))
        (atomic.fence)
        (br_if $again
          (i32.gt_s (local.tee $polls (i32.sub (local.get $polls) (i32.const 1))) (i32.const 0))))
      (return (i32.const 0)))
    (i32.store $own (local.get $mail) (local.get $value))
    (i32.store $own offset=4 (local.get $mail) (i32.load $shared offset=4 (local.get $word)))
    (i32.store $own offset=8 (local.get $mail) (local.tee $left (i32.load $shared offset=8 (local.get $word))))
    (if (local.tee $left (i32.and (local.get $left) (i32.const 0x3ffffff)))
      (then
        (if (i32.le_u (local.get $left) (i32.const 112))
          (then
            (local.set $to (local.get $mail))
            (loop $more
              (i64.store $own offset=16 (local.get $to) (i64.load $shared offset=12 align=4 (local.get $word)))
              (local.set $to (i32.add (local.get $to) (i32.const 8)))
              (local.set $word (i32.add (local.get $word) (i32.const 8)))
              (br_if $more
                (i32.gt_s (local.tee $left (i32.sub (local.get $left) (i32.const 8))) (i32.const 0))))))))
    (i32.store $own offset=12 (local.get $mail) (i32.load $shared (local.get $also)))
    (i32.const 1))

  (func (export "copy_in") (param $offset i32) (param $from i32) (param $len i32)
    (memory.copy $shared $own (local.get $offset) (local.get $from) (local.get $len)))

  (func (export "copy_out") (param $offset i32) (param $to i32) (param $len i32)
    (memory.copy $own $shared (local.get $to) (local.get $offset) (local.get $len))))
