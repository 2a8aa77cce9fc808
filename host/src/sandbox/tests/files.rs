//! What guests see of granted folders by way of either version of WASI, also while others change what is there.

// It is said on stderr where a test is skipped.
#![allow(clippy::print_stderr)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, mkfifo};
use tempfile::TempDir;
use wire::message::outcome::{FailureKind, Outcome};
use wire::value::Value;

use super::Rig;
use super::capabilities::granted;
use super::guests::rig;

/// A guest with one folder, and how it names what is in that.
pub(super) struct Reader {
    pub(super) rig: Rig,
    pub(super) prefix: &'static str,
}

impl Reader {
    /// One for each version of WASI, with a folder of which this is granted.
    pub(super) fn both(folder: &Path, more: &str) -> [Self; 2] {
        let policy =
            granted(&format!("files = [{{ host = '{}', guest = '/data'{more} }}]", folder.display()));
        [("files", "/data/"), ("later", "")]
            .map(|(fixture, prefix)| Self { rig: rig(fixture, policy.clone()), prefix })
    }

    pub(super) async fn ask(&self, method: &str, path: &str) -> Outcome {
        self.rig.report(method, &format!("[\"{}{path}\"]", self.prefix)).await.outcome
    }

    /// What it is told where it is given nothing.
    pub(super) async fn refusal(&self, method: &str, path: &str) -> String {
        match self.ask(method, path).await {
            Outcome::Failed(failure) if failure.kind == FailureKind::Error => failure.message,
            other => panic!("{method} {path}: {other:?}"),
        }
    }
}

/// A folder that every user may go into.
pub(super) fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    allow(folder.path(), 0o755);
    folder
}

pub(super) fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Exchanges what has these names again and again while `act` is under way, and leaves it as it was.
async fn while_swapping(one: &Path, other: &Path, act: impl Future<Output = ()>) {
    let (one, other, over) = (one.to_owned(), other.to_owned(), Arc::new(AtomicBool::new(false)));
    let seen = over.clone();
    let swaps = std::thread::spawn(move || {
        let exchange = || renameat2(AT_FDCWD, &one, AT_FDCWD, &other, RenameFlags::RENAME_EXCHANGE).unwrap();
        while !seen.load(Ordering::Relaxed) {
            exchange();
            exchange();
        }
    });
    act.await;
    over.store(true, Ordering::Relaxed);
    swaps.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_does_not_tell_whether_there_is_what_is_hidden() {
    let folder = open_folder();
    let path = |name: &str| folder.path().join(name);
    for name in ["open", "secret"] {
        fs::create_dir(path(name)).unwrap();
    }
    for name in ["file", "secret/there"] {
        fs::write(path(name), "text").unwrap();
    }
    for (target, name) in [
        ("../secret/there", "open/there"),
        ("../secret/nothing", "open/nothing"),
        ("../file", "secret/link"),
        ("there", "secret/near"),
    ] {
        symlink(target, path(name)).unwrap();
    }
    allow(&path("secret"), 0o700);
    let hidden = ["open/there", "open/nothing", "secret/link", "secret/near", "secret/none"];
    for shown in [", public = true", ", only = ['open']"] {
        for reader in Reader::both(folder.path(), shown) {
            for method in ["size", "read"] {
                let mut told = Vec::new();
                for path in hidden {
                    told.push(reader.refusal(method, path).await);
                }
                let first = told[0].clone();
                assert!(first.contains("ermitted"), "{first}");
                assert!(told.iter().all(|other| *other == first), "{shown} {method}: {told:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_a_file_is_told_of_the_one_that_was_looked_at() {
    let folder = open_folder();
    let path = |name: &str| folder.path().join(name);
    for name in ["open", "hidden"] {
        fs::create_dir(path(name)).unwrap();
    }
    fs::write(path("open/file"), "x").unwrap();
    fs::write(path("hidden/file"), "x".repeat(1000)).unwrap();
    symlink("../hidden/file", path("open/link")).unwrap();
    allow(&path("hidden"), 0o700);
    for (shown, one, other) in
        [(", only = ['open']", "open/file", "open/link"), (", public = true", "open", "hidden")]
    {
        for reader in Reader::both(folder.path(), shown) {
            while_swapping(&path(one), &path(other), async {
                for _ in 0..500 {
                    if let Outcome::Ok(size) = reader.ask("size", "open/file").await {
                        assert_eq!(size, Some(Value::Unsigned(1)), "{shown}");
                    }
                }
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_link_leads_is_told_of_the_one_that_was_looked_at() {
    let folder = open_folder();
    let path = |name: &str| folder.path().join(name);
    for (name, target) in [("open", "shown"), ("hidden", "secret")] {
        fs::create_dir(path(name)).unwrap();
        symlink(target, path(name).join("link")).unwrap();
    }
    allow(&path("hidden"), 0o700);
    for reader in Reader::both(folder.path(), ", public = true") {
        while_swapping(&path("open"), &path("hidden"), async {
            for _ in 0..500 {
                if let Outcome::Ok(target) = reader.ask("target", "open/link").await {
                    assert_eq!(target, Some(Value::String("shown".into())));
                }
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_becomes_a_pipe_holds_nobody() {
    let folder = open_folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file"), "text").unwrap();
    mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
    for mode in ["", ", mode = 'rw'"] {
        for mut reader in Reader::both(folder.path(), mode) {
            reader.rig.timeout = Some(Duration::from_secs(20));
            let mut held = None;
            while_swapping(&path("file"), &path("pipe"), async {
                for _ in 0..500 {
                    if let Outcome::Failed(failure) = reader.ask("read", "file").await
                        && failure.kind != FailureKind::Error
                    {
                        held = Some(failure);
                        return;
                    }
                }
            })
            .await;
            // Lets go whoever waits for the other end.
            for name in ["file", "pipe"] {
                drop(fs::File::options().read(true).write(true).open(path(name)));
            }
            assert!(held.is_none(), "{held:?}");
        }
    }
}

#[test]
fn calls_of_0_3_take_few_threads_however_many_there_are_at_once() {
    let folder = open_folder();
    // Its depth makes each look last, so that many would be under way at once.
    let path = format!("{}file", "d/".repeat(300));
    let file = folder.path().join(&path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, "text").unwrap();
    let (alive, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (start, stop, peak) = (alive.clone(), alive, most.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        // A thread that is done is not idle at once, so that the next call may start another. Those that end as soon as
        // they are idle do not add up.
        .thread_keep_alive(Duration::from_millis(1))
        .on_thread_start(move || {
            peak.fetch_max(start.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        })
        .on_thread_stop(move || {
            stop.fetch_sub(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    let [_, reader] = Reader::both(folder.path(), ", mode = 'rw'");
    let answers = runtime.block_on(reader.rig.value("ask-at-once", &format!(r#"["{path}", 400]"#)));
    assert_eq!(answers, Some(Value::Unsigned(800)));
    let most = most.load(Ordering::Relaxed);
    assert!(most < 150, "{most} threads at once");
}

/// Names a folder to the test below, with a file system mounted there that nobody else sees.
const MOUNTED: &str = "MINION_TEST_MOUNTED";

#[tokio::test(flavor = "multi_thread")]
async fn what_decides_by_who_asks_is_not_public_whatever_its_permissions_say() {
    if let Some(folder) = std::env::var_os(MOUNTED) {
        return is_all_hidden(Path::new(&folder)).await;
    }
    if !Uid::effective().is_root() {
        eprintln!("skipped: only root may mount");
        return;
    }
    for kind in ["pstore", "sysfs", "securityfs", "debugfs", "tracefs", "bpf", "proc"] {
        let folder = open_folder();
        let here = "what_decides_by_who_asks_is_not_public_whatever_its_permissions_say";
        let script = "mount -t \"$1\" none \"$2\" || exit 77; chmod 755 \"$2\"; exec \"$3\" \"$4\"";
        let run = Command::new("unshare")
            .args(["--mount", "sh", "-c", script, "sh", kind])
            .arg(folder.path())
            .arg(std::env::current_exe().unwrap())
            .arg(here)
            .env(MOUNTED, folder.path())
            .output()
            .unwrap();
        if run.status.code() == Some(77) {
            eprintln!("skipped: this host has no {kind}");
            continue;
        }
        assert!(run.status.success(), "{kind}: {}", String::from_utf8_lossy(&run.stdout));
    }
}

/// Nothing at all is seen of what is mounted here, neither by way of the folder itself nor of the one above.
async fn is_all_hidden(folder: &Path) {
    let names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let name = folder.file_name().unwrap().to_str().unwrap();
    for (granted, within) in [(folder, "."), (folder.parent().unwrap(), name)] {
        for reader in Reader::both(granted, ", public = true") {
            let listed = reader.refusal("entries", within).await;
            assert!(listed.contains("ermitted"), "{listed}");
            for file in names.iter().take(20) {
                for method in ["size", "read"] {
                    let told = reader.refusal(method, &format!("{within}/{file}")).await;
                    assert!(told.contains("ermitted"), "{method} {file}: {told}");
                }
            }
        }
    }
}
