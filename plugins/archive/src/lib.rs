//! The module `archive`: archives on the host. What each method does is said in `wit/archive.wit`.
//!
//! An archive is read twice when it is unpacked: once to see that nothing in it is to be refused, and only then to write it.

mod budget;
mod entry;
mod format;
mod modes;
mod names;
mod pack;
mod plan;
mod tarball;
mod unpack;
mod zipped;
mod zstd;

use failure::{Error, time};

use exports::minion::archive::archive::{
    Entry, EntryKind, Format, Guest, Listing, Packed, UnpackOptions, Unpacked,
};

use crate::entry::{Found, What};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:archive/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Archive;

export!(Archive);

/// The most entries of an answer.
const MOST_SHOWN: u32 = 10_000;
/// The most bytes that anybody may wish to unpack.
const MOST_BYTES: u64 = 1 << 40;

impl Guest for Archive {
    fn list(path: String, most: Option<u32>) -> Result<Listing, Error> {
        let most = most.unwrap_or(1000).min(MOST_SHOWN) as usize;
        let (mut entries, mut count, mut total_bytes) = (Vec::new(), 0, 0);
        let format = format::each(&path, MOST_BYTES, &mut |found, _| {
            count += 1;
            total_bytes += found.size;
            if entries.len() < most {
                entries.push(shown(found));
            }
            Ok(())
        })?;
        Ok(Listing { entries, count, total_bytes, format })
    }

    fn unpack(path: String, folder: String, options: Option<UnpackOptions>) -> Result<Unpacked, Error> {
        let UnpackOptions { strip, most_bytes } =
            options.unwrap_or(UnpackOptions { strip: None, most_bytes: None });
        let most = most_bytes.unwrap_or(1 << 30);
        if most > MOST_BYTES {
            return Err(Error::Invalid(format!("`most-bytes`: ask for {MOST_BYTES} at most")));
        }
        unpack::unpack(&path, &folder, strip.unwrap_or(0), most)
    }

    fn pack(folder: String, path: String, format: Option<Format>) -> Result<Packed, Error> {
        pack::pack(&folder, &path, format)
    }
}

fn shown(found: Found) -> Entry {
    let Found { name, what, size, mode, modified } = found;
    let (kind, target) = match what {
        What::File => (EntryKind::File, None),
        What::Folder => (EntryKind::Folder, None),
        What::Link(target) => (EntryKind::Link, Some(target)),
        What::HardLink(target) => (EntryKind::HardLink, Some(target)),
        What::Other => (EntryKind::Other, None),
    };
    let mode = format!("{:04o}", mode & 0o7777);
    Entry { path: name, kind, size, mode, modified: modified.map(time), target }
}
