//! What is made beside a path before it takes the place of what is there, in a folder that is granted for writing. Where only one
//! file of a folder may be written, [`texts::replace`](crate::texts::replace) does it by programs.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};

use failure::Error;

use crate::errors::of_io;
use crate::paths;

/// What is not yet where it belongs, and goes when it never gets there.
pub struct Temporary {
    /// Where it is meanwhile.
    pub path: String,
    /// Whether it is there.
    pub is_made: bool,
}

impl Temporary {
    /// A name in the folder of a path that nothing has.
    ///
    /// # Errors
    /// Where the path is `/`.
    pub fn beside(path: &str) -> Result<Self, Error> {
        let Some((folder, name)) = paths::split(path) else {
            return Err(Error::Invalid("\"/\" is a folder, and no file".to_owned()));
        };
        let name: String = name.chars().take(40).collect();
        let random = RandomState::new().hash_one(path);
        Ok(Self { path: paths::join(folder, &format!(".{name}.{random:016x}")), is_made: false })
    }

    /// The name in the folder of a path that a part of what has this checksum has.
    ///
    /// # Errors
    /// Where the path is `/`.
    pub fn part(path: &str, sum: &str) -> Result<Self, Error> {
        let Some((folder, name)) = paths::split(path) else {
            return Err(Error::Invalid("\"/\" is a folder, and no file".to_owned()));
        };
        let (name, sum): (String, String) = (name.chars().take(40).collect(), sum.chars().take(16).collect());
        Ok(Self { path: paths::join(folder, &format!(".{name}.{sum}.part")), is_made: false })
    }

    /// Puts it in the place of what is at a path.
    ///
    /// # Errors
    /// Where that cannot be replaced.
    pub fn move_to(mut self, path: &str) -> Result<(), Error> {
        fs::rename(&self.path, path).map_err(|error| of_io(&error, "write", path))?;
        self.is_made = false;
        Ok(())
    }

    /// Puts it in the place of what is at a path, and has the disk keep that.
    ///
    /// # Errors
    /// Where that cannot be replaced.
    pub fn put(self, path: &str) -> Result<(), Error> {
        self.move_to(path)?;
        // Not every file system can do that with a folder.
        if let Some((folder, _)) = paths::split(path) {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.is_made {
            // Where even that fails there is nobody to tell who could do more.
            let _ = fs::remove_file(&self.path);
        }
    }
}
