//! The end of standard input, by which a parent that is gone stops the daemon that it started.

use std::io;
use std::thread;

/// Does this once standard input has ended, or cannot be read.
///
/// It waits in a thread that is left to itself: a read of standard input cannot be interrupted, and a runtime that shuts
/// down would wait for a task that reads. The thread ends with the process.
pub fn at_end(then: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        // An error is its end as well.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        then();
    });
}
