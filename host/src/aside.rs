//! Files that are written aside and then renamed, and what is left of them where a process was killed half-way.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How the names of files begin that are being written.
pub(crate) const WRITING: &str = ".writing-";

/// Removes what nobody writes any more. Daemons may share a folder, so what is young stays.
pub(crate) fn sweep(folder: &Path) {
    let old = |metadata: fs::Metadata| {
        let at = metadata.modified().ok()?;
        Some(SystemTime::now().duration_since(at).ok()? > ABANDONED)
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let writing = entry.file_name().to_string_lossy().starts_with(WRITING);
        if !writing || entry.metadata().ok().and_then(old) != Some(true) {
            continue;
        }
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("\"{}\" stays although it is of no use: {error}", entry.path().display());
            }
            _ => {}
        }
    }
}

/// After how long without another write nobody writes a file any more.
const ABANDONED: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_being_written_long_ago_goes() {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, age) in [(".writing-old", 3600), (".writing-new", 1), ("old.wasm", 3600)] {
            let file = fs::File::create(dir.path().join(name)).expect("made");
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("aged");
        }
        sweep(dir.path());
        let left = |name: &str| dir.path().join(name).exists();
        assert_eq!([".writing-old", ".writing-new", "old.wasm"].map(left), [false, true, true]);
    }
}
