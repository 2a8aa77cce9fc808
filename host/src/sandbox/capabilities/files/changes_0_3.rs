//! What WASI 0.3 changes in folders: one thing after the other, each with the look that it depends on.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockWriteGuard, OwnedSemaphorePermit};
use wasmtime::component::{Accessor, LinkerInstance};
use wasmtime_wasi::filesystem::WasiFilesystem;
use wasmtime_wasi::p3::bindings::filesystem::types::{
    ErrorCode, HostDescriptorWithStore as _, NewTimestamp, PathFlags,
};

use super::Handle;
use super::calls_0_3::{Answer, files, follows, guest, thread, waiting};
use super::kind::Kind;
use super::look::Look;
use super::refusal::Refusal;
use super::to_its_end::to_its_end;
use super::walk::Found;
use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::guest::Guest;

/// The parameters of `rename-at`.
type Rename = (Handle, String, Handle, String);
/// The parameters of `link-at`.
type Link = (Handle, PathFlags, String, Handle, String);
/// The parameters of `symlink-at`.
type Symlink = (Handle, String, String);
/// The parameters of `set-times-at`.
type SetTimes = (Handle, PathFlags, String, NewTimestamp, NewTimestamp);

/// What was asked for, or the guest's answer that it is refused.
macro_rules! allowed {
    ($asked:expr) => {
        match $asked {
            Ok(allowed) => allowed,
            Err(refusal) => return Ok(Err(refusal.into())),
        }
    };
}

/// Has WASI change something in these folders, to its end, and holds a lock until then. Returns what the guest is
/// answered.
macro_rules! finish {
    ($accessor:ident, $lock:expr, [$($folder:ident),+], $function:ident($($given:ident),+), $words:ident) => {
        to_its_end($accessor, $lock, [$(&$folder),+], move |accessor, [$($folder),+]| {
            Box::pin(async move {
                let changed = WasiFilesystem::$function(&files(accessor), $($given),+).await;
                guest(accessor, |guest| guest.answer(changed, Look::Written, &$words))
            })
        })
        .await
    };
}

/// Makes a function that changes what is at one path.
macro_rules! change {
    ($types:ident, $name:literal, $function:ident, $words:literal) => {
        $types.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<Guest>, (folder, path): (Handle, String)| {
                Box::pin(async move {
                    let words = format!(concat!($words, " {}"), full(accessor, &folder, &path));
                    let changing = match change(accessor, &words).await? {
                        Ok(changing) => changing,
                        Err(refusal) => return Ok((Err(refusal.into()),)),
                    };
                    Ok((finish!(accessor, changing, [folder], $function(folder, path), words)?,))
                })
            },
        )?;
    };
}

/// The functions that change something at a path.
pub(super) fn link(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    waiting!(types, "rename-at", rename, Rename);
    waiting!(types, "link-at", hard_link, Link);
    waiting!(types, "symlink-at", symlink, Symlink);
    waiting!(types, "set-times-at", set_times, SetTimes);
    change!(types, "create-directory-at", create_directory_at, "make the folder");
    change!(types, "remove-directory-at", remove_directory_at, "remove the folder");
    change!(types, "unlink-file-at", unlink_file_at, "remove");
    Ok(())
}

/// Moves a file or folder.
async fn rename(accessor: &Accessor<Guest>, (from, old, to, new): Rename) -> Answer<()> {
    let words = format!("rename {} to {}", full(accessor, &from, &old), full(accessor, &to, &new));
    let changing = allowed!(change(accessor, &words).await?);
    let kind = allowed!(kind(accessor, &changing, (&from, &old), &words).await?);
    let leads_elsewhere = match kind {
        Some(Kind::Folder) => {
            leads_elsewhere(accessor, &changing, [(&from, old.as_str()), (&to, new.as_str())], &words).await?
        }
        _ => Ok(false),
    };
    let leads_elsewhere = allowed!(leads_elsewhere);
    allowed!(guest(accessor, |guest| guest.may_rename([&from, &to], kind, leads_elsewhere, &words)));
    finish!(accessor, changing, [from, to], rename_at(from, old, to, new), words)
}

/// Gives a file a second name.
async fn hard_link(accessor: &Accessor<Guest>, (from, follow, old, to, new): Link) -> Answer<()> {
    let words = format!("link {} to {}", full(accessor, &to, &new), full(accessor, &from, &old));
    let changing = allowed!(change(accessor, &words).await?);
    let kind = allowed!(kind(accessor, &changing, (&from, &old), &words).await?);
    if kind == Some(Kind::Link) {
        allowed!(guest(accessor, |guest| guest.may_link([&from, &to], &words)));
    }
    finish!(accessor, changing, [from, to], link_at(from, follow, old, to, new), words)
}

/// Makes a symbolic link.
async fn symlink(accessor: &Accessor<Guest>, (folder, target, path): Symlink) -> Answer<()> {
    let words = format!("make the link {}", full(accessor, &folder, &path));
    let target_text = allowed!(guest(accessor, |guest| guest.texts(&target)));
    let changing = allowed!(change(accessor, &words).await?);
    allowed!(guest(accessor, |guest| guest.may_link([&folder], &words)));
    let lock = (changing, target_text);
    finish!(accessor, lock, [folder], symlink_at(folder, target, path), words)
}

/// Sets when a file was last read and changed.
async fn set_times(
    accessor: &Accessor<Guest>,
    (folder, follow, path, accessed, changed): SetTimes,
) -> Answer<()> {
    let words = format!("set the times of {}", full(accessor, &folder, &path));
    let texts = allowed!(guest(accessor, |guest| {
        guest.may_change(&words)?;
        guest.may_write_in(&folder, &words)?;
        guest.texts(&words)
    }));
    let mut looking = guest(accessor, |guest| guest.looking(&folder, &path, Look::of(follows(follow))))?;
    let lock = (texts, thread(accessor).await?);
    let set = to_its_end(accessor, lock, [], move |accessor, []| {
        Box::pin(async move {
            let walked = looking.walked().await;
            let found: Result<Found, ErrorCode> =
                guest(accessor, |guest| guest.to_set_times(&looking, walked, &words));
            let found = allowed!(found);
            Ok(found.set_times(accessed.into(), changed.into()).await.map_err(ErrorCode::from))
        })
    });
    set.await
}

/// What kind of thing has a name that is to be changed.
async fn kind(
    accessor: &Accessor<Guest>,
    changing: &Changing,
    (folder, path): (&Handle, &str),
    words: &str,
) -> Answer<Option<Kind>> {
    allowed!(guest(accessor, |guest| guest.may_write_in(folder, words)));
    let (path, words) = (path.trim_end_matches('/'), words.to_owned());
    let mut looking = guest(accessor, |guest| guest.looking(folder, path, Look::Itself))?;
    let kind = to_its_end(accessor, changing.clone(), [], move |accessor, []| {
        Box::pin(async move {
            let walked = looking.walked().await;
            let found = guest(accessor, |guest| guest.to_change(&looking, walked, &words));
            Ok(found.map(|found: Option<Found>| found.map(|found| found.kind)))
        })
    });
    kind.await
}

/// Whether links in a folder would lead elsewhere, once that has another place.
async fn leads_elsewhere(
    accessor: &Accessor<Guest>,
    changing: &Changing,
    places: [(&Handle, &str); 2],
    words: &str,
) -> Answer<bool> {
    let places = guest(accessor, |guest| guest.places(places))?;
    let words = words.to_owned();
    let told = to_its_end(accessor, changing.clone(), [], move |accessor, []| {
        Box::pin(async move {
            let told = places.leads_elsewhere().await;
            Ok(told.map_err(|blocked| guest(accessor, |guest| guest.untold(blocked, &words))))
        })
    });
    told.await
}

/// The path by which the guest knows the thing at `path` below one of its folders.
fn full(accessor: &Accessor<Guest>, folder: &Handle, path: &str) -> String {
    guest(accessor, |guest| guest.path(folder, path))
}

/// What is held while something is changed: the lock on changes, and the memory of its texts and the thread, which
/// are counted.
type Changing = Arc<(OwnedRwLockWriteGuard<()>, Hold, OwnedSemaphorePermit)>;

/// Begins a change once the one before it has ended, unless the job is a dry run, which records it. The outer
/// error ends the guest.
async fn change(accessor: &Accessor<Guest>, words: &str) -> wasmtime::Result<Result<Changing, Refusal>> {
    let begun = guest(accessor, |guest| {
        guest.may_change(words)?;
        Ok((guest.files.changing.clone(), guest.texts(words)?))
    });
    let (changing, texts) = match begun {
        Ok(begun) => begun,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let lock = changing.write_owned().await;
    Ok(Ok(Arc::new((lock, texts, thread(accessor).await?))))
}
