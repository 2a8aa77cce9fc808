//! Which files of a folder are modules, as their names say.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wire::name::ModuleName;

/// The modules in a folder, each with its file.
pub(crate) fn files_in(folder: &Path) -> io::Result<BTreeMap<ModuleName, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(name) = module_name(&path)
            && is_module(&path)
            && path.is_file()
        {
            files.insert(name, path);
        }
    }
    Ok(files)
}

/// The module whose file or signature this is, if its name can be one.
pub(super) fn module_name(path: &Path) -> Option<ModuleName> {
    let file = match path.extension().is_some_and(|extension| extension == "sig") {
        true => Path::new(path.file_stem()?),
        false => path,
    };
    is_module(file).then(|| file.file_stem()?.to_str()?.parse().ok())?
}

fn is_module(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == ENDING)
        && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// How the names of modules' files end, after a dot.
pub(super) const ENDING: &str = "wasm";

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str) -> Option<String> {
        module_name(Path::new(path)).map(|name| name.to_string())
    }

    #[test]
    fn only_files_whose_stem_is_a_name_are_modules() {
        assert_eq!(names("/m/test.wasm").as_deref(), Some("test"));
        assert_eq!(names("/m/test.wasm.sig").as_deref(), Some("test"));
        for other in ["/m/te st.wasm", "/m/.writing-x.wasm", "/m/test.wat", "/m/test.sig", "/m/a.b.wasm"] {
            assert_eq!(names(other), None, "{other}");
        }
    }
}
