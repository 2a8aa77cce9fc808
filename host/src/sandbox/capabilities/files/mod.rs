//! `wasi:filesystem`: the folders that policy grants.
//!
//! WASI itself keeps a guest within its folders. What WASI does not do is here, in front of its functions that
//! open or change something: a dry run records changes, denials reach the audit log, only files and folders are
//! opened, since a pipe would hold one of the host's threads for ever, and links that lead others out of a folder
//! are not made. Each open file is one of the descriptors that the job may have.
//!
//! The thing that a guest looks at or opens is found by `walk`, within what `view` and `public` show, and what may
//! be done with it is decided in `rules` and `looks`, for both versions of WASI alike, since a guest can use a
//! handle of one with the functions of the other.
//!
//! This file and `rules` and `looks` name each other: here are the functions linked that go through them, and what they
//! deny they deny in the name of this capability.

mod answer;
mod calls_0_3;
mod changes_0_3;
mod folders;
mod held_0_3;
mod kind;
mod levels;
mod listing;
mod look;
mod looks;
mod open_files;
mod opening;
mod public;
mod refusal;
mod rules;
mod streamed;
mod streams;
mod times;
mod to_its_end;
mod view;
mod walk;
mod wasi_0_2;
mod wasi_0_3;

pub(in crate::sandbox) use self::folders::open;
pub(in crate::sandbox) use self::open_files::OpenFiles;
use self::open_files::{Handle, OpenFile};
use super::package::Package;
use super::{Capability, Grant, Without, no_caution};
use crate::sandbox::run::dry_run::DryRun;

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability = Capability {
    name: "files",
    packages: &[
        Package::wasi("wasi:filesystem", &["preopens", "types"]),
        Package::later("wasi:filesystem", &["preopens", "types"]),
    ],
    grant: Some(Grant {
        without: Without::Unasked,
        line: r#"files = [{ host = "…" }]"#,
        is_given: |grants| !grants.files.is_empty(),
        cautions: no_caution,
    }),
    dry_run: DryRun::Recorded,
    link: wasi_0_2::link,
    link_later: Some(wasi_0_3::link),
};
