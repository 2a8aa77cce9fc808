//! Setting when something was last read and changed, of the thing that was found and without opening it: to open a pipe waits
//! for its other end, and to open a device may do something.

use std::io;
use std::os::fd::AsRawFd as _;

use rustix::fs::{AtFlags, CWD, Nsecs, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};
use wasmtime_wasi::p2::bindings::filesystem::types as wasi_0_2;
use wasmtime_wasi::p3::bindings::filesystem::types as wasi_0_3;
use wasmtime_wasi::runtime::spawn_blocking;

use super::kind::Kind;
use super::walk::Found;

/// A time that a guest wants something to have; `None` for one that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(Option<Timespec>);

impl Time {
    /// A point in time. As parts of a second the system has two more numbers, for "now" and "as it is", which a guest
    /// must not say by them.
    fn at(seconds: i64, nanoseconds: u32) -> Self {
        let is_time = nanoseconds < 1_000_000_000;
        Self(is_time.then(|| Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() }))
    }

    /// One of those two.
    fn special(number: Nsecs) -> Self {
        Self(Some(Timespec { tv_sec: 0, tv_nsec: number }))
    }
}

impl From<wasi_0_2::NewTimestamp> for Time {
    fn from(time: wasi_0_2::NewTimestamp) -> Self {
        match time {
            wasi_0_2::NewTimestamp::NoChange => Self::special(UTIME_OMIT),
            wasi_0_2::NewTimestamp::Now => Self::special(UTIME_NOW),
            // What no clock of the host's can show is the latest that it can, which the file system cuts to its own.
            wasi_0_2::NewTimestamp::Timestamp(time) => {
                Self::at(time.seconds.try_into().unwrap_or(i64::MAX), time.nanoseconds)
            }
        }
    }
}

impl From<wasi_0_3::NewTimestamp> for Time {
    fn from(time: wasi_0_3::NewTimestamp) -> Self {
        match time {
            wasi_0_3::NewTimestamp::NoChange => Self::special(UTIME_OMIT),
            wasi_0_3::NewTimestamp::Now => Self::special(UTIME_NOW),
            wasi_0_3::NewTimestamp::Timestamp(time) => Self::at(time.seconds, time.nanoseconds),
        }
    }
}

impl Found {
    /// Sets when it was last read and changed, on a thread that may block.
    pub(super) async fn set_times(self, accessed: Time, changed: Time) -> io::Result<()> {
        let (Time(Some(last_access)), Time(Some(last_modification))) = (accessed, changed) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let times = Timestamps { last_access, last_modification };
        spawn_blocking(move || self.set(&times)).await
    }

    fn set(&self, times: &Timestamps) -> io::Result<()> {
        match self.kind {
            Kind::Link => utimensat(&self.file, "", times, AtFlags::EMPTY_PATH)?,
            // Older systems know that flag for links alone, and this way for all that is none.
            _ => utimensat(CWD, format!("/proc/self/fd/{}", self.file.as_raw_fd()), times, AtFlags::empty())?,
        }
        Ok(())
    }
}
