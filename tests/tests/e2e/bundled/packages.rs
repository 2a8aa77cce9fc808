//! `package`, with the real dpkg and apt of the copy, and a repository of its own.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rig::{binary, bundled_dir, said, say_skipped};
use serde_json::{Value, json};

use super::{Bench, can_unshare};

/// Whether the copy has apt; says so where it does not.
fn can_install() -> bool {
    let can =
        can_unshare() && Path::new("/usr/bin/dpkg-deb").exists() && Path::new("/usr/bin/apt-get").exists();
    if !can {
        say_skipped("the module `package` is tried with apt alone");
    }
    can
}

/// Builds a package, and gives back its paragraph in the list of a repository. Of `tried` its version is its content.
fn build(bench: &Bench, name: &str, version: &str, depends: &str) -> String {
    let tree = format!("/bench/{name}-{version}");
    let inside = bench.path(&tree);
    for folder in ["DEBIAN", "etc", &format!("opt/{name}")] {
        fs::create_dir_all(inside.join(folder)).expect("made");
    }
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\n{depends}\
         Installed-Size: 12\nDescription: A package that is {name}\n"
    );
    let files = [format!("opt/{name}/version"), format!("etc/{name}.conf")];
    for file in &files {
        fs::write(inside.join(file), format!("{version}\n")).expect("written");
    }
    let sums =
        bench.within("env").arg(format!("--chdir={tree}")).arg("md5sum").args(&files).output().expect("runs");
    fs::write(inside.join("DEBIAN/md5sums"), sums.stdout).expect("written");
    fs::write(inside.join("DEBIAN/conffiles"), format!("/etc/{name}.conf\n")).expect("written");
    fs::write(inside.join("DEBIAN/control"), &control).expect("written");
    fs::set_permissions(inside.join("DEBIAN"), fs::Permissions::from_mode(0o755)).expect("set");
    let file = format!("{name}_{version}.deb");
    let whole = format!("/bench/repository/{file}");
    bench.printed("dpkg-deb", &["--root-owner-group", "--build", &tree, &whole]);
    let size = fs::metadata(bench.path(&whole)).expect("built").len();
    let sum = bench.printed("sha256sum", &[&whole]);
    let sum = sum.split_whitespace().next().expect("a sum");
    format!("{control}Filename: ./{file}\nSize: {size}\nSHA256: {sum}\n\n")
}

/// A copy of this host that knows of one repository, in which are two versions of `tried`, and what that needs.
fn with_repository() -> Bench {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("/bench/repository")).expect("made");
    let depends = "Depends: tried-base\n";
    let list = [
        build(&bench, "tried-base", "1.0", ""),
        build(&bench, "tried", "1.0", depends),
        build(&bench, "tried", "2.0", depends),
    ];
    fs::write(bench.path("/bench/repository/Packages"), list.concat()).expect("written");
    let source = "deb [trusted=yes] file:/bench/repository ./\n";
    fs::write(bench.path("/etc/apt/sources.list"), source).expect("written");
    bench.value("manage", "package.refresh", &[]);
    bench
}

/// What dpkg says of `tried`: whether somebody holds it, how it is, and its version.
fn tried(bench: &Bench) -> String {
    let format = "--showformat=${db:Status-Want} ${db:Status-Status} ${Version}";
    bench.printed("dpkg-query", &["--show", format, "tried"])
}

fn step(name: &str, before: Option<&str>, after: Option<&str>) -> Value {
    json!({ "name": name, "architecture": "all", "before": before, "after": after })
}

#[test]
fn packages_become_what_is_wished_once() {
    if !can_install() {
        return;
    }
    let bench = with_repository();
    let value = |method: &str, arguments: &[&str]| bench.value("manage", method, arguments);
    let same = json!({ "changed": false, "steps": [] });
    let found = bench.value("read", "package.search", &["is tried"]);
    assert_eq!(found[0], json!({ "name": "tried", "summary": "A package that is tried" }), "{found}");

    let both = [step("tried", None, Some("1.0")), step("tried-base", None, Some("1.0"))];
    let dry = bench.dry("read", "package.install", &[r#"["tried=1.0"]"#]).json();
    let steps = dry["value"]["steps"].as_array().expect("steps");
    assert!(dry["value"]["changed"] == true && both.iter().all(|step| steps.contains(step)), "{dry}");
    assert!(bench.error("read", "package.install", &[r#"["tried=1.0"]"#])["denied"].is_string());
    assert_eq!(tried(&bench), "");
    assert_eq!(value("package.install", &[r#"["tried=1.0"]"#]), json!({ "changed": true, "steps": both }));
    assert_eq!(tried(&bench), "install installed 1.0");
    for again in [r#"["tried=1.0"]"#, r#"["tried"]"#, "[]"] {
        assert_eq!(value("package.install", &[again]), same, "{again}");
    }
    let info = bench.value("read", "package.info", &["tried"]);
    assert_eq!(
        (&info["installed"], &info["candidate"], &info["size"]),
        (&json!("1.0"), &json!("2.0"), &json!(12288))
    );
    assert_eq!((&info["automatic"], &info["held"]), (&json!(false), &json!(false)), "{info}");
    assert_eq!(bench.value("read", "package.info", &["tried-base"])["automatic"], true);

    assert_what_is_held_is_kept_back(&bench);

    // What people changed in files of configuration stays, and nobody is asked.
    fs::write(bench.path("/etc/tried.conf"), "ours\n").expect("written");
    let upgraded = json!({ "changed": true, "steps": [step("tried", Some("1.0"), Some("2.0"))] });
    assert_eq!(bench.dry("manage", "package.upgrade", &[]).json()["value"], upgraded);
    assert_eq!(tried(&bench), "install installed 1.0");
    assert_eq!(value("package.upgrade", &[]), upgraded);
    assert_eq!(
        (tried(&bench).as_str(), value("package.upgrade", &[])),
        ("install installed 2.0", same.clone())
    );
    assert_eq!(fs::read_to_string(bench.path("/etc/tried.conf")).expect("read"), "ours\n");

    assert_packages_are_removed_once(&bench);
    // The host's own packages are as they were.
    assert!(!Path::new("/var/lib/dpkg/info/tried.list").exists());
}

/// While `tried` is held at 1.0, it is not upgraded and nobody changes its version.
fn assert_what_is_held_is_kept_back(bench: &Bench) {
    let value = |method: &str, arguments: &[&str]| bench.value("manage", method, arguments);
    let same = json!({ "changed": false, "steps": [] });
    assert_eq!(
        value("package.hold", &[r#"["tried"]"#]),
        json!({ "changed": true, "changes": ["held tried"] })
    );
    assert_eq!(value("package.hold", &[r#"["tried"]"#])["changed"], false);
    assert_eq!((tried(bench).as_str(), value("package.held", &[])), ("hold installed 1.0", json!(["tried"])));
    let newer =
        |kept: bool| json!([{ "name": "tried", "installed": "1.0", "candidate": "2.0", "kept-back": kept }]);
    assert_eq!(value("package.upgradable", &[]), newer(true));
    assert_eq!(value("package.upgrade", &[]), same);
    assert!(bench.error("manage", "package.install", &[r#"["tried=2.0"]"#])["denied"].is_string());
    assert_eq!(value("package.unhold", &[r#"["tried"]"#])["changed"], true);
    assert_eq!(value("package.upgradable", &[]), newer(false));
}

/// `tried` and what it depends on go away once, and its configuration where that is wished.
fn assert_packages_are_removed_once(bench: &Bench) {
    let value = |method: &str, arguments: &[&str]| bench.value("manage", method, arguments);
    let same = json!({ "changed": false, "steps": [] });
    let gone = [step("tried", Some("2.0"), None), step("tried-base", Some("1.0"), None)];
    let gone = json!({ "changed": true, "steps": gone });
    assert_eq!(bench.dry("manage", "package.remove", &[r#"["tried-base"]"#]).json()["value"], gone);
    assert_eq!(value("package.remove", &[r#"["tried-base"]"#]), gone);
    assert_eq!(value("package.remove", &[r#"["tried-base"]"#]), same);
    assert_eq!(tried(bench), "deinstall config-files 2.0");
    assert_eq!(value("package.remove", &[r#"["tried"]"#, "true"])["changed"], true);
    assert!(!bench.path("/etc/tried.conf").exists());
    assert_eq!(value("package.remove", &[r#"["tried"]"#, "true"]), same);
}

#[test]
fn packages_and_their_files_are_those_that_dpkg_knows() {
    if !can_install() {
        return;
    }
    let bench = with_repository();
    let known =
        bench.printed("dpkg-query", &["--show", "--showformat=${db:Status-Abbrev} ${Package} ${Version}\n"]);
    let known = known.lines().filter(|line| line.starts_with("ii ")).count();
    let all = bench.value("read", "package.list", &[]);
    let all = all.as_array().expect("a list");
    assert_eq!(all.iter().filter(|one| one["state"] == "installed").count(), known);
    let dpkg = bench.value("read", "package.list", &["dp*g"]);
    let version = bench.printed("dpkg-query", &["--show", "--showformat=${Version}", "dpkg"]);
    assert_eq!((&dpkg[0]["name"], &dpkg[0]["version"]), (&json!("dpkg"), &json!(version)), "{dpkg}");

    // Parts are what somebody sees who watches.
    let mut watching = bench.within(binary("minion"));
    watching
        .args(["call", "--policy", &bench.policy("package", "manage")])
        .arg(bundled_dir().join("package.wasm"));
    let watched = said(watching.args(["install", "--", r#"["tried"]"#]));
    assert!(watched.code == 0 && format!("{watched:?}").contains("Setting up tried (2.0)"), "{watched:?}");
    let files = bench.value("read", "package.files", &["tried"]);
    assert_eq!(files, json!(["/etc", "/etc/tried.conf", "/opt", "/opt/tried", "/opt/tried/version"]));
    for (path, owner) in [("/opt/tried/version", "tried"), ("/bin/dpkg", "dpkg"), ("/usr/bin/[", "coreutils")]
    {
        assert_eq!(bench.value("read", "package.owner", &[path]), json!([owner]), "{path}");
    }
    assert_eq!(bench.value("read", "package.verify", &["tried"]), json!([]));
    fs::write(bench.path("/opt/tried/version"), "3.0\n").expect("written");
    fs::remove_file(bench.path("/etc/tried.conf")).expect("removed");
    let deviations = bench.value("read", "package.verify", &["tried"]);
    assert_eq!(
        deviations,
        json!([
            { "path": "/etc/tried.conf", "configuration": true, "aspects": ["missing"] },
            { "path": "/opt/tried/version", "configuration": false, "aspects": ["content"] },
        ])
    );

    let missing = |method: &str, arguments: &[&str]| {
        let error = bench.error("manage", method, arguments);
        assert!(error["not-found"].is_string(), "{method} {arguments:?}: {error}");
    };
    for method in ["package.info", "package.files", "package.verify"] {
        missing(method, &["no-such-package"]);
    }
    missing("package.owner", &["/no/such/file"]);
    // apt takes a `+` for a wish, and a dot for any letter.
    for name in ["no-such-package", "tried+", "tri.d", "tried=3.0"] {
        missing("package.install", &[&format!("[\"{name}\"]")]);
    }
    missing("package.upgrade", &[r#"["no-such-package"]"#]);
    assert!(bench.error("manage", "package.remove", &[r#"["dash"]"#])["denied"].is_string());
    assert_eq!(tried(&bench), "install installed 2.0");
}

/// Locks a file as dpkg does, for as long as the file is open.
fn lock(bench: &Bench, path: &str) -> File {
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).open(bench.path(path)).expect("opened");
    let whole = libc::flock {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_SETLK(&whole)).expect("locked");
    file
}

#[test]
fn what_others_have_locked_is_busy_once_the_time_is_up() {
    if !can_install() {
        return;
    }
    let bench = with_repository();
    for (path, method, arguments) in [
        ("/var/lib/dpkg/lock-frontend", "package.install", &[r#"["tried"]"#, "1"][..]),
        ("/var/lib/dpkg/lock-frontend", "package.hold", &[r#"["dpkg"]"#, "0"]),
        ("/var/lib/dpkg/lock", "package.install", &[r#"["tried"]"#, "0"]),
        ("/var/lib/apt/lists/lock", "package.refresh", &["0"]),
    ] {
        let held = lock(&bench, path);
        let error = bench.error("manage", method, arguments);
        assert!(error["busy"].as_str().is_some_and(|why| why.contains("lock")), "{path} {method}: {error}");
        assert_eq!(tried(&bench), "");
        drop(held);
    }
    assert_eq!(bench.value("manage", "package.install", &[r#"["tried"]"#])["changed"], true);
    assert_eq!(tried(&bench), "install installed 2.0");
}
