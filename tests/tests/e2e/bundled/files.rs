//! `files`: what it says is what the system's own programs say, and what it writes they see.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use serde_json::{Value, json};

use super::{Bench, can_unshare};

/// The folder of the tests, in the copy of the host.
const HERE: &str = "/srv/t";

fn bench() -> Option<Bench> {
    can_unshare().then(|| {
        let bench = Bench::new();
        fs::create_dir_all(bench.path(HERE)).expect("made");
        bench
    })
}

impl Bench {
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = format!("{HERE}/{name}");
        fs::write(self.path(&path), content).expect("written");
        path
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect("read")
    }

    /// Whether a call at level `manage` changed something.
    fn changes(&self, method: &str, arguments: &[&str]) -> bool {
        self.value("manage", method, arguments)["changed"] == true
    }

    /// What `ls` shows of everything in the folder of the tests.
    fn shown(&self) -> String {
        self.printed("ls", &["-lAR", "--full-time", HERE])
    }
}

#[test]
fn what_is_said_of_files_is_what_the_system_says() {
    let Some(bench) = bench() else { return };
    let strange = bench.file("a\nb:c d", "five\n");
    fs::set_permissions(bench.path(&strange), fs::Permissions::from_mode(0o4711)).expect("set");
    bench.printed("chown", &["--", "1234:games", &strange]);
    symlink("/etc/passwd", bench.path(&format!("{HERE}/link"))).expect("made");
    for (path, kind) in
        [("/etc/passwd", "file"), ("/etc", "folder"), ("/dev/null", "other"), (&strange, "file")]
    {
        let stat = bench.value("read", "files.stat", &[path]);
        let format = "%s %Y %h %u %g %U %G %a";
        let permissions = &stat["permissions"];
        let word = |value: &Value| value.as_str().expect("text").to_owned();
        let user = word(&permissions["user"]).replace("1234", "UNKNOWN");
        let told = format!(
            "{} {} {} {} {} {user} {} {}",
            stat["size"],
            stat["modified"]["seconds"],
            stat["names"],
            permissions["uid"],
            permissions["gid"],
            word(&permissions["group"]),
            word(&permissions["mode"]).trim_start_matches('0')
        );
        assert_eq!(told, bench.printed("stat", &["-c", format, "--", path]).trim(), "{stat}");
        assert_eq!(stat["kind"], kind, "{stat}");
        let time = bench.printed("date", &["-u", "-r", path, "+%Y-%m-%dT%H:%M:%SZ"]);
        assert_eq!(stat["modified"]["text"], time.trim());
    }
    let link = bench.value("read", "files.stat", &[&format!("{HERE}/link")]);
    assert_eq!((&link["kind"], &link["target"]), (&json!("link"), &json!("/etc/passwd")));

    for folder in ["/etc", "/", HERE, "/usr/bin"] {
        let list = bench.value("read", "files.list", &[folder]);
        let mut names: Vec<&str> =
            list.as_array().expect("a list").iter().filter_map(|entry| entry["name"].as_str()).collect();
        names.sort_unstable();
        let ls = bench.printed("find", &[folder, "-mindepth", "1", "-maxdepth", "1", "-printf", "%f\\0"]);
        let mut expected: Vec<&str> = ls.split_terminator('\0').collect();
        expected.sort_unstable();
        assert_eq!(names, expected, "{folder}");
    }

    for (algorithm, program) in
        [("sha256", "sha256sum"), ("sha512", "sha512sum"), ("sha1", "sha1sum"), ("md5", "md5sum")]
    {
        let sum = bench.value("read", "files.checksum", &["/usr/bin/env", algorithm]);
        let expected = bench.printed(program, &["/usr/bin/env"]);
        assert_eq!(sum, expected.split_whitespace().next().expect("a sum"));
    }
    let usage = bench.value("read", "files.disk-usage", &["/usr/share/doc"]);
    let du = bench.printed("du", &["-skx", "/usr/share/doc"]);
    let blocks: u64 = du.split_whitespace().next().expect("blocks").parse().expect("a number");
    assert_eq!(usage, json!({ "path": "/usr/share/doc", "size": blocks * 1024, "complete": true }));
    let systems = bench.value("read", "files.file-systems", &["/run"]);
    let df = bench.printed("df", &["--block-size=1", "--output=size,fstype,target", "/run"]);
    let told = format!("{} tmpfs /run", systems[0]["size"]);
    assert_eq!(df.lines().last().expect("a line").split_whitespace().collect::<Vec<_>>().join(" "), told);
    assert!(bench.value("read", "files.file-systems", &[]).as_array().is_some_and(|all| all.len() > 1));
}

#[test]
fn what_is_in_files_is_read_in_parts_and_compared() {
    let Some(bench) = bench() else { return };
    let text = bench.file("text", "aßb\nsecond\nthird\n");
    assert_eq!(bench.value("read", "files.read", &[&text]), "aßb\nsecond\nthird\n");
    assert_eq!(bench.value("read", "files.read", &[&text, "1", "2"]), "ß");
    assert_eq!(bench.value("read", "files.tail", &[&text, "2"]), json!(["second", "third"]));
    let bytes = bench.file("bytes", [0, 255, 10]);
    assert_eq!(bench.value("read", "files.read-bytes", &[&bytes]), "AP8K");
    assert!(bench.error("read", "files.read", &[&bytes])["invalid"].is_string());
    let large = bench.file("large", vec![b'x'; (1 << 20) + 1]);
    let told = bench.error("read", "files.read", &[&large])["invalid"].to_string();
    assert!(told.contains("1048577 bytes") && told.contains("`offset`"), "{told}");
    assert_eq!(bench.value("read", "files.read", &[&large, "1048576"]), "x");
    assert!(bench.error("read", "files.read", &[HERE])["invalid"].is_string());
    assert!(bench.error("read", "files.read", &["/no/such/file"])["not-found"].is_string());

    let other = bench.file("other", "aßb\n2nd\nthird\nmore");
    let diff = bench.value("read", "files.diff", &[&text, &other]);
    let labels = ["-u", "--label", &text, "--label", &other, &text, &other];
    assert_eq!((&diff["same"], &diff["diff"]), (&json!(false), &json!(bench.printed("diff", &labels))));
    assert_eq!(bench.value("read", "files.diff", &[&text, &text])["same"], true);
    let with = bench.value("read", "files.diff-text", &[&text, "aßb\nsecond\nthird\n"]);
    assert_eq!(with, json!({ "same": true, "diff": "" }));

    fs::create_dir_all(bench.path(&format!("{HERE}/x/y"))).expect("made");
    for name in ["x/a.conf", "x/y/b.conf", "x/y/.c.conf", "x/y/d.txt"] {
        bench.file(name, "");
    }
    symlink("..", bench.path(&format!("{HERE}/x/loop"))).expect("made");
    let found = |pattern: &str, more: &[&str]| {
        let found = bench.value("read", "files.find", &[&[HERE, pattern], more].concat());
        let matches = found["matches"].as_array().expect("a list").iter();
        let paths: Vec<String> =
            matches.map(|it| it["path"].as_str().expect("a path")[7..].to_owned()).collect();
        (paths, found["more"] == true)
    };
    assert_eq!(found("**/*.conf", &[]).0, ["x/a.conf", "x/y/.c.conf", "x/y/b.conf"]);
    assert_eq!(found("x/*", &["folder"]).0, ["x/y"]);
    assert_eq!(found("**/*.conf", &["file", "2"]), (vec!["x/a.conf".into(), "x/y/.c.conf".into()], true));
    assert!(bench.error("read", "files.find", &[HERE, "[x"])["invalid"].is_string());
}

#[test]
fn a_file_is_written_once_whole_and_kept_as_it_was() {
    let Some(bench) = bench() else { return };
    let path = &format!("{HERE}/motd");
    let arguments = [path, "hello\n", "0640", "games:adm", "true"];
    let dry = bench.dry("manage", "files.write", &arguments);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert!(dry.out.contains("set the mode to 0640") && !bench.path(path).exists(), "{dry:?}");

    assert!(bench.changes("files.write", &arguments) && !bench.changes("files.write", &arguments));
    assert_eq!(bench.text(path), "hello\n");
    assert_eq!(bench.printed("stat", &["-c", "%a %U %G", path]), "640 games adm\n");
    let before = bench.path(path).metadata().expect("there").ino();
    let second = bench.value("manage", "files.write", &[path, "bye\n", "none", "none", "true"]);
    let kept = second["backup"].as_str().expect("kept");
    assert_eq!((bench.text(path), bench.text(kept)), ("bye\n".into(), "hello\n".into()));
    assert_eq!(bench.path(kept).metadata().expect("there").ino(), before, "the old file is another one");
    for file in [path, kept] {
        assert_eq!(bench.printed("stat", &["-c", "%a %U %G", file]), "640 games adm\n");
    }
    // What is the same but for its permissions is not written anew.
    let before = bench.path(path).metadata().expect("there").ino();
    let third = bench.value("manage", "files.write", &[path, "bye\n", "0600"]);
    assert_eq!(third["changes"], json!(["set the mode to 0600"]));
    assert_eq!(bench.path(path).metadata().expect("there").ino(), before);
    let new = &format!("{HERE}/new");
    assert!(bench.changes("files.write-bytes", &[new, "[0, 255]"]));
    assert_eq!(fs::read(bench.path(new)).expect("read"), [0, 255]);
    assert_eq!(bench.printed("stat", &["-c", "%a %U", new]), "644 root\n");
    // Nothing is left of what was written beside them.
    assert_eq!(bench.printed("ls", &["-A", HERE]).lines().count(), 3);

    assert!(bench.error("manage", "files.write", &[HERE, "x"])["invalid"].is_string());
    assert!(bench.error("manage", "files.write", &["/srv/no/such/x", "x"])["not-found"].is_string());
    assert!(bench.error("manage", "files.write", &[path, "x", "0999"])["invalid"].is_string());
    assert!(
        bench.error("manage", "files.write", &[path, "x", "none", "nobody-such"])["not-found"].is_string()
    );
    assert_eq!(bench.text(path), "bye\n");
    assert_eq!(bench.printed("ls", &["-A", HERE]).lines().count(), 3);
}

#[test]
fn lines_and_what_expressions_fit_are_put_once() {
    let Some(bench) = bench() else { return };
    let path = &bench.file("conf", "# A\n#Port 1\nHost x");
    fs::set_permissions(bench.path(path), fs::Permissions::from_mode(0o600)).expect("set");
    let dry = bench.dry("manage", "files.ensure-line", &[path, "Port 22", "^#?Port "]);
    assert!(dry.json()["value"]["changed"] == true && bench.text(path).contains("#Port 1"), "{dry:?}");
    for (arguments, text) in [
        (&[path.as_str(), "Port 22", "^#?Port "][..], "# A\nPort 22\nHost x"),
        (&[path, "Last yes"], "# A\nPort 22\nHost x\nLast yes\n"),
    ] {
        assert!(bench.changes("files.ensure-line", arguments), "{arguments:?}");
        assert_eq!(bench.text(path), text);
        assert!(!bench.changes("files.ensure-line", arguments), "{arguments:?}");
    }
    let replace = [path.as_str(), "^(Port) .*$", "$1 2222"];
    assert!(bench.changes("files.replace", &replace) && !bench.changes("files.replace", &replace));
    assert_eq!(bench.text(path), "# A\nPort 2222\nHost x\nLast yes\n");
    assert_eq!(bench.printed("stat", &["-c", "%a", path]), "600\n");
    let none = &format!("{HERE}/none");
    assert!(bench.error("manage", "files.ensure-line", &[none, "a"])["not-found"].is_string());
    assert!(bench.changes("files.ensure-line", &[none, "a", "none", "true"]));
    assert_eq!(bench.text(none), "a\n");
    assert!(bench.error("manage", "files.replace", &[path, "(", ""])["invalid"].is_string());
    assert!(bench.error("manage", "files.ensure-line", &[path, "a\nb"])["invalid"].is_string());

    let template =
        [none.as_str(), "{{ values.x }} {{ nothing.at.all }}", "none", "none", "none", r#"[("x", "y")]"#];
    let told = bench.error("manage", "files.template", &template)["invalid"].to_string();
    assert!(told.contains("nothing.at.all") && !told.contains("values.x\\\""), "{told}");
    assert_eq!(bench.text(none), "a\n");
}

#[test]
fn folders_links_and_permissions_become_what_is_wished_once() {
    let Some(bench) = bench() else { return };
    let once = |method: &str, arguments: &[&str]| {
        let before = bench.shown();
        let dry = bench.dry("manage", method, arguments);
        assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{method} {arguments:?}: {dry:?}");
        assert_eq!(bench.shown(), before, "{method}: a dry run changed something");
        assert!(bench.changes(method, arguments), "{method} {arguments:?}");
        assert!(!bench.changes(method, arguments), "{method} {arguments:?}: again");
    };
    let at = |name: &str| format!("{HERE}/{name}");
    let (deep, file, copy, moved) = (&at("a/b"), &bench.file("file", "text"), &at("copy"), &at("moved"));
    once("files.mkdir", &[deep, "0750", "games:games"]);
    assert_eq!(bench.printed("stat", &["-c", "%a %U", &at("a"), deep]), "755 root\n750 games\n");
    once("files.chmod", &[file, "0604"]);
    once("files.chown", &[file, "games:adm"]);
    once("files.chown", &[file, ":games"]);
    once("files.copy", &[file, copy]);
    assert_eq!(bench.printed("stat", &["-c", "%a %U %G %s", copy]), "604 games games 4\n");
    once("files.move", &[copy, moved]);
    assert!(!bench.path(copy).exists() && bench.text(moved) == "text");
    assert!(bench.error("manage", "files.move", &[moved, file])["invalid"].is_string());
    for target in ["/etc/passwd", "file", "../../etc/hosts"] {
        once("files.link", &[&at("link"), target]);
        assert_eq!(bench.printed("readlink", &[&at("link")]).trim(), target);
    }
    assert!(bench.error("manage", "files.link", &[file, "x"])["invalid"].is_string());
    assert!(bench.error("manage", "files.remove", &[&at("a")])["invalid"].is_string());
    once("files.remove", &[&at("link")]);
    once("files.remove", &[deep]);
    bench.file("a/inner", "");
    once("files.remove", &[&at("a"), "true"]);
    assert!(bench.error("manage", "files.remove", &["/srv", "true"])["denied"].is_string());
    assert!(bench.path("/etc/hosts").exists() && bench.path(HERE).exists());
}

#[test]
fn links_lead_nobody_to_what_was_not_meant() {
    let Some(bench) = bench() else { return };
    let before = bench.text("/etc/passwd");
    let link = &format!("{HERE}/link");
    symlink("/etc/passwd", bench.path(link)).expect("made");
    symlink("/srv/t", bench.path("/srv/here")).expect("made");
    // Who reads is led on, who writes is told.
    assert_eq!(bench.value("read", "files.read", &[link]), before);
    for (method, arguments) in [
        ("files.write", &["x"][..]),
        ("files.ensure-line", &["x"]),
        ("files.replace", &["root", "x"]),
        ("files.template", &["x"]),
        ("files.chmod", &["0777"]),
        ("files.chown", &["games"]),
    ] {
        let told =
            bench.error("manage", method, &[&[link.as_str()], arguments].concat())["invalid"].to_string();
        assert!(told.contains("is a link to /etc/passwd"), "{method}: {told}");
    }
    assert!(bench.changes("files.write", &["/srv/here/through", "x"]));
    assert_eq!(bench.text("/srv/t/through"), "x");
    fs::create_dir(bench.path("/srv/t/folder")).expect("made");
    symlink("/etc", bench.path("/srv/t/folder/etc")).expect("made");
    assert!(bench.changes("files.remove", &["/srv/t/folder", "true"]));
    assert_eq!(bench.text("/etc/passwd"), before);
    assert_eq!(bench.printed("stat", &["-c", "%a %U", "/etc/passwd"]), "644 root\n");
}

#[test]
fn who_may_read_sees_what_every_user_may_read() {
    let Some(bench) = bench() else { return };
    let secret = &bench.file("secret", "word");
    fs::set_permissions(bench.path(secret), fs::Permissions::from_mode(0o640)).expect("set");
    fs::create_dir_all(bench.path("/srv/t/private")).expect("made");
    bench.file("private/open", "word");
    fs::set_permissions(bench.path("/srv/t/private"), fs::Permissions::from_mode(0o700)).expect("set");
    let open = "/srv/t/private/open";
    symlink(open, bench.path("/srv/t/way")).expect("made");
    for (method, path) in [
        ("files.read", "/etc/shadow"),
        ("files.read", secret),
        ("files.read", open),
        ("files.read", "/srv/t/way"),
        ("files.read", "/proc/1/environ"),
        ("files.read", "/proc/self/maps"),
        ("files.checksum", secret),
        ("files.tail", secret),
        ("files.list", "/root"),
        ("files.list", "/proc"),
        ("files.stat", open),
        ("files.disk-usage", open),
    ] {
        let said = bench.call("read", method, &[path]);
        let error = &said.json()["error"];
        assert!(said.code == 1 && error["value"]["denied"].is_string(), "{method} {path}: {said:?}");
        assert!(!said.out.contains("word"), "{said:?}");
    }
    let hidden = bench.value("read", "files.find", &["/srv/t", "**"]);
    assert!(hidden["hidden"] == 1 && !hidden.to_string().contains("private/open"), "{hidden}");
    assert_eq!(bench.value("manage", "files.read", &[secret]), "word");
    let told = bench.call("read", "files.read", &[secret]);
    assert!(told.out.contains("minion grant files:manage"), "{told:?}");
}

#[test]
fn who_may_read_changes_nothing() {
    let Some(bench) = bench() else { return };
    let file = &bench.file("file", "text");
    symlink("file", bench.path("/srv/t/link")).expect("made");
    let before = bench.shown();
    for (method, arguments) in [
        ("files.write", &[file.as_str(), "x"][..]),
        ("files.write", &["/srv/t/new", "x"]),
        ("files.write", &[file, "text", "0600", "none", "true"]),
        ("files.write-bytes", &[file, "[1]"]),
        ("files.template", &[file, "x"]),
        ("files.ensure-line", &[file, "x"]),
        ("files.replace", &[file, "t", "x"]),
        ("files.copy", &[file, "/srv/t/new"]),
        ("files.move", &[file, "/srv/t/new"]),
        ("files.remove", &[file]),
        ("files.remove", &["/srv/t", "true"]),
        ("files.mkdir", &["/srv/t/new"]),
        ("files.link", &["/srv/t/link", "/etc/passwd"]),
        ("files.link", &["/srv/t/new", "file"]),
        ("files.chmod", &[file, "0777"]),
        ("files.chown", &[file, "games"]),
    ] {
        let said = bench.call("read", method, arguments);
        let denied = said.json()["error"]["value"]["denied"].is_string();
        assert!(said.code == 1 && denied, "{method} {arguments:?}: {said:?}");
        assert!(said.out.contains("minion grant files:manage"), "{method} {arguments:?}: {said:?}");
        assert_eq!(bench.shown(), before, "{method} {arguments:?} changed something");
    }
}

#[test]
fn nothing_in_a_path_is_obeyed() {
    let Some(bench) = bench() else { return };
    for name in ["-rf", "; touch canary", "$(touch canary)", "`touch canary`", "a\nb", "--help", "*", "x y"] {
        let path = &format!("{HERE}/{name}");
        assert!(bench.changes("files.write", &[path, "x", "0600", "games"]), "{name}");
        assert_eq!(bench.printed("stat", &["-c", "%a %U", "--", path]), "600 games\n", "{name}");
        assert_eq!(bench.value("manage", "files.stat", &[path])["size"], 1, "{name}");
        assert_eq!(bench.value("manage", "files.disk-usage", &[path])["complete"], true, "{name}");
        assert!(bench.changes("files.remove", &[path]), "{name}");
        assert_eq!(bench.printed("ls", &["-A", HERE]), "", "{name}");
    }
}

#[test]
fn no_permissions_are_set_where_others_could_put_a_link() {
    let Some(bench) = bench() else { return };
    bench.printed("install", &["-d", "-o", "games", "-m", "0755", "/srv/theirs"]);
    let (theirs, shared) = ("/srv/theirs/file", "/tmp/of-games");
    assert!(bench.changes("files.write", &[theirs, "text"]));
    bench.printed("install", &["-o", "games", "-m", "0644", "/dev/null", shared]);
    for (method, arguments) in [
        ("files.chmod", &[theirs, "0600"][..]),
        ("files.chown", &[theirs, "games"]),
        ("files.write", &[theirs, "other", "0600"]),
        ("files.chmod", &[shared, "0600"]),
        ("files.write", &["/tmp/new", "text", "0600", "games"]),
    ] {
        let error = bench.error("manage", method, arguments);
        assert!(
            error["denied"].as_str().is_some_and(|why| why.contains("others than root")),
            "{method} {arguments:?}: {error}"
        );
    }
    assert_eq!(bench.printed("stat", &["-c", "%a %U", "--", theirs, shared]), "644 root\n644 games\n");
    assert_eq!(bench.printed("cat", &[theirs]), "text");
    assert!(!bench.path("/tmp/new").exists());
    assert!(bench.changes("files.write", &["/tmp/new", "text", "0600"]));
}
