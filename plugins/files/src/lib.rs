//! The module `files`: the files and folders of the host. What each method does is said in `wit/files.wit`.
//!
//! Files are opened, read and written as those of WASI, in the folders that are granted. WASI knows neither modes nor owners
//! nor how full a disk is, so that for these the system's own programs are run.

mod difference;
mod edit;
mod permissions;
mod put;
mod reading;
mod search;
mod space;
mod template;
mod tree;

use failure::{Change, Error, Kind};
use host_files::{paths, status};

use exports::minion::files::files::{
    Algorithm, Difference, Entry, FileSystem, Guest, Search, Status, Usage, Written,
};
use permissions::Wish;
use put::{Content, put};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:files/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Files;

export!(Files);

impl Guest for Files {
    fn stat(path: String) -> Result<Status, Error> {
        let status::Status { path, kind, size, permissions, modified, names, target } =
            status::of(&paths::place(&path)?)?;
        Ok(Status { path, kind, size, permissions, modified, names, target })
    }

    fn list(path: String) -> Result<Vec<Entry>, Error> {
        search::list(&path)
    }

    fn read(path: String, offset: Option<u64>, length: Option<u64>) -> Result<String, Error> {
        reading::text(&path, offset, length)
    }

    fn read_bytes(path: String, offset: Option<u64>, length: Option<u64>) -> Result<Vec<u8>, Error> {
        reading::bytes(&path, offset, length)
    }

    fn tail(path: String, lines: Option<u32>) -> Result<Vec<String>, Error> {
        reading::tail(&path, lines)
    }

    fn checksum(path: String, algorithm: Option<Algorithm>) -> Result<String, Error> {
        reading::checksum(&path, algorithm.unwrap_or(Algorithm::Sha256))
    }

    fn find(folder: String, pattern: String, kind: Option<Kind>, most: Option<u32>) -> Result<Search, Error> {
        search::find(&folder, &pattern, kind, most)
    }

    fn disk_usage(path: String) -> Result<Usage, Error> {
        space::usage(&path)
    }

    fn file_systems(path: Option<String>) -> Result<Vec<FileSystem>, Error> {
        space::file_systems(path.as_deref())
    }

    fn diff(path: String, other: String) -> Result<Difference, Error> {
        difference::of_files(&path, &other)
    }

    fn diff_text(path: String, text: String) -> Result<Difference, Error> {
        difference::of_text(&path, &text)
    }

    fn write(
        path: String,
        content: String,
        mode: Option<String>,
        owner: Option<String>,
        backup: Option<bool>,
    ) -> Result<Written, Error> {
        put(&path, &Content::Bytes(content.as_bytes()), &Wish::new(mode, owner)?, backup.unwrap_or(false))
    }

    fn write_bytes(
        path: String,
        content: Vec<u8>,
        mode: Option<String>,
        owner: Option<String>,
        backup: Option<bool>,
    ) -> Result<Written, Error> {
        put(&path, &Content::Bytes(&content), &Wish::new(mode, owner)?, backup.unwrap_or(false))
    }

    fn template(
        path: String,
        template: String,
        mode: Option<String>,
        owner: Option<String>,
        backup: Option<bool>,
        values: Option<Vec<(String, String)>>,
    ) -> Result<Written, Error> {
        let wish = Wish::new(mode, owner)?;
        let text = template::render(&template, values.unwrap_or_default())?;
        put(&path, &Content::Bytes(text.as_bytes()), &wish, backup.unwrap_or(false))
    }

    fn ensure_line(
        path: String,
        line: String,
        matching: Option<String>,
        create: Option<bool>,
        backup: Option<bool>,
    ) -> Result<Written, Error> {
        let matching = matching.as_deref().map(edit::expression).transpose()?;
        edit::check_line(&line)?;
        edit::edit(&path, create.unwrap_or(false), backup.unwrap_or(false), |text| {
            edit::with_line(text, &line, matching.as_ref())
        })
    }

    fn replace(
        path: String,
        pattern: String,
        replacement: String,
        backup: Option<bool>,
    ) -> Result<Written, Error> {
        let pattern = edit::expression(&pattern)?;
        edit::edit(&path, false, backup.unwrap_or(false), |text| {
            pattern.replace_all(text, &replacement).into_owned()
        })
    }

    fn copy(source: String, path: String, backup: Option<bool>) -> Result<Written, Error> {
        tree::copy(&source, &path, backup.unwrap_or(false))
    }

    fn move_(source: String, path: String, overwrite: Option<bool>) -> Result<Change, Error> {
        tree::rename(&source, &path, overwrite.unwrap_or(false))
    }

    fn remove(path: String, with_content: Option<bool>) -> Result<Change, Error> {
        tree::remove(&path, with_content.unwrap_or(false))
    }

    fn mkdir(path: String, mode: Option<String>, owner: Option<String>) -> Result<Change, Error> {
        tree::mkdir(&path, &Wish::new(mode, owner)?)
    }

    fn link(path: String, target: String) -> Result<Change, Error> {
        tree::link(&path, &target)
    }

    fn chmod(path: String, mode: String) -> Result<Change, Error> {
        permissions::ensure(&path, &Wish::new(Some(mode), None)?)
    }

    fn chown(path: String, owner: String) -> Result<Change, Error> {
        permissions::ensure(&path, &Wish::new(None, Some(owner))?)
    }
}
