//! Calls of WASI 0.3 that have a thread, and go on to their end where the guest cancels them.
//!
//! A thread that has begun something cannot be called back. Were the next change checked meanwhile, this one could
//! come between that check and the change; and were the thread not counted any more, a guest could have all
//! threads of the host.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::oneshot;
use wasmtime::component::{Accessor, AccessorTask};
use wasmtime_wasi::p3::bindings::filesystem::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, MetadataHashValue,
};

use super::Handle;
use super::calls_0_3::{Answer, guest};
use super::kind::Kind;
use crate::sandbox::run::guest::Guest;

/// A call that is under way.
pub(super) type Doing<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// What a call gives the guest, and what must be taken back where the guest does not wait for it any more.
pub(super) trait Given: Send + 'static {
    /// Takes it back from the guest.
    fn take_back(self, guest: &mut Guest);
}

/// Makes these types ones that need not be taken back.
macro_rules! given {
    ($($ty:ty),+) => {
        $(impl Given for $ty {
            fn take_back(self, _: &mut Guest) {}
        })+
    };
}

given!((), bool, String, Option<Kind>, DescriptorFlags, DescriptorStat, DescriptorType, MetadataHashValue);

impl Given for Handle {
    fn take_back(self, guest: &mut Guest) {
        guest.files.open.remove(&self.rep());
        // The guest never had this handle, so nothing depends on it.
        let _ = guest.table.delete(self);
    }
}

/// A call that runs beside the guest which asked for it.
struct Task<const N: usize, F, L, T> {
    folders: [Handle; N],
    act: F,
    lock: L,
    done: oneshot::Sender<Result<T, ErrorCode>>,
}

/// Does something in these folders, and holds a lock until it is done, whether or not the guest still waits for
/// it.
pub(super) async fn to_its_end<const N: usize, F, L, T>(
    accessor: &Accessor<Guest>,
    lock: L,
    folders: [&Handle; N],
    act: F,
) -> Answer<T>
where
    F: for<'a> FnOnce(&'a Accessor<Guest>, [Handle; N]) -> Doing<'a, T> + Send + 'static,
    L: Send + 'static,
    T: Given,
{
    // The guest may let go of its own handles once it has cancelled the call, and others get their numbers.
    let mut own = Vec::with_capacity(N);
    for folder in folders {
        own.push(guest(accessor, |guest| {
            let again = guest.table.get(folder)?.clone();
            wasmtime::error::Ok(guest.table.push(again)?)
        })?);
    }
    let Ok(folders) = <[Handle; N]>::try_from(own) else {
        wasmtime::bail!("a folder is missing");
    };
    let (done, end) = oneshot::channel();
    accessor.spawn(Task { folders, act, lock, done })?;
    Ok(end.await?)
}

impl<const N: usize, F, L, T> AccessorTask<Guest> for Task<N, F, L, T>
where
    F: for<'a> FnOnce(&'a Accessor<Guest>, [Handle; N]) -> Doing<'a, T> + Send + 'static,
    L: Send + 'static,
    T: Given,
{
    async fn run(self, accessor: &Accessor<Guest>) -> wasmtime::Result<()> {
        let again = self.folders.each_ref().map(|folder| Handle::new_borrow(folder.rep()));
        let answer = (self.act)(accessor, again).await;
        drop(self.lock);
        for folder in self.folders {
            guest(accessor, |guest| guest.table.delete(folder))?;
        }
        if let Err(Ok(given)) = self.done.send(answer?) {
            guest(accessor, |guest| given.take_back(guest));
        }
        Ok(())
    }
}
