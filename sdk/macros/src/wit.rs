//! The author's WIT, read together with the packages that the host offers.

use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::Error;
use wit_parser::{PackageId, Resolve, UnresolvedPackageGroup, WorldId, WorldItem};

use crate::options::Options;

/// Where the packages `minion:*` lie, one folder each.
const SUPPLIED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");

/// A module's WIT with everything that it refers to.
pub(crate) struct Wit {
    pub(crate) resolve: Resolve,
    /// The author's own package: the one with the world.
    pub(crate) package: PackageId,
    world: WorldId,
    supplied: Vec<PackageId>,
    paths: Vec<String>,
}

impl Wit {
    /// Reads the WIT that the options name. Errors point to the place in the WIT, in the words of its parser.
    pub(crate) fn read(options: &Options) -> syn::Result<Self> {
        let manifest = std::env::var("CARGO_MANIFEST_DIR").map_err(|_| error("cargo must run this macro"))?;
        let mut resolve = Resolve::default();
        let (mut paths, mut supplied) = (Vec::new(), Vec::new());
        for folder in folders(Path::new(SUPPLIED)).map_err(error)? {
            supplied.push(push(&mut resolve, &folder)?);
            paths.push(folder.display().to_string());
        }
        let mut package = None;
        let default = (options.inline.is_none() && options.paths.is_empty()).then(|| "wit".to_owned());
        for path in options.paths.iter().map(syn::LitStr::value).chain(default) {
            let folder = Path::new(&manifest).join(&path);
            refuse_copies(&resolve, &folder)?;
            package = Some(push(&mut resolve, &folder)?);
            paths.push(path);
        }
        if let Some(text) = &options.inline {
            let pushed = resolve.push_str("module!", &text.value());
            package = Some(pushed.map_err(|cause| Error::new(text.span(), resolve.render_error(&cause)))?);
        }
        let package = package.ok_or_else(|| error("name a folder in `path: [\"…\"]`, or leave it out"))?;
        let name = options.world.as_ref().map(syn::LitStr::value);
        let world = resolve.select_world(&[package], name.as_deref());
        let world = world.map_err(|cause| error(resolve.render_error(&cause)))?;
        let package = resolve.worlds[world].package.unwrap_or(package);
        Ok(Self { resolve, package, world, supplied, paths })
    }

    /// Every path that was read, in the order in which they depend on each other.
    pub(crate) fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The world's full name.
    pub(crate) fn world_id(&self) -> String {
        self.resolve.id_of_name(self.package, &self.resolve.worlds[self.world].name)
    }

    /// The supplied interfaces that the world imports, each with the module of the SDK that binds it.
    pub(crate) fn supplied_imports(&self) -> Vec<(String, String)> {
        let mut imports = Vec::new();
        for (key, item) in &self.resolve.worlds[self.world].imports {
            let WorldItem::Interface { id, .. } = item else { continue };
            let interface = &self.resolve.interfaces[*id];
            if let (Some(package), Some(name)) = (interface.package, &interface.name)
                && self.supplied.contains(&package)
            {
                let package = &self.resolve.packages[package].name;
                let module =
                    format!("::minion_sdk::bindings::{}::{}::{name}", package.namespace, package.name);
                imports.push((self.resolve.name_world_key(key), module.replace('-', "_")));
            }
        }
        imports
    }
}

fn push(resolve: &mut Resolve, path: &Path) -> syn::Result<PackageId> {
    match resolve.push_path(path) {
        Ok((package, _)) => Ok(package),
        Err(cause) => Err(error(resolve.render_error(&cause))),
    }
}

/// Fails where the folder `deps` of a package has a package that is there already, which the parser would panic
/// at.
fn refuse_copies(resolve: &Resolve, folder: &Path) -> syn::Result<()> {
    // A folder that cannot be read here is reported by the parser.
    for path in folders(&folder.join("deps")).unwrap_or_default() {
        if let Ok(group) = UnresolvedPackageGroup::parse_dir(&path)
            && resolve.package_names.contains_key(&group.main.name)
        {
            let (path, name) = (path.display(), &group.main.name);
            return Err(error(format!("\"{path}\" is a copy of \"{name}\", which is supplied: delete it")));
        }
    }
    Ok(())
}

fn folders(path: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|cause| format!("reading \"{}\": {cause}", path.display()))?;
    let mut folders: Vec<_> = entries.iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

fn error(message: impl std::fmt::Display) -> Error {
    Error::new(Span::call_site(), message)
}
