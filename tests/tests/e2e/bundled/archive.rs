//! `archive`: what it packs the system's own programs unpack, and the other way round.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rig::say_skipped;
use serde_json::{Value, json};

use super::{Bench, can_unshare, printed};

/// The folder of the tests, in the copy of the host.
const HERE: &str = "/srv/t";

/// A copy of this host with a tree of files, links and folders in `/srv/t/tree`.
fn bench() -> Option<Bench> {
    can_unshare().then(|| {
        let bench = Bench::new();
        let tree = bench.path(&format!("{HERE}/tree"));
        fs::create_dir_all(tree.join("sub/empty")).expect("made");
        fs::write(tree.join("file"), "content\n").expect("written");
        fs::write(tree.join("none"), "").expect("written");
        let long = format!("sub/{}/{}", "long".repeat(40), "name".repeat(40));
        fs::create_dir_all(tree.join(&long).parent().expect("a folder")).expect("made");
        fs::write(tree.join(long), b"line\n".repeat(100_000)).expect("written");
        fs::write(tree.join("sub/program"), "#!/bin/sh\n").expect("written");
        fs::write(tree.join("sub/secret"), "key\n").expect("written");
        for (name, mode) in [("sub/program", 0o755), ("sub/secret", 0o600), ("sub/empty", 0o750)] {
            fs::set_permissions(tree.join(name), fs::Permissions::from_mode(mode)).expect("set");
        }
        symlink("../file", tree.join("sub/link")).expect("made");
        bench
    })
}

impl Bench {
    /// What is in a folder of the tests: names, kinds, modes, sizes, targets, and sums of content.
    fn tree(&self, name: &str) -> String {
        let script = "cd \"$1\" && find . -mindepth 1 -printf '%P %y %m %l\\n' | sort && find . -type f -exec sha256sum {} + | sort";
        let tree = self.printed("sh", &["-c", script, "sh", &format!("{HERE}/{name}")]);
        assert!(!tree.is_empty(), "there is nothing in {name}");
        tree
    }

    /// Runs a script in the folder of the tests.
    fn script(&self, script: &str) {
        let status = self.within("sh").args(["-ec", &format!("cd {HERE}; {script}")]).status();
        assert!(status.expect("runs").success(), "{script}");
    }
}

/// Whether a program is there; says so where it is not, which is an error where everything must be tried.
pub(super) fn has(program: &str) -> bool {
    let is_there = !printed("sh", &["-c", &format!("command -v {program}")]).is_empty();
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "there is no `{program}`");
        say_skipped(&format!("there is no `{program}`"));
    }
    is_there
}

/// Each format with a script that packs `tree` into `$1`, one that unpacks `$1` here, and the programs of both.
const FORMATS: [(&str, &str, &str, &[&str]); 4] = [
    ("a.tar", "tar cf ../$1 .", "tar xpf ../$1", &["tar"]),
    ("a.tar.gz", "tar czf ../$1 .", "tar xpzf ../$1", &["tar", "gzip"]),
    ("a.tar.zst", "tar c . | zstd -q -o ../$1", "zstd -dcq ../$1 | tar xp", &["tar", "zstd"]),
    ("a.zip", "zip -qry ../$1 .", "unzip -q ../$1", &["zip", "unzip"]),
];

#[test]
fn what_the_systems_programs_pack_is_unpacked_once_and_the_other_way_round() {
    let Some(bench) = bench() else { return };
    let expected = bench.tree("tree");
    for (name, pack, unpack, programs) in FORMATS {
        if !programs.iter().all(|program| has(program)) {
            continue;
        }
        let path = format!("{HERE}/{name}");
        bench.script(&format!("cd tree; {}", pack.replace("$1", name)));
        let into = format!("{HERE}/into-{name}");
        let call = |dry: bool| {
            let arguments = [path.as_str(), into.as_str()];
            let said = match dry {
                true => bench.dry("manage", "archive.unpack", &arguments),
                false => bench.call("manage", "archive.unpack", &arguments),
            };
            assert_eq!(said.code, 0, "{name}: {said:?}");
            said.json()["value"].clone()
        };
        assert_eq!(call(true)["changed"], true, "{name}");
        assert!(!bench.path(&into).exists(), "a dry run of {name} made something");
        let first = call(false);
        assert_eq!((&first["changed"], &first["total-bytes"]), (&json!(true), &json!(500_022)), "{first}");
        assert_eq!(bench.tree(&format!("into-{name}")), expected, "{name}");
        let again = call(false);
        assert_eq!((&again["changed"], &again["changes"]), (&json!(false), &json!([])), "{name}");
        // One file of another content, one of another mode, one that is gone.
        bench.script(&format!("cd into-{name}; echo changed >file; chmod 666 sub/program; rm sub/link"));
        let told = [call(true), call(false)].map(|value| value["changes"].clone());
        assert_eq!((&told[0], told[0].as_array().map(Vec::len)), (&told[1], Some(3)), "{name}: {told:?}");
        assert_eq!(bench.tree(&format!("into-{name}")), expected, "{name}");

        let ours = format!("{HERE}/ours-{name}");
        let tree = format!("{HERE}/tree");
        let dry = bench.dry("manage", "archive.pack", &[&tree, &ours]).json()["value"].clone();
        assert!(dry["changed"] == true && !bench.path(&ours).exists(), "{dry}");
        let packed = bench.value("manage", "archive.pack", &[&tree, &ours]);
        assert_eq!(packed, dry);
        let sum = bench.printed("sha256sum", &[&ours]);
        assert_eq!(packed["sha256"], sum.split_whitespace().next().expect("a sum"), "{packed}");
        let mode = fs::metadata(bench.path(&ours)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(bench.value("manage", "archive.pack", &[&tree, &ours])["changed"], false, "{name}");
        let theirs = unpack.replace("$1", &format!("ours-{name}"));
        bench.script(&format!("mkdir their-{name}; cd their-{name}; {theirs}"));
        assert_eq!(bench.tree(&format!("their-{name}")), expected, "{name}");
    }
}

#[test]
fn a_listing_is_that_of_the_systems_programs() {
    let Some(bench) = bench() else { return };
    bench.script("cd tree; tar czf ../a.tar.gz .");
    let listing = bench.value("manage", "archive.list", &[&format!("{HERE}/a.tar.gz")]);
    let paths: Vec<&str> =
        listing["entries"].as_array().expect("a list").iter().filter_map(|it| it["path"].as_str()).collect();
    let theirs = bench.printed("tar", &["tzf", &format!("{HERE}/a.tar.gz")]);
    assert_eq!(paths, theirs.lines().collect::<Vec<_>>());
    assert_eq!((&listing["format"], &listing["count"]), (&json!("tar-gz"), &json!(paths.len())), "{listing}");
    let find = |end: &str| {
        let entries = listing["entries"].as_array().expect("a list");
        entries
            .iter()
            .find(|it| it["path"].as_str().is_some_and(|path| path.ends_with(end)))
            .expect(end)
            .clone()
    };
    assert_eq!((&find("secret")["mode"], &find("secret")["size"]), (&json!("0600"), &json!(4)));
    assert_eq!((&find("link")["kind"], &find("link")["target"]), (&json!("link"), &json!("../file")));
    let time = bench.printed("stat", &["-c", "%Y", &format!("{HERE}/tree/file")]);
    assert_eq!(find("/file")["modified"]["seconds"].to_string(), time.trim());
    let few = bench.value("read", "archive.list", &[&format!("{HERE}/a.tar.gz"), "2"]);
    assert_eq!((few["entries"].as_array().map(Vec::len), &few["count"]), (Some(2), &listing["count"]));
}

/// Makes archives that somebody means ill with, each of which is refused before anything is written.
const HOSTILE: &str = r#"
import io, tarfile, zipfile
def tar(name, *members):
    with tarfile.open(f"{name}.tar.gz", "w:gz") as out:
        first = tarfile.TarInfo("first")
        first.size = 2
        out.addfile(first, io.BytesIO(b"1\n"))
        for path, kind, link in members:
            info = tarfile.TarInfo(path)
            info.type, info.linkname = kind, link
            if kind == tarfile.REGTYPE:
                info.size = 5
            out.addfile(info, io.BytesIO(b"evil\n"))
FILE, LINK, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
tar("up", ("../evil", FILE, ""))
tar("deep-up", ("a/../../evil", FILE, ""))
tar("whole", ("/srv/t/evil", FILE, ""))
tar("link-whole", ("a", LINK, "/srv/t"))
tar("link-up", ("a/b", LINK, "../../evil"))
tar("link-through", ("a", LINK, "."), ("b", LINK, "a/.."))
tar("below-link", ("sub", tarfile.DIRTYPE, ""), ("a", LINK, "sub"), ("a/evil", FILE, ""))
tar("hard-whole", ("a", HARD, "/etc/passwd"))
tar("hard-up", ("a", HARD, "../outside"))
tar("hard-link", ("l", LINK, "first"), ("a", HARD, "l"))
tar("device", ("null", tarfile.CHRTYPE, ""))
with zipfile.ZipFile("zip-up.zip", "w") as out:
    out.writestr("first", "1\n")
    out.writestr("../evil", "evil\n")
with zipfile.ZipFile("zip-link.zip", "w") as out:
    info = zipfile.ZipInfo("a")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    out.writestr(info, "/srv/t")
"#;

#[test]
fn nothing_of_an_archive_gets_out_of_the_folder() {
    let Some(bench) = bench() else { return };
    if !has("python3") {
        return;
    }
    fs::write(bench.path(&format!("{HERE}/outside")), "outside\n").expect("written");
    fs::write(bench.path(&format!("{HERE}/hostile.py")), HOSTILE).expect("written");
    let made = bench
        .within(printed("sh", &["-c", "command -v python3"]).trim())
        .args(["-c", &format!("import os; os.chdir('{HERE}'); exec(open('hostile.py').read())")])
        .status();
    assert!(made.expect("runs").success());
    let into = format!("{HERE}/into");
    let mut tried = 0;
    for entry in fs::read_dir(bench.path(HERE)).expect("read") {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        if !name.ends_with(".tar.gz") && !name.ends_with(".zip") {
            continue;
        }
        tried += 1;
        let refused = bench.error("manage", "archive.unpack", &[&format!("{HERE}/{name}"), &into]);
        assert!(refused["denied"].to_string().contains("nothing is unpacked"), "{name}: {refused}");
        assert!(!bench.path(&into).exists(), "{name} made something");
        assert!(!bench.path(&format!("{HERE}/evil")).exists(), "{name} got out");
    }
    assert_eq!(tried, 13);
    // Nor through a link that is there, nor where others may put one.
    bench.script("cd tree; tar czf ../fine.tar.gz sub/program; cd ..; mkdir elsewhere into; ln -s ../elsewhere into/sub");
    let fine = format!("{HERE}/fine.tar.gz");
    let refused = bench.error("manage", "archive.unpack", &[&fine, &into]);
    assert!(refused["denied"].to_string().contains("is no folder"), "{refused}");
    assert_eq!(fs::read_dir(bench.path(&format!("{HERE}/elsewhere"))).expect("read").count(), 0);
    bench.script("rm into/sub; mkdir into/sub; chown nobody into/sub");
    let refused = bench.error("manage", "archive.unpack", &[&fine, &into]);
    assert!(refused["denied"].to_string().contains("into/sub"), "{refused}");
    // What is read by way of `/proc` is the archive itself, and none of the minion's files.
    assert!(bench.error("manage", "archive.list", &["/etc/passwd"])["invalid"].is_string());
}

#[test]
fn a_bomb_is_refused_and_so_is_what_is_damaged() {
    let Some(bench) = bench() else { return };
    bench.script(
        "head -c 50000000 /dev/zero >zeros; tar czf bomb.tar.gz zeros; zip -q bomb.zip zeros; rm zeros",
    );
    let into = format!("{HERE}/into");
    for name in ["bomb.tar.gz", "bomb.zip"] {
        let path = format!("{HERE}/{name}");
        assert!(fs::metadata(bench.path(&path)).expect("there").len() < 100_000);
        let refused = bench.error("manage", "archive.unpack", &[&path, &into, "{most-bytes: 1000000}"]);
        assert!(refused["denied"].to_string().contains("most-bytes"), "{name}: {refused}");
        assert!(!bench.path(&into).exists());
    }
    let unpacked = bench.value("manage", "archive.unpack", &[&format!("{HERE}/bomb.zip"), &into]);
    assert_eq!(unpacked["total-bytes"], 50_000_000);
    // One that says less than it has.
    let mut zip = fs::read(bench.path(&format!("{HERE}/bomb.zip"))).expect("read");
    let size = 50_000_000_u32.to_le_bytes();
    let places: Vec<usize> =
        zip.windows(4).enumerate().filter(|(_, it)| *it == size).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| zip[*at..*at + 4].copy_from_slice(&10_u32.to_le_bytes()));
    fs::write(bench.path(&format!("{HERE}/liar.zip")), &zip).expect("written");
    bench.script(
        "cd tree; tar czf ../whole.tar.gz .; cd ..; head -c 1000 whole.tar.gz >cut.tar.gz; rm -r into",
    );
    for name in ["liar.zip", "cut.tar.gz"] {
        let refused = bench.error("manage", "archive.unpack", &[&format!("{HERE}/{name}"), &into]);
        assert!(refused["invalid"].to_string().contains("damaged"), "{name}: {refused}");
        assert!(!bench.path(&into).exists(), "{name} made something");
    }
    let unsupported = |name: &str, bytes: &[u8]| -> Value {
        fs::write(bench.path(&format!("{HERE}/{name}")), bytes).expect("written");
        bench.error("manage", "archive.list", &[&format!("{HERE}/{name}")])
    };
    assert!(unsupported("a.tar.bz2", b"BZh91AY")["unsupported"].to_string().contains("bzip2"));
    assert!(unsupported("a.tar.xz", b"\xfd7zXZ\0")["unsupported"].to_string().contains("xz"));
}

#[test]
fn who_may_read_unpacks_nothing_and_reads_no_secrets() {
    let Some(bench) = bench() else { return };
    bench.script("cd tree; tar cf ../a.tar .; cp ../a.tar ../hidden.tar; chmod 600 ../hidden.tar");
    let (path, hidden) = (format!("{HERE}/a.tar"), format!("{HERE}/hidden.tar"));
    assert!(bench.value("read", "archive.list", &[&path])["count"].as_u64().is_some_and(|count| count > 5));
    assert!(bench.error("read", "archive.list", &[&hidden])["denied"].is_string());
    assert!(bench.error("read", "archive.unpack", &[&path, &format!("{HERE}/into")])["denied"].is_string());
    assert!(!bench.path(&format!("{HERE}/into")).exists());
    assert!(!Path::new("/srv/t").exists());
}
