//! The memory of this process.

/// The allocator of our programs. Both daemons make and drop many small things on several threads at once, for which that of
/// the C library takes several times as long. Freed memory goes back to the system by itself, large blocks within a moment.
///
/// A program says that it is the one it uses. A library does not, since it would decide for everybody who links it.
pub use mimalloc::MiMalloc as Allocator;

/// Gives memory back to the system that was freed and that the [`Allocator`] keeps for later. It walks over all that is kept,
/// which takes some milliseconds: for the end of work that took much and is not soon done again.
///
/// Does nothing in programs that use another allocator.
pub fn give_back() {
    // SAFETY: the function takes a flag, may be called at any time and from any thread, and touches nothing that is in use.
    #[allow(unsafe_code)]
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Allocator = Allocator;

    const MIB: usize = 1 << 20;

    /// What this process holds of its own, in bytes.
    fn held() -> usize {
        let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").expect("reads");
        let line = rollup.lines().find(|line| line.starts_with("Private_Dirty:")).expect("a line");
        let kib: usize = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kib << 10
    }

    /// Whether what was freed in between things that stay is given back; the sizes are in bytes.
    fn gives_back(size: usize, count: usize) {
        let make = |_| (vec![1_u8; size], vec![1_u8; 2_000]);
        let (freed, stays): (Vec<_>, Vec<_>) = (0..count).map(make).unzip();
        let before = held();
        drop(freed);
        give_back();
        let after = held();
        assert!(before - after > size * count / 10 * 8, "{before} {after} with {count} of {size}");
        assert_eq!(stays.len(), count);
    }

    #[test]
    fn what_was_freed_between_things_that_stay_is_given_back() {
        gives_back(100_000, 1_000);
        gives_back(4 * MIB, 32);
    }
}
