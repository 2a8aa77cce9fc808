//! The memory of this process.

/// Gives memory back to the system that was freed and that the allocator keeps for later. It walks over all that is kept,
/// which takes some milliseconds: for the end of work that took much and is not soon done again.
///
/// Does nothing with allocators other than that of the GNU C library, which do so by themselves.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the function takes a number, may be called at any time and from any thread, and touches nothing that is in
    // use.
    #[allow(unsafe_code)]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// What this process holds of its own, in bytes.
    fn held() -> usize {
        let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").expect("reads");
        let line = rollup.lines().find(|line| line.starts_with("Private_Dirty:")).expect("a line");
        let kib: usize = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kib << 10
    }

    #[test]
    fn what_was_freed_between_things_that_stay_is_given_back() {
        // What stays in between, and at the end, keeps an allocator from giving anything back by itself.
        let mut all: Vec<Vec<u8>> = (0..40_000).map(|_| vec![1; 2_000]).collect();
        let before = held();
        let mut number = 0;
        all.retain(|_| {
            number += 1;
            number % 100 == 0
        });
        give_back();
        assert!(before - held() > 40 << 20, "{before} {}", held());
        assert_eq!(all.len(), 400);
    }
}
