//! The contents of a folder, as WASI 0.3 has them: a stream.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, FutureReader, StreamProducer, StreamReader, StreamResult, VecBuffer};
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::ReaddirIterator;
use wasmtime_wasi::p2::bindings::filesystem::types::{self as wasi_0_2, HostDescriptor as _};
use wasmtime_wasi::p3::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};

use super::Handle;
use super::calls_0_3::Answer;
use crate::sandbox::limits::budget::{Hold, Share};
use crate::sandbox::run::guest::Guest;

/// How many names a guest is given at once where it does not say how many it takes.
const AT_ONCE: usize = 32;
/// How many bytes a name takes besides its letters.
const ENTRY: u64 = 64;

/// The contents of a folder, and how reading it ended.
type Listed = (StreamReader<DirectoryEntry>, FutureReader<Result<(), ErrorCode>>);

/// Lists a folder, all of it before the guest reads the first name, so that nothing of the host waits where nobody
/// reads on.
pub(super) async fn list(mut store: StoreContextMut<'_, Guest>, folder: Handle) -> wasmtime::Result<Listed> {
    let (listing, end) = match names(store.data_mut(), folder).await? {
        Ok((listing, end)) => (Some(listing), end),
        Err(error) => (None, Err(error)),
    };
    let names = match listing {
        Some(listing) => StreamReader::new(&mut store, listing)?,
        None => StreamReader::new(&mut store, std::iter::empty())?,
    };
    let end = FutureReader::new(&mut store, async move { wasmtime::error::Ok(end) })?;
    Ok((names, end))
}

/// The contents of a folder, and how reading it ended.
async fn names(guest: &mut Guest, folder: Handle) -> Answer<(Listing, Result<(), ErrorCode>)> {
    if let Err(refusal) = guest.may_list(&folder).await {
        return Ok(Err(refusal.into()));
    }
    let found = match guest.filesystem().read_directory(folder).await {
        Ok(found) => guest.table.delete(found)?,
        Err(error) => return Ok(Err(of_0_2(error.downcast()?))),
    };
    Ok(Listing::new(found, &guest.holdings.memory))
}

/// The names in a folder, all of which are read at the beginning, so that no thread waits for a guest to read on.
/// They are counted for as long as the stream exists.
struct Listing {
    entries: vec::IntoIter<DirectoryEntry>,
    _held: Hold,
}

impl Listing {
    /// Reads the names in a folder. Where that fails on the way, or there are more than may be held in this
    /// memory, the listing has the names before that, and the error comes beside it.
    fn new(found: ReaddirIterator, memory: &Share) -> Result<(Self, Result<(), ErrorCode>), ErrorCode> {
        let mut held = memory.take(0).map_err(|_| ErrorCode::InsufficientMemory)?;
        let (mut entries, mut end) = (Vec::new(), Ok(()));
        for entry in found {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    end = Err(error.downcast().map_or(ErrorCode::Io, of_0_2));
                    break;
                }
            };
            if held.add(ENTRY + entry.name.capacity() as u64).is_err() {
                end = Err(ErrorCode::InsufficientMemory);
                break;
            }
            entries.push(DirectoryEntry { type_: kind(entry.type_), name: entry.name });
        }
        Ok((Self { entries: entries.into_iter(), _held: held }, end))
    }
}

impl<D> StreamProducer<D> for Listing {
    type Item = DirectoryEntry;
    type Buffer = VecBuffer<DirectoryEntry>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let count = destination.remaining(&mut store).unwrap_or(AT_ONCE);
        if count == 0 {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let given: Vec<DirectoryEntry> = self.entries.by_ref().take(count).collect();
        let result = if given.is_empty() { StreamResult::Dropped } else { StreamResult::Completed };
        destination.set_buffer(given.into());
        Poll::Ready(Ok(result))
    }
}

/// A kind of file in the words of WASI 0.3.
fn kind(kind: wasi_0_2::DescriptorType) -> DescriptorType {
    use wasi_0_2::DescriptorType as Kind;
    match kind {
        Kind::Unknown => DescriptorType::Other(None),
        Kind::BlockDevice => DescriptorType::BlockDevice,
        Kind::CharacterDevice => DescriptorType::CharacterDevice,
        Kind::Directory => DescriptorType::Directory,
        Kind::Fifo => DescriptorType::Fifo,
        Kind::SymbolicLink => DescriptorType::SymbolicLink,
        Kind::RegularFile => DescriptorType::RegularFile,
        Kind::Socket => DescriptorType::Socket,
    }
}

/// An error of reading a folder in the words of WASI 0.3.
fn of_0_2(error: wasi_0_2::ErrorCode) -> ErrorCode {
    use wasi_0_2::ErrorCode as Error;
    match error {
        Error::Access => ErrorCode::Access,
        Error::BadDescriptor => ErrorCode::BadDescriptor,
        Error::IllegalByteSequence => ErrorCode::IllegalByteSequence,
        Error::InsufficientMemory => ErrorCode::InsufficientMemory,
        Error::NoEntry => ErrorCode::NoEntry,
        Error::NotDirectory => ErrorCode::NotDirectory,
        Error::NotPermitted => ErrorCode::NotPermitted,
        _ => ErrorCode::Io,
    }
}
