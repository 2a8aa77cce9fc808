//! The file of a module's signature: `disk.wasm.sig` beside `disk.wasm`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use wire::signing::MAX_SIGNATURE;

/// The path of the signature of this module's file.
pub fn path_of(module: &Path) -> PathBuf {
    let mut path = module.as_os_str().to_owned();
    path.push(".sig");
    path.into()
}

/// The text of the signature beside a module's file, if there is one. Of one that is too large there is only as
/// much as shows that it is.
///
/// # Errors
/// Where the file exists and cannot be read.
pub fn read_beside(module: &Path) -> std::io::Result<Option<String>> {
    let path = path_of(module);
    // Only files are read: a pipe of that name would stop the start for ever.
    match std::fs::metadata(&path) {
        Ok(found) if !found.is_file() => return Err(ErrorKind::InvalidInput.into()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let bytes = machine::file::read_bounded(&path, MAX_SIGNATURE as u64)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_found_beside_its_module_and_never_read_beyond_its_limit() {
        let dir = tempfile::tempdir().expect("a folder");
        let module = dir.path().join("disk.wasm");
        assert_eq!(read_beside(&module).expect("none"), None);
        std::fs::write(dir.path().join("disk.wasm.sig"), vec![b' '; 2 * MAX_SIGNATURE]).expect("written");
        assert_eq!(read_beside(&module).expect("read").map(|text| text.len()), Some(MAX_SIGNATURE + 1));
        std::fs::remove_file(path_of(&module)).expect("removed");
        std::fs::create_dir(path_of(&module)).expect("made");
        assert!(read_beside(&module).is_err());
    }
}
