//! The memory of this process.

/// The allocator of our programs. Both daemons make and drop many small things on several threads at once, for which that of
/// the C library takes several times as long.
///
/// A program says that it is the one it uses. A library does not, since it would decide for everybody who links it.
pub use mimalloc::MiMalloc as Allocator;

/// Lets the [`Allocator`] give freed memory back to the system within hundredths of a second, from now on. It would keep it for a
/// second otherwise, in which a daemon through which large messages pass would come to hold several times what it needs.
pub fn give_back_soon() {
    // SAFETY: the function takes two numbers and sets an option of the allocator, which is no pointer.
    #[allow(unsafe_code)]
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, 10);
    }
}

/// The option that says for how many milliseconds freed memory is kept, by its place in the allocator's list of them.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

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
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: it takes a number.
        #[allow(unsafe_code)]
        let get = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(get(), 1000, "the allocator's own");
        give_back_soon();
        assert_eq!(get(), 10);
    }

    #[test]
    fn what_was_freed_between_things_that_stay_is_given_back() {
        gives_back(100_000, 1_000);
        gives_back(4 * MIB, 32);
    }
}
