//! A module's WIT.

use std::path::Path;

use wit_parser::{PackageId, Resolve, WorldId};

use super::error::AuthoringError;

/// A package of WIT with everything that it refers to, and its only world.
pub struct Wit {
    pub(super) resolve: Resolve,
    pub(super) package: PackageId,
    pub(super) world: WorldId,
}

impl Wit {
    /// Reads a folder: the package itself in its files, what it refers to below `deps`.
    pub fn read(folder: &Path) -> Result<Self, AuthoringError> {
        let wrong = |cause| AuthoringError::wit(folder, reason(folder, &cause));
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(folder).map_err(wrong)?;
        let world = resolve.select_world(&[package], None).map_err(wrong)?;
        Ok(Self { resolve, package, world })
    }
}

/// What is wrong with the WIT, with the line, which only a newer parser than the sandbox's tells.
fn reason(folder: &Path, cause: &anyhow::Error) -> String {
    let mut newer = wit_bindgen_core::wit_parser::Resolve::default();
    match newer.push_path(folder) {
        Ok(_) => format!("{cause:#}"),
        Err(told) => newer.render_error(&told),
    }
}
