//! What would hold up others on its thread: work that takes long, and waiting for the end of standard input.

use std::io;
use std::thread;

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

/// Does this once standard input has ended, or cannot be read: a parent that is gone stops the daemon that it started so.
///
/// It waits in a thread that is left to itself: a read of standard input cannot be interrupted, and a runtime that shuts
/// down would wait for a task that reads. The thread ends with the process.
pub fn at_end_of_stdin(then: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        // An error is its end as well.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        then();
    });
}

/// From this many bytes on, decoding takes so long that others must not wait for it.
const LARGE: usize = 2 << 20;
