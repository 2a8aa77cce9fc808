//! A module's WIT.

use std::path::Path;

use anyhow::Context as _;
use wit_parser::{PackageId, Resolve, WorldId};

/// Whether names say only the part of a version that tells compatible ones from others. Ours say all of it, as the
/// exports of components do.
pub(crate) const CANONICAL_NAMES: bool = false;

/// A package of WIT with everything that it refers to, and its only world.
pub(crate) struct Wit {
    pub(crate) resolve: Resolve,
    pub(crate) package: PackageId,
    pub(crate) world: WorldId,
}

impl Wit {
    /// Reads a folder: the package itself in its files, what it refers to in folders below `deps`.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = match resolve.push_path(folder) {
            Ok(pushed) => pushed,
            Err(cause) => anyhow::bail!("{}", resolve.render_error(&cause)),
        };
        let world = resolve.select_world(&[package], None);
        let world = world.with_context(|| format!("choosing the world in \"{}\"", folder.display()))?;
        Ok(Self { resolve, package, world })
    }
}
