//! Modules with bytes changed at random: whatever they are now, the host survives them.
//!
//! `PROPTEST_CASES` says how many are tried.

use std::time::Duration;

use proptest::prelude::*;

use super::{Limits, ModulePolicy, Rig, component, sandbox};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_module_with_damage_is_refused_or_runs_but_never_takes_the_host_down(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let core = "(memory (export \"memory\") 1) (table 2 funcref) (global $g (mut i32) (i32.const 1)) \
            (func (export \"f\") (param i32) (result i32) (i32.store (i32.const 0) (local.get 0)) (i32.const 4))";
        let mut bytes = wat::parse_str(component(core, &[("f", "(param \"x\" u32) (result string)")])).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = Limits { cpu: Duration::from_millis(20), ..Limits::default() };
        let policy = ModulePolicy { limits, ..ModulePolicy::default() };
        match sandbox().load("guest".parse().unwrap(), &bytes, &policy) {
            Err(error) => prop_assert!(!error.to_string().is_empty()),
            Ok(module) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(Rig::of(module).report("f", "[1]"));
            }
        }
    }

    #[test]
    fn bytes_that_are_no_module_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        sandbox().load("guest".parse().unwrap(), &bytes, &ModulePolicy::default()).expect_err("refused");
        let disguised = [b"\0asm\x0d\0\x01\0", &bytes[..]].concat();
        // A few random bytes can be custom sections, and so a component without anything in it.
        let _ = sandbox().load("guest".parse().unwrap(), &disguised, &ModulePolicy::default());
    }
}
