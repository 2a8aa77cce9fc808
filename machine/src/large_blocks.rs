//! What becomes of large blocks of memory that were freed.

/// Lets the allocator give each block of a mebibyte or more back to the system once it is freed, from now on.
///
/// That of the GNU C library keeps such blocks otherwise, for each of its threads, once it has seen some come and go: a daemon
/// through which large messages pass would hold several times what it needs. Does nothing with other allocators.
pub fn give_back_when_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the function takes two numbers and sets a value of the allocator, under its own lock; what was allocated
    // before stays as it is.
    #[allow(unsafe_code)]
    unsafe {
        nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// How large a block is that is given back, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 1 << 20;

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// What this process holds of its own, in bytes.
    fn held() -> usize {
        let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").expect("reads");
        let line = rollup.lines().find(|line| line.starts_with("Private_Dirty:")).expect("a line");
        let kib: usize = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kib << 10
    }

    #[test]
    fn large_blocks_go_back_although_small_ones_stay_between_them() {
        give_back_when_freed();
        let mut stays = Vec::new();
        let mut round = || {
            let mut large = Vec::new();
            for _ in 0..16 {
                large.push(vec![1_u8; 4 * MIB]);
                stays.push(vec![1_u8; 2000]);
            }
            held()
        };
        // An allocator that learns from the first ones keeps the second.
        round();
        let full = round();
        let left = full - held();
        assert!(left > 48 * MIB, "{left} bytes of {full} went back");
        assert_eq!(stays.len(), 32);
    }
}
