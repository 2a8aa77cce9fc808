//! Reading and writing `minion.toml`.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use machine::file;

/// What the file says; nothing, where it is not there.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// The file, locked for one writer. Two grants at once would both find what was there before, and the second would undo the
/// first.
pub(crate) struct LockedFile {
    place: PathBuf,
    /// Locked, for as long as it is open.
    folder: File,
}

impl LockedFile {
    /// Waits until no other process has the file locked. Whoever has it locked keeps others waiting, and so must not wait for
    /// a person.
    pub(crate) fn lock(path: &Path) -> io::Result<Self> {
        let place = place(path)?;
        let folder = File::open(place.parent().unwrap_or(Path::new("/")))?;
        match folder.lock() {
            // Such a disk has no locks, and mostly no other process writes to it either.
            Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(error),
            _ => Ok(Self { place, folder }),
        }
    }

    /// Writes the file as a whole, where it still says what it said `before`. It keeps its permissions and its owner; one
    /// that was not there belongs to the owner of its folder, who alone may read it, as all else that is there.
    ///
    /// Fails where it is read-only, also for those whom that does not keep from writing: somebody meant it.
    pub(crate) fn write(self, before: &str, after: &str) -> io::Result<()> {
        let place = &self.place;
        if read(place)? != before {
            return Err(io::Error::other("somebody else wrote it in this moment: look at it, and try again"));
        }
        let (mode, owner) = match fs::metadata(place) {
            Ok(found) => (found.permissions().mode() & 0o7777, found),
            Err(_) => (PRIVATE, self.folder.metadata()?),
        };
        if mode & OWNER_WRITES == 0 {
            return Err(io::Error::other(format!(
                "it is read-only: say `chmod u+w {}` first, or write the lines where it comes from",
                place.display()
            )));
        }
        let file = file::write_beside(place, after.as_bytes(), mode)?;
        let written = file.as_file().metadata()?;
        if (written.uid(), written.gid()) != (owner.uid(), owner.gid()) {
            chown(file.path(), Some(owner.uid()), Some(owner.gid()))?;
        }
        file.persist(place)?;
        self.folder.sync_all()
    }
}

/// Where the file really is: where it is a link, to a folder that is kept in another place, the link stays.
fn place(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            Ok(target) => Err(io::Error::other(format!(
                "it is a link to \"{}\", which is not there: make that file, or remove the link",
                target.display()
            ))),
            Err(_) => Ok(path.to_owned()),
        },
        found => found,
    }
}

const OWNER_WRITES: u32 = 0o200;
const PRIVATE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, before: &str, after: &str) -> io::Result<()> {
        LockedFile::lock(path)?.write(before, after)
    }

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

    #[test]
    fn what_is_read_only_or_a_link_to_nothing_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let (file, link) = (dir.path().join("minion.toml"), dir.path().join("link.toml"));
        fs::write(&file, "a = 1\n").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).expect("set");
        let told = write(&file, "a = 1\n", "a = 2\n").expect_err("read-only").to_string();
        assert!(told.contains("read-only") && told.contains("chmod u+w"), "{told}");
        assert_eq!(read(&file).expect("read"), "a = 1\n");
        std::os::unix::fs::symlink("gone.toml", &link).expect("linked");
        let told = write(&link, "", "a = 2\n").expect_err("a link to nothing").to_string();
        assert!(told.contains("gone.toml"), "{told}");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read_dir(dir.path()).expect("read").count(), 2);
    }

    #[test]
    fn of_many_who_write_at_once_each_is_in_the_file_or_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("minion.toml");
        let add = |number: usize| {
            let before = read(&path)?;
            write(&path, &before, &format!("{before}key{number} = 1\n"))
        };
        let written: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|number| scope.spawn(move || add(number).is_ok())).collect();
            threads.into_iter().map(|thread| thread.join().expect("ended")).collect()
        });
        let text = read(&path).expect("read");
        for (number, written) in written.into_iter().enumerate() {
            assert_eq!(text.contains(&format!("key{number} =")), written, "{number}: {text}");
        }
    }
}
