//! Where the minion is that a command is about.

use std::path::PathBuf;

use clap::Args;

use crate::folder::{Folder, FolderError};

/// The flag of all commands that says where the minion is.
#[derive(Debug, Args)]
pub struct DirFlag {
    /// The minion's folder [env: MINION_DIR] [default: /var/lib/minion for root, ~/.local/share/minion otherwise]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl DirFlag {
    /// The minion's folder, which need not be there.
    pub(super) fn folder(&self) -> Result<Folder, FolderError> {
        // Not read by the parser, which would show what the environment has set as a part of every usage line.
        Folder::locate(self.dir.clone().or_else(|| std::env::var_os("MINION_DIR").map(PathBuf::from)))
    }

    /// The minion's folder, which must be there.
    pub(super) fn made_folder(&self) -> Result<Folder, FolderError> {
        let folder = self.folder()?;
        if !folder.dir().is_dir() {
            return Err(FolderError::Missing(folder.dir().to_owned()));
        }
        Ok(folder)
    }
}
