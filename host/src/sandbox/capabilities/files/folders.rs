//! The granted folders: opened when a job begins, and told to a guest that asks for them.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use super::view::View;
use super::{Handle, OpenFile};
use crate::policy::{FileGrant, FileMode};
use crate::sandbox::run::dry_run::RunMode;
use crate::sandbox::run::guest::Guest;

/// Opens the granted folders, for reading only in a dry run.
///
/// # Errors
/// Where a folder does not exist or cannot be opened, with what to do about it.
pub(in crate::sandbox) fn open(
    wasi: &mut WasiCtxBuilder,
    folders: &[FileGrant],
    mode: RunMode,
) -> Result<(), String> {
    for folder in folders {
        let perms = match (folder.mode, mode) {
            (FileMode::ReadWrite, RunMode::Real) => FsPerms::ReadWrite,
            _ => FsPerms::ReadOnly,
        };
        wasi.preopened_dir(&folder.host, &folder.guest, perms).map_err(|error| {
            let reason = error.root_cause();
            format!("the granted folder \"{}\" cannot be opened ({reason}): make it", folder.host.display())
        })?;
    }
    Ok(())
}

/// Puts a function in front of WASI's own, in the interface that tells a guest its folders.
pub(super) fn link(linker: &mut Linker<Guest>, interface: &str) -> wasmtime::Result<()> {
    linker.instance(interface)?.func_wrap("get-directories", |mut store: StoreContextMut<'_, Guest>, ()| {
        Ok((store.data_mut().folders()?,))
    })
}

impl Guest {
    /// The granted folders, for which the guest asks. What is to be remembered of them is kept by their handles.
    fn folders(&mut self) -> wasmtime::Result<Vec<(Handle, String)>> {
        let folders = self.filesystem().get_directories()?;
        let granted = folders.iter().zip(&self.job.policy.grants.files);
        self.files.open.extend(granted.map(|((folder, path), grant)| {
            let (path, view, symlinks) = (path.clone(), View::of(grant), grant.symlinks);
            let granted = match self.table.get(folder) {
                Ok(Descriptor::Dir(dir)) => Some(dir.dir.clone()),
                _ => None,
            };
            (folder.rep(), OpenFile { path, granted, symlinks, view, descriptor: None })
        }));
        self.note_folders();
        Ok(folders)
    }
}
