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
        let wrong = |cause: anyhow::Error| AuthoringError::wit(folder, format_args!("{cause:#}"));
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(folder).map_err(wrong)?;
        let world = resolve.select_world(&[package], None).map_err(wrong)?;
        Ok(Self { resolve, package, world })
    }
}
