//! What WASI 0.3 does with files and folders that are open already: as many calls at once as the job has threads.

use wasmtime::component::{Accessor, LinkerInstance};
use wasmtime_wasi::filesystem::WasiFilesystem;
use wasmtime_wasi::p3::bindings::filesystem::types::{Advice, HostDescriptorWithStore as _, NewTimestamp};

use super::Handle;
use super::answer::told;
use super::calls_0_3::{files, thread};
use super::to_its_end::to_its_end;
use crate::sandbox::run::guest::Guest;

/// Makes a function that does something with what is open already.
macro_rules! held {
    ($types:ident, $name:literal, $function:ident, ($($given:ident: $ty:ty),*)) => {
        $types.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<Guest>, (file, $($given,)*): (Handle, $($ty,)*)| {
                Box::pin(async move {
                    let thread = thread(accessor).await?;
                    let done = to_its_end(accessor, thread, [&file], move |accessor, [file]| {
                        Box::pin(async move {
                            told(WasiFilesystem::$function(&files(accessor), file, $($given),*).await)
                        })
                    });
                    Ok((done.await?,))
                })
            },
        )?;
    };
}

/// The functions of what is open already.
pub(super) fn link(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    held!(types, "advise", advise, (offset: u64, length: u64, advice: Advice));
    held!(types, "sync", sync, ());
    held!(types, "sync-data", sync_data, ());
    held!(types, "get-flags", get_flags, ());
    held!(types, "get-type", get_type, ());
    held!(types, "set-size", set_size, (size: u64));
    held!(types, "set-times", set_times, (accessed: NewTimestamp, changed: NewTimestamp));
    held!(types, "stat", stat, ());
    held!(types, "metadata-hash", metadata_hash, ());
    types.func_wrap_concurrent(
        "[method]descriptor.is-same-object",
        |accessor: &Accessor<Guest>, (one, other): (Handle, Handle)| {
            Box::pin(async move {
                let thread = thread(accessor).await?;
                let done = to_its_end(accessor, thread, [&one, &other], |accessor, [one, other]| {
                    Box::pin(async move {
                        Ok(Ok(WasiFilesystem::is_same_object(&files(accessor), one, other).await?))
                    })
                });
                Ok((done.await?.unwrap_or(false),))
            })
        },
    )
}
