//! Folders that earlier formats left: each holds today what it was listed to hold when it was made.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::rig::{Folder, read_file, write_file};
use crate::{listing, sample};

/// The format that this version writes: the folders of it are the last ones that were made.
const CURRENT: u32 = 3;

/// A closed folder in one file: where each folder and file of it is, and what a file holds.
#[derive(Serialize, Deserialize)]
struct Archive(Vec<(String, Option<Vec<u8>>)>);

impl Archive {
    fn of(folder: &Path) -> Self {
        let mut archive = Self(Vec::new());
        archive.add(folder, "");
        archive.0.sort();
        archive
    }

    fn add(&mut self, folder: &Path, place: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let place = format!("{place}/{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                self.add(&path, &place);
                self.0.push((place, None));
            } else {
                self.0.push((place, Some(read_file(&path))));
            }
        }
    }

    fn unpack(self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        // A folder sorts before what is in it.
        for (place, bytes) in self.0 {
            let path = folder.join(place.trim_start_matches('/'));
            match bytes {
                Some(bytes) => write_file(&path, &bytes),
                None => fs::create_dir(path).unwrap(),
            }
        }
    }
}

/// Where something about the folders of a format is stored.
fn stored(format: u32, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/folders/format-{format}/{name}"))
}

fn copy_of(format: u32, side: &str) -> Folder {
    let (folder, archive) = (Folder::new(), fs::read(stored(format, side)).unwrap());
    postcard::from_bytes::<Archive>(&archive).unwrap().unpack(&folder.path());
    folder
}

fn listed(format: u32, side: &str) -> String {
    fs::read_to_string(stored(format, &format!("{side}.txt"))).unwrap()
}

fn store(side: &str, folder: &Folder, listing: &str) {
    let place = stored(CURRENT, side);
    assert!(!place.exists(), "it is there: {}", place.display());
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, postcard::to_stdvec(&Archive::of(&folder.path())).unwrap()).unwrap();
    fs::write(stored(CURRENT, &format!("{side}.txt")), listing).unwrap();
}

/// Opens the folders that each format left of one side, and compares what they hold with what they held.
async fn still_holds(side: &str, listing: impl AsyncFn(&Folder) -> String) {
    for format in 1..=CURRENT {
        let folder = copy_of(format, side);
        // The second opening finds what the first one made of it.
        for opening in ["first", "second"] {
            assert_eq!(listing(&folder).await, listed(format, side), "format {format}, {opening} opening");
        }
    }
}

#[tokio::test]
async fn the_ledger_of_an_overlord_of_every_format_still_holds_what_it_did() {
    still_holds("overlord", async |folder| listing::overlord(&folder.overlord()).await).await;
}

#[tokio::test]
async fn the_ledger_of_a_minion_of_every_format_still_holds_what_it_did() {
    still_holds("minion", async |folder| listing::minion(&folder.minion())).await;
}

/// Makes the folders of the current format, where there are none: see `folders/README.md`.
#[tokio::test]
#[ignore = "makes the folders that the other tests read"]
async fn make_the_folders_of_the_current_format() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    sample::overlord(&ledger).await;
    let listing = listing::overlord(&ledger).await;
    ledger.close().await;
    store("overlord", &folder, &listing);

    let folder = Folder::new();
    let ledger = folder.minion();
    sample::minion(&ledger).await;
    let listing = listing::minion(&ledger);
    ledger.close().await;
    store("minion", &folder, &listing);
}
