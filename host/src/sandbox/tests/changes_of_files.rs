//! What guests change in granted folders by way of either version of WASI, and what they must not.

// It is said on stderr where a test is skipped.
#![allow(clippy::print_stderr)]

use std::fs::{self, File};
use std::os::unix::fs::{lchown, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::sys::stat::Mode;
use nix::unistd::{Uid, mkfifo};
use wire::message::outcome::{FailureKind, Outcome};

use super::files::{Reader, allow, open_folder};

/// The user who owns nothing else.
const NOBODY: u32 = 65_534;

impl Reader {
    /// Whether something was done; a refusal is an error of the guest's, and nothing else may come of it.
    async fn does(&self, method: &str, arguments: &str) -> bool {
        match self.rig.report(method, arguments).await.outcome {
            Outcome::Ok(_) => true,
            Outcome::Failed(failure) if failure.kind == FailureKind::Error => false,
            other => panic!("{method} {arguments}: {other:?}"),
        }
    }

    async fn touches(&self, path: &str, follows: bool) -> bool {
        self.does("touch", &format!("[\"{}{path}\", {follows}]", self.prefix)).await
    }

    async fn renames(&self, from: &str, to: &str) -> bool {
        let prefix = self.prefix;
        self.does("rename", &format!("[\"{prefix}{from}\", \"{prefix}{to}\"]")).await
    }

    async fn writes(&self, path: &str) -> bool {
        let place = if self.prefix.is_empty() { ", 0" } else { "" };
        self.does("write", &format!("[\"{}{path}\", \"new\"{place}]", self.prefix)).await
    }
}

/// When something itself was last changed.
fn changed(path: &Path) -> SystemTime {
    fs::symlink_metadata(path).unwrap().modified().unwrap()
}

/// Has something as if it were changed an hour ago.
fn make_old(path: &Path) {
    File::open(path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_set_of_what_was_found_and_nobody_waits_for_a_pipe() {
    let folder = open_folder();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("folder")).unwrap();
    fs::write(path("file"), "text").unwrap();
    symlink("file", path("link")).unwrap();
    mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
    let recently = SystemTime::now() - Duration::from_secs(600);
    for mut reader in Reader::both(folder.path(), ", mode = 'rw'") {
        reader.rig.timeout = Some(Duration::from_secs(20));
        for follows in [true, false] {
            for name in ["file", "folder"] {
                make_old(&path(name));
                assert!(reader.touches(name, follows).await, "{name}");
                assert!(changed(&path(name)) > recently, "{name}");
            }
            assert!(!reader.touches("pipe", follows).await);
            assert!(!reader.touches("nothing", follows).await);
            assert!(!reader.touches("../file", follows).await);
        }
        make_old(&path("file"));
        assert!(reader.touches("link", false).await);
        assert!(changed(&path("file")) < recently, "the link was followed");
        assert!(reader.touches("link", true).await);
        assert!(changed(&path("file")) > recently);
    }
    make_old(&path("file"));
    for reader in Reader::both(folder.path(), "") {
        assert!(!reader.touches("file", true).await, "the grant is for reading");
    }
    assert!(changed(&path("file")) < recently);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_cannot_be_looked_at_is_not_moved_by_a_long_way_to_it() {
    let folder = open_folder();
    let path = |name: &str| folder.path().join(name);
    let deep = "d/".repeat(200);
    fs::create_dir_all(path(&deep)).unwrap();
    symlink("../x", path(&format!("{deep}link"))).unwrap();
    fs::create_dir(path("a")).unwrap();
    symlink("../x", path("a/link")).unwrap();
    for (place, reader) in Reader::both(folder.path(), ", mode = 'rw'").into_iter().enumerate() {
        for way in [format!("a{}link", "/".repeat(5000)), format!("{deep}{}link", "../d/".repeat(60))] {
            let to = format!("moved{place}");
            assert!(!reader.renames(&way, &to).await, "{} bytes", way.len());
            assert!(fs::symlink_metadata(path(&to)).is_err());
        }
        // What has nothing to do with links goes its way.
        fs::write(path("a/file"), "text").unwrap();
        assert!(reader.renames("a//file", "a/again").await);
        fs::remove_file(path("a/again")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_put_into_a_shared_folder_is_neither_followed_nor_written() {
    if !Uid::effective().is_root() {
        eprintln!("skipped: only root can make what others own");
        return;
    }
    let folder = open_folder();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("tmp")).unwrap();
    allow(&path("tmp"), 0o1777);
    for (name, owner) in [("theirs", NOBODY), ("ours", 0)] {
        symlink("../victim", path(&format!("tmp/link-{name}"))).unwrap();
        lchown(path(&format!("tmp/link-{name}")), Some(owner), Some(owner)).unwrap();
        fs::write(path(&format!("tmp/{name}")), "old").unwrap();
        allow(&path(&format!("tmp/{name}")), 0o666);
        lchown(path(&format!("tmp/{name}")), Some(owner), Some(owner)).unwrap();
    }
    fs::write(path("victim"), "old").unwrap();
    let text = |name: &str| fs::read_to_string(path(name)).unwrap();
    for reader in Reader::both(folder.path(), ", mode = 'rw'") {
        assert!(!reader.writes("tmp/link-theirs").await);
        reader.refusal("read", "tmp/link-theirs").await;
        assert!(!reader.writes("tmp/theirs").await);
        assert_eq!((text("victim"), text("tmp/theirs")), ("old".to_owned(), "old".to_owned()));
        assert!(matches!(reader.ask("read", "tmp/theirs").await, Outcome::Ok(_)), "it may be read");
        assert!(reader.writes("tmp/ours").await && reader.writes("tmp/link-ours").await);
        assert_eq!((text("victim"), text("tmp/ours")), ("new".to_owned(), "new".to_owned()));
        fs::write(path("victim"), "old").unwrap();
        fs::write(path("tmp/ours"), "old").unwrap();
    }
    // Where nobody else may put anything, whose it is decides nothing.
    allow(&path("tmp"), 0o755);
    for reader in Reader::both(folder.path(), ", mode = 'rw'") {
        assert!(reader.writes("tmp/theirs").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_levels_of_a_folder_are_those_above_it_whatever_its_path_says() {
    let folder = open_folder();
    let path = |name: &str| folder.path().join(name);
    for name in ["releases/deep/5/f", "releases/deep/5/g", "a", "x/y"] {
        fs::create_dir_all(path(name)).unwrap();
    }
    // Three levels by its letters, and four in truth.
    symlink("../releases/deep/5", path("a/latest")).unwrap();
    for reader in Reader::both(folder.path(), ", mode = 'rw'") {
        assert!(!reader.renames("a/latest/f", "x/y/f").await, "it came to lie further up");
        assert!(!reader.renames("releases/deep/5/f", "f").await);
        assert!(!reader.renames("releases/deep/5/f/..", "x/y/f").await);
        assert!(path("releases/deep/5/f").exists());
        // Beside itself, further down, and back by a link to where it was.
        assert!(reader.renames("a/latest/g", "releases/deep/5/h").await);
        assert!(reader.renames("releases/deep/5/h", "releases/deep/5/f/h").await);
        assert!(!reader.renames("releases/deep/5/f/h", "a/latest/g").await, "it is one level less");
        fs::rename(path("releases/deep/5/f/h"), path("releases/deep/5/g")).unwrap();
        assert!(!reader.renames("releases/deep/5/g", "nothing/g").await);
    }
    for reader in Reader::both(folder.path(), ", mode = 'rw', symlinks = true") {
        assert!(reader.renames("a/latest/f", "f").await);
        assert!(reader.renames("f", "releases/deep/5/f").await);
    }
}
