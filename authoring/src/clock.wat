;; Has no state but the last times, and never allocates: it can be called at any moment.
(module
  (import "env" "memory" (memory 0))
  (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $monotonic (result i64)))
  (import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall (param i32)))
  (global $paused (mut i32) (i32.const 0))
  (global $last_monotonic (mut i64) (i64.const 0))
  (global $last_wall (mut i64) (i64.const 0))

  (func (export "adapter_monotonic_clock_set_paused") (param $paused i32)
    (global.set $paused (local.get $paused)))

  ;; Clock 0 is the wall clock. Go asks for no other than that and the monotonic one.
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $out i32) (result i32)
    (local $behind i64)
    (if (i32.eqz (global.get $paused))
      (then
        (if (i32.eqz (local.get $clock))
          (then
            ;; The answer takes 16 bytes where there is room for 8: what it overwrites is put back.
            (local.set $behind (i64.load offset=8 (local.get $out)))
            (call $wall (local.get $out))
            (global.set $last_wall
              (i64.add (i64.mul (i64.load (local.get $out)) (i64.const 1000000000))
                       (i64.load32_u offset=8 (local.get $out))))
            (i64.store offset=8 (local.get $out) (local.get $behind)))
          (else (global.set $last_monotonic (call $monotonic))))))
    (i64.store (local.get $out)
      (select (global.get $last_monotonic) (global.get $last_wall) (local.get $clock)))
    (i32.const 0)))
