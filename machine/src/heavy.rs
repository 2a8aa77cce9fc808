//! Work that takes so long that others on the same thread would be kept waiting for it.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does work that may take more than a few milliseconds, and lets what else waits for this thread go on elsewhere:
/// a link that is silent for too long is given up. Where the runtime has no other threads, the work is done all
/// the same.
pub fn heavy<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Does work on so many bytes: like [`heavy`] from 2 MiB on, and at once where there are fewer.
pub fn heavy_if_large<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes > LARGE { heavy(work) } else { work() }
}

/// From this many bytes on, decoding takes so long that others must not wait for it.
const LARGE: usize = 2 << 20;
