//! Reading and writing `minion.toml`.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use crate::aside;

/// What the file says; nothing, where it is not there.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// Writes the file as a whole, where it still says what it said `before`. It keeps its permissions and its owner; one
/// that was not there belongs to the owner of its folder, who alone may read it, as all else that is there.
pub(crate) fn write(path: &Path, before: &str, after: &str) -> io::Result<()> {
    // Where it is a link, to a folder that is kept in another place, the link stays.
    let place = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        found => found?,
    };
    if read(&place)? != before {
        return Err(io::Error::other("somebody else wrote it in this moment: look at it, and try again"));
    }
    let (mode, owner) = match fs::metadata(&place) {
        Ok(found) => (found.permissions().mode() & 0o7777, found),
        Err(_) => (PRIVATE, fs::metadata(place.parent().unwrap_or(Path::new("/")))?),
    };
    let file = aside::write_beside(&place, after.as_bytes(), mode)?;
    let written = file.as_file().metadata()?;
    if (written.uid(), written.gid()) != (owner.uid(), owner.gid()) {
        chown(file.path(), Some(owner.uid()), Some(owner.gid()))?;
    }
    file.persist(&place)?;
    aside::sync_folder(place.parent().unwrap_or(Path::new("/")))
}

const PRIVATE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_permissions_and_the_link_that_it_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let (real, link) = (dir.path().join("real.toml"), dir.path().join("minion.toml"));
        fs::write(&real, "a = 1\n").expect("written");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("set");
        std::os::unix::fs::symlink("real.toml", &link).expect("linked");
        write(&link, "a = 1\n", "a = 2\n").expect("written");
        assert_eq!(read(&real).expect("read"), "a = 2\n");
        assert_eq!(fs::metadata(&real).expect("there").permissions().mode() & 0o7777, 0o640);
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read_dir(dir.path()).expect("read").count(), 2);
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_one_that_changed_meanwhile_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("minion.toml");
        assert_eq!(read(&path).expect("nothing"), "");
        write(&path, "", "a = 1\n").expect("written");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o7777, 0o600);
        let told = write(&path, "", "a = 2\n").expect_err("changed").to_string();
        assert!(told.contains("somebody else"), "{told}");
        assert_eq!(read(&path).expect("read"), "a = 1\n");
    }
}
