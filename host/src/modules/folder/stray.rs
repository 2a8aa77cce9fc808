//! What lies in the modules folder as if it were a module, and cannot be loaded for what it is called or what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use machine::clock::now_ms;
use wire::digest::Digest;
use wire::document::text::counted;
use wire::message::module::{Module, ModuleState, ModuleVersion};
use wire::name::ModuleName;
use wire::value::method::Methods;

use super::file_name::{ENDING, module_name};

/// The strays of a folder, as they were found last.
#[derive(Clone, Debug, Default)]
pub(super) struct Strays {
    found: Found,
    /// Since when it is these, in milliseconds since 1970.
    since: u64,
}

/// What a look into the folder finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::modules) struct Found {
    /// The first few, by the names of their files.
    shown: BTreeMap<String, Stray>,
    /// How many there are besides.
    more: usize,
}

/// Why something is not loaded that may be meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stray {
    /// Its stem is no name for a module.
    Named,
    /// Its ending is written in other letters.
    Ending,
    /// It is a folder that is called like a module's file.
    Folder,
    /// It is a folder in which there are files of modules.
    Shelf,
    /// It is a pipe, a socket or a device.
    NoFile,
}

impl Found {
    /// Looks into a folder. Files that are being written or were put aside have names of their own, by common habit,
    /// and are nobody's modules yet.
    pub(super) fn look(folder: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(file) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
                continue;
            };
            if let Some(stray) = Stray::of(&path, &file) {
                found.shown.insert(file, stray);
            }
            if found.shown.len() > SHOWN {
                found.shown.pop_last();
                found.more += 1;
            }
        }
        Ok(found)
    }

    /// The names of the files that are shown.
    pub(in crate::modules) fn files(&self) -> impl Iterator<Item = &str> {
        self.shown.keys().map(String::as_str)
    }
}

impl Strays {
    /// Takes note of what is there now, says in the log what is new of it, and tells whether anything is different.
    pub(super) fn note(&mut self, found: Found) -> bool {
        if self.found == found {
            return false;
        }
        for (file, stray) in &found.shown {
            if self.found.shown.get(file) != Some(stray) {
                let reason = stray.reason(file, &suggestion(file));
                tracing::warn!(file, reason, "something in the modules folder is not loaded");
            }
        }
        (self.found, self.since) = (found, now_ms());
        true
    }

    /// A row for each, under a name that no module has.
    pub(super) fn rows(&self, is_taken: impl Fn(&ModuleName) -> bool) -> Vec<Module> {
        let mut given = BTreeSet::new();
        let last = self.found.shown.keys().next_back();
        let rows = self.found.shown.iter().filter_map(|(file, stray)| {
            let name = free(&suggestion(file), |name| is_taken(name) || given.contains(name))?;
            given.insert(name.clone());
            let mut reason = stray.reason(file, name.as_str());
            if self.found.more > 0 && Some(file) == last {
                let more = counted(self.found.more, "more file");
                reason.push_str(&format!("; {more} of the folder cannot be loaded either"));
            }
            Some(self.row(name, reason))
        });
        rows.collect()
    }

    fn row(&self, name: ModuleName, reason: String) -> Module {
        let (digest, state) = (Digest::of(&[]), ModuleState::Failed(reason));
        let version =
            ModuleVersion { digest, version: None, state: state.clone(), since: self.since, signer: None };
        Module {
            name,
            version: None,
            digest,
            description: None,
            state,
            methods: Methods::default(),
            imports: Vec::new(),
            versions: vec![version],
        }
    }
}

impl Stray {
    /// What something in the folder is, where it looks like a module and is none.
    fn of(path: &Path, file: &str) -> Option<Self> {
        if file.starts_with('.') || is_on_its_way(file) {
            return None;
        }
        // What cannot be looked at is gone by now, or leads nowhere.
        let metadata = fs::metadata(path).ok()?;
        let looks_like_one = stem(file).is_some();
        if metadata.is_dir() {
            return match looks_like_one {
                true => Some(Self::Folder),
                false => is_shelf(path).then_some(Self::Shelf),
            };
        }
        match (looks_like_one, module_name(path)) {
            (false, _) => None,
            (true, Some(_)) => (!metadata.is_file()).then_some(Self::NoFile),
            (true, None) if path.extension().is_some_and(|ending| ending == ENDING) => Some(Self::Named),
            (true, None) => Some(Self::Ending),
        }
    }

    /// Why it is not loaded, and what to do; reads on from the module's name.
    fn reason(self, file: &str, name: &str) -> String {
        let renamed = format!("rename it, for example to \"{name}.{ENDING}\"");
        match self {
            Self::Named => format!(
                "is not loaded: the name of its file \"{file}\" before \".{ENDING}\" is no module name, which has 1 to 64 \
                 letters, digits, \"-\" or \"_\": {renamed}"
            ),
            Self::Ending => {
                format!(
                    "is not loaded: its file \"{file}\" must end in \".{ENDING}\" in small letters: {renamed}"
                )
            }
            Self::Folder => format!(
                "is not loaded: \"{file}\" is a folder: put the component itself into the modules folder, as \
                 \"{name}.{ENDING}\""
            ),
            Self::Shelf => format!(
                "is not loaded: \"{file}\" is a folder with modules, and folders within the modules folder are not \
                 looked into: move its files up"
            ),
            Self::NoFile => format!("is not loaded: \"{file}\" is neither a file nor a link to one"),
        }
    }
}

/// What is before the ending of a module's file, whatever letters that is written in.
fn stem(file: &str) -> Option<&str> {
    let (stem, ending) = file.rsplit_once('.')?;
    ending.eq_ignore_ascii_case(ENDING).then_some(stem)
}

/// Whether a file is called as programs call what they have not written to its end, or have put aside.
fn is_on_its_way(file: &str) -> bool {
    let mut parts = stem(file).unwrap_or_default().split('.');
    let aside = |part: &str| ASIDE.iter().any(|word| part.eq_ignore_ascii_case(word)) || part.ends_with('~');
    parts.any(aside)
}

/// Whether there are files of modules in a folder, among the first that it has.
fn is_shelf(folder: &Path) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().take(LOOKED_AT).flatten();
    files.into_iter().any(|entry| module_name(&entry.path()).is_some())
}

/// A module's name that is like the one of a file.
fn suggestion(file: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '-' };
    let name: String = stem(file).unwrap_or(file).chars().map(fit).take(LONGEST).collect();
    match name.trim_matches('-') {
        "" => "module".to_owned(),
        name => name.to_owned(),
    }
}

/// That name, or one like it, which nobody has.
fn free(name: &str, is_taken: impl Fn(&ModuleName) -> bool) -> Option<ModuleName> {
    let numbered = (2..=2 * SHOWN).map(|number| format!("{name}-{number}"));
    let names = std::iter::once(name.to_owned()).chain(numbered);
    names.filter_map(|name| name.parse().ok()).find(|name| !is_taken(name))
}

/// How many are shown, each in a row of its own.
const SHOWN: usize = 10;
/// How many files of a folder within the folder are looked at.
const LOOKED_AT: usize = 100;
/// How long a name that is made here may be, so that a number fits behind it.
const LONGEST: usize = 60;
/// What names of files have in them that are on their way or aside.
const ASIDE: [&str; 9] =
    ["tmp", "temp", "part", "partial", "filepart", "download", "crdownload", "writing", "bak"];

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(state: ModuleState) -> String {
        let ModuleState::Failed(reason) = state else { panic!("{state:?}") };
        reason
    }

    fn rows(folder: &Path) -> Vec<(String, String)> {
        let mut strays = Strays::default();
        strays.note(Found::look(folder).expect("read"));
        let rows = strays.rows(|name| name.as_str() == "x").into_iter();
        rows.map(|row| (row.name.to_string(), reason(row.state))).collect()
    }

    #[test]
    fn what_looks_like_a_module_and_is_not_loaded_is_shown_with_a_name_that_it_can_have() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = |name: &str| fs::write(dir.path().join(name), b"").expect("written");
        ["x.wasm", "x.component.wasm", "my disk.wasm", "X.WASM", "x.wAsM", "grüße.wasm", "a.wasm.sig"]
            .into_iter()
            .for_each(file);
        ["x.wat", "notes.txt", ".hidden.wasm", "y.tmp.wasm", "y.wasm.part", "y.wasm~", "y.part.wasm"]
            .into_iter()
            .for_each(file);
        fs::create_dir(dir.path().join("folder.wasm")).expect("made");
        fs::create_dir(dir.path().join("lost+found")).expect("made");
        fs::create_dir(dir.path().join("web")).expect("made");
        fs::write(dir.path().join("web/a.wasm"), b"").expect("written");
        let rows = rows(dir.path());
        let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["X", "folder", "gr--e", "my-disk", "web", "x-component", "x-2"]);
        assert!(rows[5].1.ends_with("rename it, for example to \"x-component.wasm\""), "{rows:?}");
        assert!(rows[0].1.contains("small letters") && rows[1].1.contains("is a folder"), "{rows:?}");
    }

    #[test]
    fn very_many_are_counted_and_every_name_is_one() {
        let dir = tempfile::tempdir().expect("a folder");
        for number in 0..50 {
            fs::write(dir.path().join(format!("{} {number}.wasm", "ü".repeat(100))), b"").expect("written");
        }
        fs::write(dir.path().join("\u{1b}[2J \u{202e}.wasm"), b"").expect("written");
        let rows = rows(dir.path());
        assert_eq!(rows.len(), SHOWN);
        assert!(
            rows[SHOWN - 1].1.ends_with("; 41 more files of the folder cannot be loaded either"),
            "{rows:?}"
        );
    }
}
