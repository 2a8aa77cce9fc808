//! What all calls of WASI 0.3 go through, which run beside each other: how they are made, how they ask something of the guest
//! between two waits, and what they take before they begin.

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::Accessor;
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p3::bindings::filesystem::types::{ErrorCode, PathFlags};

use super::refusal::Refusal;
use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::guest::Guest;

/// How many copies a call has of its texts: as they came, in the words for the audit log, and on their way to a
/// thread.
const COPIES: u64 = 4;

/// What a guest is answered. The outer error ends the guest.
pub(super) type Answer<T> = super::answer::Answer<T, ErrorCode>;

/// Makes a function that waits, of one that has an accessor of the guest.
macro_rules! waiting {
    ($types:ident, $name:literal, $function:ident, $asked:ty) => {
        $types.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<Guest>, asked: $asked| {
                Box::pin(async move { Ok(($function(accessor, asked).await?,)) })
            },
        )?;
    };
}
pub(super) use waiting;

/// WASI's own state of the guest's files.
pub(super) fn view(guest: &mut Guest) -> WasiFilesystemCtxView<'_> {
    guest.filesystem()
}

/// WASI's own functions of files.
pub(super) fn files(accessor: &Accessor<Guest>) -> Accessor<Guest, WasiFilesystem> {
    accessor.with_getter::<WasiFilesystem>(view)
}

/// Asks something of the guest's side, between two waits.
pub(super) fn guest<T>(accessor: &Accessor<Guest>, ask: impl FnOnce(&mut Guest) -> T) -> T {
    accessor.with(|mut store| ask(store.get()))
}

/// Whether these flags follow links.
pub(super) fn follows(flags: PathFlags) -> bool {
    flags.contains(PathFlags::SYMLINK_FOLLOW)
}

/// A thread for a call, once the job has one left. A call that locks `changing` has done so before.
pub(super) async fn thread(accessor: &Accessor<Guest>) -> wasmtime::Result<OwnedSemaphorePermit> {
    let threads = guest(accessor, |guest| guest.files.threads.clone());
    Ok(threads.acquire_owned().await?)
}

impl Guest {
    /// Takes memory for the texts of a call for as long as it waits, since a guest can make very many calls at
    /// once.
    pub(super) fn texts(&self, texts: &str) -> Result<Hold, Refusal> {
        let held = self.holdings.memory.take(COPIES * texts.len() as u64);
        held.map_err(|error| {
            self.job.log.warn(format!("cannot do more with files at once: {}", error.of_memory()));
            Refusal::NoMemory
        })
    }
}
