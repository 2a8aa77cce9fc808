//! Whose modules a minion takes, and that nothing else gets in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rig::{Fleet, Said, binary, until};
use serde_json::Value;

/// Modules and keys of an author, and a minion that is to load them.
struct Workshop {
    fleet: Fleet,
    folder: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("wit")).expect("made");
        let wit = "package acme:count@1.0.0;\nworld module { export add: func(a: u32, b: u32) -> u32; }\n";
        fs::write(folder.path().join("wit/count.wit"), wit).expect("written");
        fs::write(folder.path().join("core.wasm"), ADD).expect("written");
        let mut fleet = Fleet::without_minions();
        fleet.enrol("web1");
        Self { fleet, folder }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Makes a signing key. Gives its public half.
    fn key(&self, file: &str) -> String {
        let made = self.fleet.run(&["key", "new", self.path(file).to_str().expect("UTF-8")]);
        assert_eq!(made.code, 0, "{made:?}");
        made.out.trim().to_owned()
    }

    /// Packs the module under a name and in a version, signed with a key if one is named.
    fn pack(&self, name: &str, version: &str, key: Option<&str>) -> Said {
        let mut command = Command::new(binary("minion"));
        command.arg("pack").arg(self.path("core.wasm")).arg("--wit").arg(self.path("wit"));
        command.arg("-o").arg(self.module(name)).args(["--module-version", version, "--licenses", "MIT"]);
        command.args(key.map(|key| format!("--sign={}", self.path(key).display())));
        fs::create_dir_all(self.path("modules")).expect("made");
        let packed = run(&mut command);
        assert_eq!(packed.code, 0, "{packed:?}");
        packed
    }

    fn module(&self, name: &str) -> PathBuf {
        self.path("modules").join(format!("{name}.wasm"))
    }

    fn signature(&self, name: &str) -> PathBuf {
        self.path("modules").join(format!("{name}.wasm.sig"))
    }

    fn policy(&self, policy: &str) {
        fs::write(self.fleet.minion_dir("web1").join("minion.toml"), policy).expect("written");
    }

    /// Starts the minion and waits until it has told the overlord of its modules.
    fn start(&mut self, nth: usize) {
        self.fleet.start_minion_with("web1", &self.folder.path().join("modules"));
        self.fleet.await_connection("web1", nth);
    }

    /// Lets the minion read its policy again, and waits until it has.
    fn reload(&self, policy: &str, told: &str) {
        self.policy(policy);
        self.fleet.minion("web1").reload();
        self.fleet.minion("web1").logged(told, 1);
    }

    fn minion(&self, words: &[&str]) -> Said {
        run(self.fleet.minion_command("web1").args(words))
    }

    /// What the minion says of a module.
    fn listed(&self, name: &str) -> Value {
        let said = self.minion(&["modules", name, "--json"]);
        said.json()["modules"][0].clone()
    }

    /// Waits until the overlord knows that a module is in this state.
    fn await_state(&self, name: &str, state: &str) {
        until(|| {
            let listed = self.fleet.run(&["module", "list", "--json"]).json();
            let modules =
                rig::named(&listed["minions"], "web1")["modules"].as_array().cloned().unwrap_or_default();
            let is_it = modules.iter().any(|module| module["name"] == name && module["state"] == state);
            if is_it { Ok(()) } else { Err(format!("\"{name}\" is not {state}: {listed:#}")) }
        });
    }

    fn serves(&self, name: &str) {
        self.await_state(name, "active");
        let said = self.fleet.run(&["call", "web1", "--json", &format!("{name}.add"), "2", "3"]);
        assert_eq!(said.json()["results"]["web1"]["value"], 5, "{said:?}");
    }

    /// That a module is not in service, for a reason with these words, by every account.
    fn refuses(&self, name: &str, words: &[&str]) {
        self.await_state(name, "failed");
        let listed = self.listed(name);
        assert_eq!(listed["state"], "failed", "{listed}");
        let reason = listed["reason"].as_str().expect("a reason");
        for word in words {
            assert!(reason.contains(word), "\"{word}\" is not in: {reason}");
        }
        let called = self.fleet.run(&["call", "web1", "--json", &format!("{name}.add"), "2", "3"]);
        assert_ne!(called.code, 0, "{called:?}");
        let audited = self.refusals().into_iter().any(|(module, why)| module == name && why == reason);
        assert!(audited, "{name} is not in the audit log with: {reason}");
    }

    /// The refused modules in the minion's audit log.
    fn refusals(&self) -> Vec<(String, String)> {
        let log = fs::read_to_string(self.fleet.minion_dir("web1").join("audit.jsonl")).expect("a log");
        let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let refused = entries.filter(|entry| entry["event"] == "module" && entry["change"] == "refused");
        let text = |entry: &Value, key: &str| entry[key].as_str().expect("text").to_owned();
        refused.map(|entry| (text(&entry, "module"), text(&entry, "reason"))).collect()
    }
}

fn run(command: &mut Command) -> Said {
    command.output().expect("runs").into()
}

fn policy(policy: &str, trusted: &str) -> String {
    format!("[signatures]\npolicy = \"{policy}\"\ntrusted = [\"{trusted}\"]\n")
}

fn change_last_byte(file: &Path) {
    let mut bytes = fs::read(file).expect("read");
    *bytes.last_mut().expect("some") ^= 1;
    fs::write(file, bytes).expect("written");
}

#[test]
fn only_what_a_trusted_signer_vouches_for_is_served_where_that_is_required() {
    let mut shop = Workshop::new();
    let (ann, eve) = (shop.key("ann.key"), shop.key("eve.key"));
    shop.pack("good", "1.0.0", Some("ann.key"));
    shop.pack("unsigned", "1.0.0", None);
    shop.pack("stranger", "1.0.0", Some("eve.key"));
    shop.pack("altered", "1.0.0", Some("ann.key"));
    change_last_byte(&shop.module("altered"));
    fs::copy(shop.module("good"), shop.module("renamed")).expect("copied");
    fs::copy(shop.signature("good"), shop.signature("renamed")).expect("copied");
    shop.pack("forged", "1.0.0", Some("eve.key"));
    let text = fs::read_to_string(shop.signature("forged")).expect("read");
    fs::write(shop.signature("forged"), text.replace(&eve, &ann)).expect("written");
    shop.pack("garbled", "1.0.0", None);
    fs::write(shop.signature("garbled"), "who knows").expect("written");

    shop.policy(&policy("require", &ann));
    shop.start(1);
    shop.serves("good");
    shop.refuses("unsigned", &["is not signed", "minion sign unsigned.wasm"]);
    shop.refuses("stranger", &[&eve, "not trusted here", "`trusted` in [signatures]"]);
    shop.refuses("altered", &["for the digest", &ann]);
    shop.refuses("renamed", &["for module \"good\"", &ann]);
    shop.refuses("forged", &["is false", &ann]);
    shop.refuses("garbled", &["garbled.wasm.sig", "no signature"]);
    assert_eq!(shop.refusals().len(), 6);

    // Where it is only warned of, all that is sound is served.
    shop.reload(&policy("warn", &ann), "signatures.policy is warn (was require)");
    for name in ["unsigned", "stranger", "altered", "garbled"] {
        shop.serves(name);
    }
    shop.fleet.minion("web1").logged("put unsigned.wasm.sig beside it; it is loaded all the same", 1);
    // And what was in service before is not, once it is required again.
    shop.reload(&policy("require", &eve), &format!("signatures by {eve} are trusted"));
    shop.serves("stranger");
    shop.refuses("good", &[&ann, "not trusted here"]);
}

#[test]
fn a_version_that_was_left_behind_stays_out_until_policy_lets_it_back() {
    let mut shop = Workshop::new();
    let ann = shop.key("ann.key");
    let require = policy("require", &ann);
    shop.policy(&require);
    shop.pack("disk", "1.10.0", Some("ann.key"));
    shop.start(1);
    shop.serves("disk");
    shop.fleet.take_minion("web1").stop();

    shop.pack("disk", "1.9.0", Some("ann.key"));
    shop.start(2);
    // The version before it is kept, and goes on serving.
    shop.serves("disk");
    let listed = shop.listed("disk");
    assert_eq!(listed["version"], "1.10.0", "{listed}");
    let older = &listed["versions"][0];
    let reason = older["reason"].as_str().expect("a reason");
    assert!(
        older["state"] == "failed" && reason.contains("has version 1.9.0, and 1.10.0 was in service"),
        "{older}"
    );
    assert!(
        reason.contains("downgrade = true") && shop.refusals() == [("disk".into(), reason.into())],
        "{older}"
    );
    let checked = shop.minion(&["check", shop.module("disk").to_str().expect("UTF-8")]);
    assert!(checked.code == 1 && checked.out.contains("1.10.0 was in service"), "{checked:?}");
    shop.reload(&format!("{require}downgrade = true\n"), "signatures.downgrade is true (was false)");
    assert_eq!(shop.listed("disk")["version"], "1.9.0");
    shop.serves("disk");
}

#[test]
fn a_version_that_nobody_vouches_for_bars_no_signed_one() {
    let mut shop = Workshop::new();
    let ann = shop.key("ann.key");
    shop.key("eve.key");
    for (nth, key) in [(1, None), (2, Some("eve.key"))] {
        shop.policy(&policy("warn", &ann));
        shop.pack("disk", "999.0.0", key);
        shop.start(nth);
        shop.serves("disk");
        shop.fleet.take_minion("web1").stop();
    }
    shop.pack("disk", "1.0.0", Some("ann.key"));
    shop.policy(&policy("require", &ann));
    shop.start(3);
    shop.serves("disk");
    assert_eq!(shop.listed("disk")["version"], "1.0.0");
}

#[test]
fn an_operator_goes_back_to_what_was_in_service_unless_policy_forbids_it() {
    let mut shop = Workshop::new();
    let ann = shop.key("ann.key");
    let require = policy("require", &ann);
    shop.policy(&format!("{require}rollback = false\n"));
    for (nth, version) in [(1, "1.0.0"), (2, "1.1.0")] {
        shop.pack("disk", version, Some("ann.key"));
        shop.start(nth);
        shop.serves("disk");
        if nth == 1 {
            shop.fleet.take_minion("web1").stop();
        }
    }
    let back = shop.fleet.run(&["module", "rollback", "web1", "disk"]);
    assert!(back.code == 1 && back.out.contains("has version 1.0.0, and 1.1.0 was in service"), "{back:?}");
    assert_eq!(shop.listed("disk")["version"], "1.1.0");
    shop.reload(&require, "signatures.rollback is true (was false)");
    let back = shop.fleet.run(&["module", "rollback", "web1", "disk"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert_eq!(shop.listed("disk")["version"], "1.0.0");
}

#[test]
fn a_key_is_made_once_and_shows_its_public_half_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("signing.key");
    let overlord = |words: &[&str]| {
        run(Command::new(binary("overlord")).arg("key").args(words).current_dir(folder.path()))
    };
    let made = overlord(&["new"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.out.starts_with("ed25519:") && made.out.lines().count() == 1, "{made:?}");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let private = fs::read(&path).expect("read");

    let again = overlord(&["new", "signing.key"]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("\"signing.key\" is there already"), "{again:?}");
    assert_eq!(fs::read(&path).expect("read"), private);

    assert_eq!(overlord(&["show", "signing.key"]).out, made.out);
    let shown = overlord(&["show", "signing.key", "--json"]).json();
    assert_eq!(shown["public_key"], made.out.trim());
    let none = overlord(&["show", "other.key"]);
    assert!(none.code == 2 && none.err.contains("other.key"), "{none:?}");
}

#[test]
fn a_module_is_signed_as_it_is_packed_or_later_and_checked_before_it_is_handed_out() {
    let shop = Workshop::new();
    let ann = shop.key("ann.key");
    let packed = shop.pack("disk", "1.0.0", Some("ann.key"));
    assert!(packed.err.contains("signed module disk") && packed.err.contains(&ann), "{packed:?}");
    let signed = fs::read(shop.signature("disk")).expect("a signature");
    let module = shop.module("disk");
    let module = module.to_str().expect("UTF-8");
    fs::remove_file(shop.signature("disk")).expect("removed");

    let unsigned = shop.minion(&["check", module]);
    assert!(unsigned.code == 0 && unsigned.out.contains("\nnot signed\n"), "{unsigned:?}");
    let key = shop.path("ann.key");
    let later = shop.minion(&["sign", module, "--key", key.to_str().expect("UTF-8"), "--json"]);
    assert_eq!((&later.json()["module"], &later.json()["signer"]), (&"disk".into(), &ann.as_str().into()));
    assert_eq!(
        fs::read(shop.signature("disk")).expect("a signature"),
        signed,
        "it is not the same signature"
    );

    let stranger = shop.minion(&["check", module]);
    assert!(stranger.code == 0 && stranger.out.contains("not trusted here"), "{stranger:?}");
    let file = shop.path("policy.toml");
    fs::write(&file, policy("require", &ann)).expect("written");
    let policy = ["--policy", file.to_str().expect("UTF-8"), "--json"];
    let good = shop.minion(&[&["check", module], &policy[..]].concat());
    let found = good.json();
    assert_eq!(good.code, 0, "{good:?}");
    assert_eq!(
        (&found["signature"]["verifies"], &found["signature"]["trusted"]),
        (&true.into(), &true.into())
    );
    change_last_byte(Path::new(module));
    let altered = shop.minion(&[&["check", module], &policy[..]].concat());
    assert_eq!((altered.code, &altered.json()["signature"]["verifies"]), (1, &false.into()), "{altered:?}");
    assert!(altered.json()["problems"][0].as_str().expect("one").contains("for the digest"), "{altered:?}");

    let stale = shop.pack("disk", "1.1.0", None);
    assert!(stale.err.contains("is of an earlier file"), "{stale:?}");
}

/// What a compiler makes of a function that adds two numbers.
const ADD: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\
    \x03\x02\x01\0\
    \x07\x07\x01\x03add\0\0\
    \x0a\x09\x01\x07\0\x20\0\x20\x01\x6a\x0b";
