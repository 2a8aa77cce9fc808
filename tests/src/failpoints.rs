//! What a test does to a daemon from outside, by the files that it looks for.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use machine::failpoint::{CLOCK_FILE, IDLE_FILE, KILL_FILE, Point};

/// The folder in which one daemon looks. See [`machine::failpoint`].
pub struct Failpoints(PathBuf);

impl Failpoints {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Lets it die where it comes to this point next.
    pub fn arm(&self, point: Point) {
        self.say(KILL_FILE, point.name());
    }

    /// Lets its next life pass all points.
    ///
    /// # Panics
    /// Where the order cannot be taken back.
    pub fn disarm(&self) {
        match fs::remove_file(self.0.join(KILL_FILE)) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("cannot disarm: {error}"),
            _ => {}
        }
    }

    /// Sets its wall clock this many milliseconds ahead of the true one, or back.
    pub fn set_clock(&self, offset_ms: i64) {
        self.say(CLOCK_FILE, &offset_ms.to_string());
    }

    /// Lets the connections of its next life be given up after this many milliseconds of silence.
    pub fn set_idle(&self, timeout_ms: u32) {
        self.say(IDLE_FILE, &timeout_ms.to_string());
    }

    /// Says it at once and as a whole, for a daemon may be reading.
    fn say(&self, file: &str, text: &str) {
        let draft = self.0.join(format!("{file}.new"));
        let said = fs::create_dir_all(&self.0)
            .and_then(|()| fs::write(&draft, text))
            .and_then(|()| fs::rename(&draft, self.0.join(file)));
        said.unwrap_or_else(|error| panic!("cannot write \"{}\": {error}", draft.display()));
    }
}
