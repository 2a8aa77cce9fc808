//! The bundled modules on the host that the tests run on: what they say is what the system's own tools say, and what they
//! change is changed in a copy of the host's tables that only they see.

mod ancestor;
mod archive;
mod booted;
mod certs;
mod commands;
mod containers;
mod cron;
mod echo;
mod every_method;
mod facts;
mod fetch;
mod files;
mod filetracker;
mod firewall;
mod from_func;
mod git;
mod grants;
mod hardware;
mod http_check;
mod logs;
mod mount;
mod nagios;
mod network;
mod packages;
mod pages;
mod processes;
mod services;
mod snmp;
mod sysctl;
mod system;
mod users;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rig::{Said, binary, bundled_dir, said, say_skipped};
use serde_json::Value;
use tempfile::TempDir;

/// The modules, each with the names of the levels that it suggests.
fn modules() -> BTreeMap<String, Vec<String>> {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let mut modules = BTreeMap::new();
    for entry in fs::read_dir(plugins).expect("read") {
        let folder = entry.expect("an entry");
        if folder.path().join("wit").is_dir() {
            let policy = fs::read_to_string(folder.path().join("policy.toml")).unwrap_or_default();
            let levels: toml::Table = policy.parse().expect("TOML");
            modules.insert(folder.file_name().into_string().expect("text"), levels.keys().cloned().collect());
        }
    }
    assert!(modules.len() > 6, "{modules:?}");
    modules
}

/// A copy of this host in which modules change what they like: nothing of it is seen outside, and all of it is gone with it.
///
/// It is a mount namespace whose root is an overlay on the host's, with a name of the host that only it has. A shell keeps it for
/// as long as its standard input is open.
struct Bench {
    keeper: Child,
    /// The process whose root is that of the copy, and the namespaces of it that commands in the copy enter.
    inside: (u32, &'static [&'static str]),
    /// What is to be done once the keeper is gone.
    _after: Option<Box<dyn Send>>,
    _mount: TempDir,
}

/// How a copy is made: `$1` is a folder to mount on, `$2` where all is that was built. What can be asked to do something to
/// the host itself lies in `/run`, which is empty in the copy. It knows no repositories of packages, so that no test reads
/// the network.
const COPY: &str = r#"
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mkdir -p "$1/root$2"
mount --rbind "$2" "$1/root$2"
mount -t tmpfs -o mode=755 tmpfs "$1/root/run"
mkdir -p "$1/root/bench"
rm -rf "$1/root/etc/apt/sources.list" "$1/root/etc/apt/sources.list.d"
"#;

/// What the keeper does before it waits.
const KEEP: &str = r#"
for folder in /proc /sys /dev; do
    mount --rbind "$folder" "$1/root$folder"
done
exec chroot "$1/root" sh -c 'echo ready; read end'
"#;

impl Drop for Bench {
    fn drop(&mut self) {
        // Its namespace goes with it, and with that all that is mounted there.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

impl Bench {
    fn new() -> Self {
        Self::of(&["--mount", "--uts"])
    }

    /// A copy with a network of its own, in which nothing is yet.
    fn apart() -> Self {
        Self::of(&["--mount", "--uts", "--net"])
    }

    /// A copy with these namespaces of its own.
    fn of(namespaces: &'static [&'static str]) -> Self {
        let mount = tempfile::tempdir().expect("a folder");
        let mut command = unshared(namespaces, &[COPY, KEEP].concat());
        command.arg(mount.path()).arg(built_dir()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = command.spawn().expect("started");
        let mut ready = String::new();
        let stdout = keeper.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut ready).expect("read");
        assert_eq!(ready, "ready\n", "no copy of this host can be made");
        let inside = (keeper.id(), namespaces);
        Self { keeper, inside, _after: None, _mount: mount }
    }

    /// Where something of the copy is, seen from here.
    fn path(&self, path: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.inside.0);
        Path::new(&root).join(path.trim_start_matches('/'))
    }

    /// A command that runs in the copy, in the empty folder `/bench` of it.
    fn within(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        let (process, namespaces) = self.inside;
        command
            .arg(format!("--target={process}"))
            .args(namespaces)
            .args(["--root", "--wdns=/bench"])
            .arg(program);
        command
    }

    /// What a program prints in the copy.
    fn printed(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.within(program).args(arguments).output().expect("runs");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The policy that `minion grant` writes for a level of a module, as the copy sees it.
    fn policy(&self, module: &str, level: &str) -> String {
        let folder = format!("/policies/{module}-{level}");
        if !self.path(&folder).exists() {
            fs::create_dir_all(self.path(&folder)).expect("made");
            grant(&self.path(&folder), module, level);
        }
        format!("{folder}/minion.toml")
    }

    /// A call of a method with a policy of this level; its arguments are still to come.
    fn calling(&self, level: &str, method: &str, options: &[&str]) -> Command {
        let (module, method) = method.split_once('.').expect("a method");
        let (mut command, policy) = (self.within(binary("minion")), self.policy(module, level));
        command.arg("call").arg("--policy").arg(policy).arg("--json").args(options);
        command.arg(bundled_dir().join(format!("{module}.wasm"))).arg(method);
        command
    }

    /// Calls a method.
    fn call(&self, level: &str, method: &str, arguments: &[&str]) -> Said {
        said(self.calling(level, method, &[]).arg("--").args(arguments))
    }

    /// Calls a method in a dry run.
    fn dry(&self, level: &str, method: &str, arguments: &[&str]) -> Said {
        said(self.calling(level, method, &["--dry-run"]).arg("--").args(arguments))
    }

    /// The value of a call that is `ok`.
    fn value(&self, level: &str, method: &str, arguments: &[&str]) -> Value {
        let said = self.call(level, method, arguments);
        assert_eq!(said.code, 0, "{method} {arguments:?}: {said:?}");
        said.json()["value"].clone()
    }

    /// The error value of a call that is not.
    fn error(&self, level: &str, method: &str, arguments: &[&str]) -> Value {
        let said = self.call(level, method, arguments);
        assert_eq!(said.code, 1, "{method} {arguments:?}: {said:?}");
        said.json()["error"]["value"].clone()
    }

    /// Takes a program away.
    fn forget(&self, program: &str) {
        for folder in ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"] {
            // Most of them have none, which is as well.
            let _ = fs::remove_file(self.path(&format!("{folder}/{program}")));
        }
    }

    /// The line of a table that begins so.
    fn line(&self, table: &str, beginning: &str) -> Option<String> {
        let text = fs::read_to_string(self.path("etc").join(table)).expect("read");
        text.lines().find(|line| line.starts_with(beginning)).map(str::to_owned)
    }
}

/// Where all is that was built.
fn built_dir() -> PathBuf {
    binary("minion").ancestors().nth(2).expect("the target folder").to_owned()
}

/// Grants a module a level, as an operator of the host does.
fn grant(folder: &Path, module: &str, level: &str) {
    let mut command = Command::new(binary("minion"));
    command.args(["grant", "--yes", &format!("{module}:{level}"), "--dir"]).arg(folder);
    let granted = said(command.arg("--file").arg(bundled_dir().join(format!("{module}.wasm"))));
    assert_eq!(granted.code, 0, "{granted:?}");
}

/// What a program of the host prints.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("runs");
    String::from_utf8(output.stdout).expect("text")
}

/// A script that runs in namespaces of its own; its arguments are still to come.
fn unshared(namespaces: &[&str], script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["--propagation", "private", "sh", "-c", script, "sh"]);
    command
}

/// Whether this host has these programs, which a package has; says so where it has not, which fails where nothing may be skipped.
fn has_programs(programs: &[&str], package: &str) -> bool {
    let is_there = |program: &&str| {
        let found =
            Command::new("sh").args(["-c", "command -v -- \"$0\"", program]).stdout(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    let has = programs.iter().all(is_there);
    if !has {
        assert!(std::env::var_os("CI").is_none(), "install the package {package}");
        say_skipped(&format!("one of {programs:?} is missing: install the package {package}"));
    }
    has
}

/// Whether these tests can have a copy of the host, which takes root and a kernel that lets it mount; says so where they
/// cannot.
fn can_unshare() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    let can = *CAN.get_or_init(|| {
        let mount = tempfile::tempdir().expect("a folder");
        let mut command = unshared(&["--mount", "--uts"], COPY);
        let tried = command.arg(mount.path()).arg(built_dir()).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    });
    if !can {
        say_skipped("no copy of this host can be made, which takes root");
    }
    can
}
