//! The files of a package of WIT, looked over before any of them is read.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::error::AuthoringError;

/// Looks at the files that a parser would read for this folder or file: each must be a file, so that reading it
/// ends, and together they may not be larger than any honest package is.
pub(super) fn look_over(place: &Path) -> Result<(), AuthoringError> {
    let wrong = |path: &Path, cause: std::io::Error| {
        AuthoringError::wit(place, format_args!("\"{}\": {cause}", path.display()))
    };
    let mut total = 0_u64;
    for path in files(place).map_err(|cause| wrong(place, cause))? {
        let about = std::fs::metadata(&path).map_err(|cause| wrong(&path, cause))?;
        if !about.is_file() {
            return Err(AuthoringError::wit(place, format_args!("\"{}\" is not a file", path.display())));
        }
        total = total.saturating_add(about.len());
    }
    if total > MAX_SOURCES {
        let reason = format!(
            "its files have {total} bytes, and {MAX_SOURCES} are taken; leave out what the module does not use"
        );
        return Err(AuthoringError::wit(place, reason));
    }
    Ok(())
}

/// What a parser reads: one file, or those of a folder and of `deps` in it, and of the folders in that.
fn files(place: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !is_folder(place) {
        return Ok(vec![place.to_owned()]);
    }
    let mut found = within(place, &["wit"])?;
    let deps = place.join("deps");
    if deps.exists() {
        found.extend(within(&deps, &["wit", "wat", "wasm"])?);
        for entry in std::fs::read_dir(&deps)? {
            let path = entry?.path();
            if is_folder(&path) {
                found.extend(within(&path, &["wit"])?);
            }
        }
    }
    Ok(found)
}

fn within(folder: &Path, endings: &[&str]) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let is_read = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        endings.contains(&ending) && !is_folder(path)
    };
    entries.filter(|path| path.as_ref().map_or(true, is_read)).collect()
}

fn is_folder(path: &Path) -> bool {
    std::fs::metadata(path).as_ref().is_ok_and(Metadata::is_dir)
}

/// Bytes in all files together: all of WASI has a tenth of that.
const MAX_SOURCES: u64 = 4 << 20;

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read() {
        let told = look_over(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(told.contains("\"/dev/zero\" is not a file"), "{told}");
    }

    #[test]
    fn the_files_of_what_it_refers_to_count_too() {
        let folder = tempfile::tempdir().unwrap();
        let dependency = folder.path().join("deps/a");
        std::fs::create_dir_all(&dependency).unwrap();
        std::fs::write(folder.path().join("a.wit"), "package a:b;").unwrap();
        look_over(folder.path()).unwrap();
        std::fs::File::create(dependency.join("a.wit")).unwrap().set_len(MAX_SOURCES).unwrap();
        let told = look_over(folder.path()).unwrap_err().to_string();
        assert!(told.contains("4194316 bytes"), "{told}");
    }
}
