//! A module's WIT.

use std::fmt::Write as _;
use std::path::Path;

use wit_bindgen_core::wit_parser as newer;
use wit_parser::{PackageId, Resolve, WorldId};

use super::error::AuthoringError;
use super::{sources, weight::Weight};

/// A package of WIT with everything that it refers to, and one of its worlds.
pub struct Wit {
    pub(super) resolve: Resolve,
    pub(super) package: PackageId,
    pub(super) world: WorldId,
}

impl Wit {
    /// Reads a folder: the package itself in its files, what it refers to below `deps`. A world must be named
    /// where the package has several.
    pub fn read(folder: &Path, world: Option<&str>) -> Result<Self, AuthoringError> {
        // The generators' parser says where a mistake is.
        Generated::read(folder, world)?;
        let wrong = |cause| AuthoringError::wit(folder, format_args!("{cause:#}"));
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(folder).map_err(wrong)?;
        let world = resolve.select_world(&[package], world).map_err(wrong)?;
        Ok(Self { resolve, package, world })
    }
}

/// The same for the generators, which have a WIT parser of their own, in another version than the sandbox's.
pub(super) struct Generated {
    pub(super) resolve: newer::Resolve,
    pub(super) world: newer::WorldId,
    /// What generators are known to lack, each with the function that has it.
    pub(super) unusual: Vec<String>,
}

impl Generated {
    pub(super) fn read(folder: &Path, world: Option<&str>) -> Result<Self, AuthoringError> {
        sources::look_over(folder)?;
        let mut resolve = newer::Resolve::default();
        let (package, _) = resolve
            .push_path(folder)
            .map_err(|cause| AuthoringError::wit(folder, resolve.render_error(&cause)))?;
        let world = chosen(&resolve, package, world).map_err(|reason| AuthoringError::wit(folder, reason))?;
        let weight = Weight::of(&resolve, world).map_err(|reason| AuthoringError::wit(folder, reason))?;
        Ok(Self { resolve, world, unusual: weight.unusual })
    }
}

/// The world that is named, or the only one.
fn chosen(
    resolve: &newer::Resolve,
    package: newer::PackageId,
    name: Option<&str>,
) -> Result<newer::WorldId, String> {
    let (own, shown) = (&resolve.packages[package].worlds, &resolve.packages[package].name);
    if own.is_empty() && name.is_none() {
        return Err(format!(
            "the package `{shown}` has no world; add `world module {{ … }}` with what the module exports"
        ));
    }
    let named = own.keys().fold(String::new(), |mut text, name| {
        // Text takes whatever is written to it.
        let _ = write!(text, "{}`{name}`", if text.is_empty() { "" } else { ", " });
        text
    });
    match name {
        None if own.len() > 1 => {
            Err(format!("the package `{shown}` has several worlds; choose one with --world: {named}"))
        }
        Some(name) if resolve.select_world(&[package], Some(name)).is_err() => Err(match own.len() {
            0 => format!("there is no world `{name}`, and the package `{shown}` has none at all"),
            _ => format!("there is no world `{name}`; --world takes one of {named}"),
        }),
        name => resolve.select_world(&[package], name).map_err(|cause| format!("{cause:#}")),
    }
}
