//! The memory of this process.

/// The allocator of an overlord, which makes and drops many small things on several threads at once: that of the C library takes
/// several times as long. A minion makes fewer of them, and its memory counts for more: it keeps that of the C library, with
/// [`keep_little`].
///
/// A program says that it is the one it uses. A library does not, since it would decide for everybody who links it.
pub use mimalloc::MiMalloc as Allocator;

/// Lets the C library keep little of what was freed, from now on: the threads of this process share one heap for each four cores,
/// two at least, and blocks of a mebibyte or more go back to the system at once. Each thread would have a heap of its own
/// otherwise, with freed memory in it that no other thread uses, and large blocks too once some have come and gone. To be called
/// before there are other threads.
///
/// Does nothing with C libraries other than that of GNU.
pub fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let heaps = (cores / 4).max(2).try_into().unwrap_or(i32::MAX);
        for (option, value) in [(nix::libc::M_ARENA_MAX, heaps), (nix::libc::M_MMAP_THRESHOLD, LARGE)] {
            // SAFETY: the function takes two numbers and sets a value of the allocator, under its own lock; what was allocated
            // before stays as it is.
            #[allow(unsafe_code)]
            unsafe {
                nix::libc::mallopt(option, value);
            }
        }
    }
}

/// How large a block is that is given back at once, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 1 << 20;

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

/// Gives memory back to the system that was freed and that the C library keeps for later. It walks over all that is kept,
/// which takes some milliseconds: for the end of work that took much and is not soon done again.
///
/// Does nothing in programs that use the [`Allocator`], which does so by itself, and with C libraries other than that of GNU.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the function takes a number, may be called at any time and from any thread, and touches nothing that is in
    // use.
    #[allow(unsafe_code)]
    unsafe {
        nix::libc::malloc_trim(0);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// Held by each test that looks at the memory of the process.
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

    /// What this process holds of its own, in bytes.
    fn held() -> usize {
        let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").expect("reads");
        let line = rollup.lines().find(|line| line.starts_with("Private_Dirty:")).expect("a line");
        let kib: usize = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        kib << 10
    }

    /// How many heaps the C library has for the threads of this process.
    fn arenas() -> usize {
        let path = tempfile::NamedTempFile::new().expect("a file");
        let name = std::ffi::CString::new(path.path().to_str().expect("text")).expect("no zero");
        // SAFETY: both names end with a zero, the stream is closed once, and what is written goes to the file alone.
        #[allow(unsafe_code)]
        unsafe {
            let stream = nix::libc::fopen(name.as_ptr(), c"w".as_ptr());
            nix::libc::malloc_info(0, stream);
            nix::libc::fclose(stream);
        }
        std::fs::read_to_string(path.path()).expect("reads").matches("<heap nr=").count()
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
        let _alone = crate::lock::hold(&ALONE);
        let make = |_| (vec![1_u8; 100_000], vec![1_u8; 2_000]);
        let (freed, stays): (Vec<_>, Vec<_>) = (0..1_000).map(make).unzip();
        let before = held();
        drop(freed);
        give_back();
        let after = held();
        assert!(before - after > 80 * MIB, "{before} {after}");
        assert_eq!(stays.len(), 1_000);
    }

    #[test]
    fn large_blocks_go_back_although_small_ones_stay_between_them() {
        let _alone = crate::lock::hold(&ALONE);
        keep_little();
        let mut stays = Vec::new();
        let mut round = || {
            let mut large = Vec::new();
            for _ in 0..16 {
                large.push(vec![1_u8; 8 * MIB]);
                stays.push(vec![1_u8; 2000]);
            }
            held()
        };
        // An allocator that learns from the first ones keeps the second.
        round();
        let full = round();
        let after = held();
        assert!(full.saturating_sub(after) > 96 * MIB, "{after} of {full} bytes are left");
        assert_eq!(stays.len(), 32);
    }

    #[test]
    fn many_threads_share_few_heaps() {
        let _alone = crate::lock::hold(&ALONE);
        keep_little();
        let cores = std::thread::available_parallelism().expect("known").get();
        let before = arenas();
        let all_hold = std::sync::Barrier::new(32);
        std::thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    let held = vec![1_u8; 5_000];
                    all_hold.wait();
                    assert_eq!(held.len(), 5_000);
                });
            }
        });
        assert!(arenas() <= before.max(cores / 4).max(2), "{} after {before}", arenas());
    }
}
