//! `wasi:filesystem` of WASI 0.3: the same folders as by way of 0.2, with the same rules in front of its
//! functions.
//!
//! These functions run beside each other, so none of them has the guest to itself while it waits.

use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, Linker, Resource, ResourceType};
use wasmtime_wasi::filesystem::WasiFilesystem;
use wasmtime_wasi::p3::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorStat, ErrorCode, HostDescriptorWithStore as _, MetadataHashValue,
    OpenFlags, PathFlags,
};
use wasmtime_wasi::p3::bindings::filesystem::{preopens, types};

use super::answer::told;
use super::calls_0_3::{Answer, files, follows, guest, thread, view, waiting};
use super::listing::list;
use super::look::Look;
use super::opening::How;
use super::to_its_end::{Doing, Given, to_its_end};
use super::walk::Found;
use super::{Handle, changes_0_3, folders, held_0_3, streamed};
use crate::sandbox::run::guest::Guest;

/// The interface that tells a guest its folders, as WASI's own linking names it.
const PREOPENS: &str = "wasi:filesystem/preopens@0.3.0";
/// The interface of files and folders, as WASI's own linking names it.
const TYPES: &str = "wasi:filesystem/types@0.3.0";

/// The parameters of `open-at`.
type Open = (Handle, PathFlags, String, OpenFlags, DescriptorFlags);

/// Makes a function that looks at a path without opening it.
macro_rules! look {
    ($types:ident, $name:literal, $tell:ident, ($($flags:ident: $ty:ty),*), $look:expr) => {
        $types.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<Guest>, (folder, $($flags,)* path): (Handle, $($ty,)* String)| {
                Box::pin(async move { Ok((look(accessor, &folder, &path, $look, $tell).await?,)) })
            },
        )?;
    };
}

/// Makes a function that asks WASI about a thing that was found, which is among the guest's own meanwhile.
macro_rules! tell {
    ($name:ident, $function:ident, $told:ty, $doc:literal) => {
        #[doc = $doc]
        fn $name(accessor: &Accessor<Guest>, found: Found) -> Doing<'_, $told> {
            Box::pin(async move {
                let held = guest(accessor, |guest| guest.table.push(found.descriptor()))?;
                let said =
                    WasiFilesystem::$function(&files(accessor), Resource::new_borrow(held.rep())).await;
                guest(accessor, |guest| guest.table.delete(held))?;
                told(said)
            })
        }
    };
}

/// Links files and folders of WASI 0.3.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    types::add_to_linker::<Guest, WasiFilesystem>(linker, view)?;
    preopens::add_to_linker::<Guest, WasiFilesystem>(linker, view)?;
    linker.allow_shadowing(true);
    folders::link(linker, PREOPENS)?;
    let mut types = linker.instance(TYPES)?;
    waiting!(types, "open-at", open, Open);
    changes_0_3::link(&mut types)?;
    look!(types, "stat-at", stat_of, (flags: PathFlags), Look::of(follows(flags)));
    look!(types, "metadata-hash-at", hash_of, (flags: PathFlags), Look::of(follows(flags)));
    look!(types, "readlink-at", target_of, (), Look::Itself);
    held_0_3::link(&mut types)?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |store: StoreContextMut<'_, Guest>, (folder,): (Handle,)| {
            Box::new(async move { Ok((list(store, folder).await?,)) })
        },
    )?;
    streamed::link(&mut types)?;
    types.resource(
        "descriptor",
        ResourceType::host::<Descriptor>(),
        |mut store: StoreContextMut<'_, Guest>, handle| {
            let guest = store.data_mut();
            guest.files.open.remove(&handle);
            guest.table.delete(Resource::<Descriptor>::new_own(handle))?;
            Ok(())
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Opens a file or folder, and remembers the path by which the guest knows it.
async fn open(accessor: &Accessor<Guest>, (folder, follow, path, open, flags): Open) -> Answer<Handle> {
    let how = How { follows: follows(follow), open: How::of_open_flags(open), flags: How::of_flags(flags) };
    let (opening, changing, texts) = guest(accessor, |guest| {
        let opening = guest.opening(&folder, &path, how)?;
        wasmtime::error::Ok((opening, guest.files.changing.clone(), guest.texts(&path)))
    })?;
    let (mut opening, texts) = match texts {
        Ok(texts) => (opening, texts),
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let lock = (changing.read_owned().await, texts, thread(accessor).await?);
    let opened = to_its_end(accessor, lock, [], move |accessor, []| {
        Box::pin(async move {
            let walked = opening.walked().await;
            let allowed = match guest(accessor, |guest| guest.may_open(&opening, walked)) {
                Ok(allowed) => allowed,
                Err(refusal) => return Ok(Err(refusal.into())),
            };
            let opened = allowed.opened().await;
            Ok(guest(accessor, |guest| guest.opened(&opening, opened))?.map_err(ErrorCode::from))
        })
    });
    opened.await
}

/// Looks at a path, and tells what is asked of the thing there.
async fn look<T: Given>(
    accessor: &Accessor<Guest>,
    folder: &Handle,
    path: &str,
    look: Look,
    tell: for<'a> fn(&'a Accessor<Guest>, Found) -> Doing<'a, T>,
) -> Answer<T> {
    let (mut looking, texts) = guest(accessor, |guest| {
        wasmtime::error::Ok((guest.looking(folder, path, look)?, guest.texts(path)))
    })?;
    let texts = match texts {
        Ok(texts) => texts,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let lock = (texts, thread(accessor).await?);
    let told = to_its_end(accessor, lock, [], move |accessor, []| {
        Box::pin(async move {
            let walked = looking.walked().await;
            match guest(accessor, |guest| guest.seen(&looking, walked)) {
                Ok(found) => tell(accessor, found).await,
                Err(code) => Ok(Err(code)),
            }
        })
    });
    told.await
}

tell!(stat_of, stat, DescriptorStat, "What WASI tells of a thing that was found.");
tell!(hash_of, metadata_hash, MetadataHashValue, "The value by which WASI knows a thing again.");

/// Where a link leads that was found.
fn target_of(_: &Accessor<Guest>, found: Found) -> Doing<'_, String> {
    Box::pin(async move { Ok(found.target().map_err(ErrorCode::from)) })
}
