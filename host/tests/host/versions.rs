//! Versions of a module, and how tests bring them to a minion and see what became of them.

use std::path::PathBuf;
use std::time::Duration;

use minion_host::{Config, Minion};
use quinn::Connection;
use wire::digest::Digest;
use wire::message::link::{MAX_MESSAGE, MinionRequest, ModuleAnswer, ModuleCommand, Stage, Staging};
use wire::message::module::{Module, ModuleState};
use wire::name::ModuleName;
use wire::signing::SigningKey;
use wire::transport::frame;

use crate::rig::Overlord;

/// A component whose `version` says which it is, and whose `trap` breaks.
pub(crate) fn component(number: u32, version: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m
                (func (export "version") (result i32) i32.const {number})
                (func (export "trap") unreachable))
            (core instance $i (instantiate $m))
            (func (export "version") (result u32) (canon lift (core func $i "version")))
            (func (export "trap") (canon lift (core func $i "trap")))
            (@custom "version" "{version}"))"#
    );
    wat::parse_str(text).unwrap()
}

/// The same component with so many bytes of padding.
pub(crate) fn padded(mut bytes: Vec<u8>, padding: usize) -> Vec<u8> {
    let section = [&[3][..], b"pad", &vec![0; padding]].concat();
    bytes.push(0);
    let mut left = section.len();
    while left > 0x7f {
        bytes.push(0x80 | (left & 0x7f) as u8);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes.extend(section);
    bytes
}

pub(crate) fn name() -> ModuleName {
    "which".parse().unwrap()
}

pub(crate) fn stage(bytes: &[u8]) -> Stage {
    Stage {
        name: name(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        signature: None,
        downgrade: false,
    }
}

/// Stages a version, sends what the minion asks for, and gives back from where it wanted it and the end.
pub(crate) async fn staged(connection: &Connection, stage: Stage, bytes: &[u8]) -> (Option<u64>, Staging) {
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    frame::write(&mut send, &asked(ModuleCommand::Stage(Box::new(stage))), MAX_MESSAGE).await.unwrap();
    let mut wanted = None;
    loop {
        match frame::read(&mut recv, MAX_MESSAGE).await.unwrap() {
            Staging::Send { from } => {
                wanted = Some(from);
                // It may refuse the rest half-way, and then the answer says why.
                let _ = send.write_all(&bytes[from as usize..]).await;
                let _ = send.finish();
            }
            Staging::State(_) => {}
            last => return (wanted, last),
        }
    }
}

pub(crate) async fn ready(connection: &Connection, bytes: &[u8]) -> Module {
    match staged(connection, stage(bytes), bytes).await.1 {
        Staging::Staged(module) => *module,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn refused(last: Staging) -> String {
    match last {
        Staging::Refused(reason) => reason,
        other => panic!("{other:?}"),
    }
}

/// A change of the modules on the word of somebody.
pub(crate) fn asked(command: ModuleCommand) -> MinionRequest {
    MinionRequest::Modules { operator: "ann".parse().unwrap(), command, mandate: None }
}

pub(crate) async fn ask(connection: &Connection, command: ModuleCommand) -> ModuleAnswer {
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    frame::write(&mut send, &asked(command), MAX_MESSAGE).await.unwrap();
    frame::read(&mut recv, MAX_MESSAGE).await.unwrap()
}

pub(crate) async fn activate(connection: &Connection, bytes: &[u8]) -> ModuleAnswer {
    ask(connection, ModuleCommand::Activate { name: name(), digest: Digest::of(bytes) }).await
}

pub(crate) async fn change(
    connection: &Connection,
    command: ModuleCommand,
) -> (Option<Digest>, Option<Digest>) {
    match ask(connection, command).await {
        ModuleAnswer::Done { before, now, .. } => (before, now),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn listed(minion: &Minion) -> Option<Module> {
    minion.modules().list().into_iter().find(|module| module.name == name())
}

pub(crate) fn states(minion: &Minion) -> Vec<(Digest, ModuleState)> {
    let versions = listed(minion).map(|module| module.versions).unwrap_or_default();
    versions.into_iter().map(|version| (version.digest, version.state)).collect()
}

/// Waits until the modules are as they should be.
pub(crate) async fn until(minion: &Minion, fits: impl Fn(&Minion) -> bool) {
    let mut changes = minion.modules().changes();
    let wait = async {
        while !fits(minion) {
            changes.changed().await.unwrap();
        }
    };
    if tokio::time::timeout(Duration::from_secs(60), wait).await.is_err() {
        panic!("it never came to that: {:#?}", listed(minion));
    }
}

pub(crate) fn serves(bytes: &[u8]) -> impl Fn(&Minion) -> bool {
    let digest = Digest::of(bytes);
    move |minion| {
        listed(minion).is_some_and(|module| module.digest == digest && module.state == ModuleState::Active)
    }
}

pub(crate) fn file(overlord: &Overlord) -> PathBuf {
    overlord.folder.modules().join("which.wasm")
}

/// How a version is staged that this key signed.
pub(crate) fn signed(key: &SigningKey, bytes: &[u8]) -> Stage {
    let claim = minion_host::sandbox::claim(name(), bytes).unwrap();
    Stage { signature: Some(key.sign(claim).unwrap().to_string()), ..stage(bytes) }
}

/// The policy that takes only what this key signed.
pub(crate) fn require(key: &SigningKey) -> String {
    format!("[signatures]\npolicy = \"require\"\ntrusted = [\"{}\"]\n", key.public_key())
}

/// Stages a version that is signed and puts it into service.
pub(crate) async fn activate_signed(connection: &Connection, key: &SigningKey, bytes: &[u8]) {
    let (_, last) = staged(connection, signed(key, bytes), bytes).await;
    assert!(matches!(last, Staging::Staged(_)), "{last:?}");
    let answer = activate(connection, bytes).await;
    assert!(matches!(answer, ModuleAnswer::Done { .. }), "{answer:?}");
}

/// Has a configuration read again.
pub(crate) async fn reload(overlord: &Overlord, minion: &Minion, config: &str) -> Vec<String> {
    std::fs::write(overlord.folder.config(), config).unwrap();
    minion.reload(Config::load(&overlord.folder.config()).unwrap()).await
}

/// The file of a version that is kept.
pub(crate) fn kept(overlord: &Overlord, bytes: &[u8]) -> PathBuf {
    overlord.folder.versions().join("which").join(format!("{}.wasm", Digest::of(bytes)))
}

/// What was done to the module, as the audit log has it: what, on whose word, and to which version.
pub(crate) fn audited(overlord: &Overlord) -> Vec<(String, String, Option<Digest>)> {
    let audit = std::fs::read_to_string(overlord.folder.audit()).unwrap();
    let entries = audit.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let changes = entries.filter(|entry| entry["event"] == "module" && entry["module"] == "which");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let change = |entry: serde_json::Value| {
        let digest = entry["digest"].as_str().map(|digest| digest.parse().unwrap());
        (text(&entry["change"]), text(&entry["by"]), digest)
    };
    changes.map(change).collect()
}

/// What such an entry is.
pub(crate) fn entry(what: &str, by: &str, bytes: &[u8]) -> (String, String, Option<Digest>) {
    (what.to_owned(), by.to_owned(), Some(Digest::of(bytes)))
}

/// A small file system in the place of a folder.
pub(crate) struct Tmpfs(PathBuf);

impl Tmpfs {
    pub(crate) fn mount(path: &std::path::Path, options: &str) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).output().ok()?;
        mounted.status.success().then(|| Self(path.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily, as the minion may still have files there; it only fails where it is gone.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
