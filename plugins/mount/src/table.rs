//! What is mounted now, as `findmnt` tells.

use failure::{Error, read};
use serde::Deserialize;

use crate::exports::minion::mount::mount::Mounted;

/// What the kernel sets for a place and not for a file system, and what it is without it: these can be set anew.
const FLAGS: [(&str, &str); 6] = [
    ("ro", "rw"),
    ("nosuid", "suid"),
    ("nodev", "dev"),
    ("noexec", "exec"),
    ("noatime", "atime"),
    ("nodiratime", "diratime"),
];

/// What `findmnt --json` prints.
#[derive(Deserialize)]
struct Told {
    filesystems: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    target: String,
    source: Option<String>,
    fstype: Option<String>,
    options: Option<String>,
}

/// What is mounted. The policy that the module suggests has the same words.
pub(crate) fn mounted() -> Result<Vec<Mounted>, Error> {
    let output = read(&["findmnt", "--json", "--list", "--output=TARGET,SOURCE,FSTYPE,OPTIONS"])?;
    let told: Told = serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Other(format!("`findmnt` said what cannot be read: {error}")))?;
    let shown = |line: Line| Mounted {
        path: line.target,
        source: line.source.unwrap_or_default(),
        kind: line.fstype.unwrap_or_default(),
        options: line.options.iter().flat_map(|all| all.split(',')).map(str::to_owned).collect(),
    };
    Ok(told.filesystems.into_iter().map(shown).collect())
}

/// Whether what is wanted is what is mounted. A label or a number is the device that has it, a file that of its loop, and a folder
/// that is to be seen in a second place is a part of what is mounted where it is.
pub(crate) fn is_same(wanted: &str, is_bound: bool, there: &Mounted, all: &[Mounted]) -> Result<bool, Error> {
    let source = there.source.as_str();
    if wanted == source {
        return Ok(true);
    }
    if is_bound {
        return Ok(bound(wanted, all).as_deref() == Some(source));
    }
    let bare = source.split('[').next().unwrap_or(source);
    if let Some((tag, _)) = wanted.split_once('=').filter(|(tag, _)| TAGS.contains(tag)) {
        return match printed(&["blkid", "-l", "-o", "device", "-t", wanted])? {
            device if device.is_empty() => {
                Err(Error::NotFound(format!("no device of this host has this {tag}: {wanted}")))
            }
            device => Ok(device == bare),
        };
    }
    if wanted.starts_with('/') && bare.starts_with("/dev/loop") && !wanted.starts_with("/dev/") {
        let file = format!("--associated={wanted}");
        let devices = printed(&["losetup", "--noheadings", "--output=NAME", &file])?;
        return Ok(devices.lines().any(|device| device.trim() == bare));
    }
    if wanted.starts_with("/dev/") && bare.starts_with("/dev/") {
        // Names in `/dev/disk` and `/dev/mapper` lead to others.
        return Ok(wanted == bare
            || printed(&["readlink", "-f", "--", wanted])? == printed(&["readlink", "-f", "--", bare])?);
    }
    Ok(wanted == bare)
}

/// What devices can be called by.
const TAGS: [&str; 4] = ["UUID", "LABEL", "PARTUUID", "PARTLABEL"];

fn printed(argv: &[&str]) -> Result<String, Error> {
    Ok(failure::run(argv)?.stdout_text().trim().to_owned())
}

/// How `findmnt` names the source where a folder is seen in a second place: what is mounted above it, with the path in that.
fn bound(folder: &str, all: &[Mounted]) -> Option<String> {
    let above = |one: &&Mounted| {
        let rest = folder.strip_prefix(one.path.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // The last of those in one place covers the others.
    let above = all.iter().filter(above).max_by_key(|one| one.path.len())?;
    let (source, root) = match above.source.split_once('[') {
        Some((source, root)) => (source, root.trim_end_matches(']').trim_end_matches('/')),
        None => (above.source.as_str(), ""),
    };
    let rest = folder[above.path.trim_end_matches('/').len()..].trim_end_matches('/');
    let path = format!("{root}{rest}");
    Some(if path.is_empty() { source.to_owned() } else { format!("{source}[{path}]") })
}

/// Whether the kernel tells of a kind by this name.
pub(crate) fn is_told(kind: &str) -> bool {
    !matches!(kind, "auto" | "none" | "nfs" | "bind" | "fuse") && !kind.starts_with("fuse.")
}

/// The flags of these options that can be set in a place, in the order that counts: what comes last.
pub(crate) fn flags(options: &[String]) -> Vec<&str> {
    let known = |option: &&str| FLAGS.iter().any(|(flag, without)| [flag, without].contains(&option));
    options.iter().map(String::as_str).filter(known).collect()
}

/// Whether a flag holds for what is mounted.
pub(crate) fn holds(there: &Mounted, flag: &str) -> bool {
    let has = |flag: &str| there.options.iter().any(|option| option == flag);
    match FLAGS.iter().find(|(_, without)| *without == flag) {
        Some((with, _)) => !has(with),
        None => has(flag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(path: &str, source: &str) -> Mounted {
        Mounted { path: path.into(), source: source.into(), kind: "ext4".into(), options: Vec::new() }
    }

    #[test]
    fn a_folder_in_a_second_place_is_known_by_where_it_is() {
        let all = [
            mounted("/", "overlay"),
            mounted("/srv", "/dev/vdb"),
            mounted("/srv", "/dev/vdc"),
            mounted("/home", "/dev/vda[/@home]"),
        ];
        for (folder, source) in [
            ("/etc", "overlay[/etc]"),
            ("/srv/a/b", "/dev/vdc[/a/b]"),
            ("/srv", "/dev/vdc"),
            ("/srvs", "overlay[/srvs]"),
            ("/home/ann", "/dev/vda[/@home/ann]"),
        ] {
            assert_eq!(bound(folder, &all).as_deref(), Some(source), "{folder}");
            assert_eq!(is_same(folder, true, &mounted("/mnt", source), &all), Ok(true));
            assert_eq!(is_same(folder, true, &mounted("/mnt", "tmpfs"), &all), Ok(false));
        }
    }
}
