//! `mount`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use rig::say_skipped;
use serde_json::{Value, json};

use super::{Bench, can_unshare};

const PLACE: &str = "/mnt/tried";

/// What `findmnt` tells of a place.
fn found(bench: &Bench, column: &str) -> String {
    bench.printed("findmnt", &["-n", "-o", column, "-M", PLACE]).trim().to_owned()
}

fn mount(bench: &Bench, source: &str) -> Value {
    bench.value("manage", "mount.mount", &[PLACE, source])["changed"].clone()
}

fn unmount(bench: &Bench, more: &[&str]) -> Value {
    bench.value("manage", "mount.unmount", &[&[PLACE], more].concat())["changed"].clone()
}

/// Func's `mount.list`.
#[test]
fn what_is_mounted_is_what_the_kernel_tells() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let text = bench.printed("cat", &["/proc/self/mounts"]);
    let told: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').take(3).collect()).collect();
    let listed = bench.value("read", "mount.list", &[]);
    let listed = listed.as_array().expect("a list");
    let ours: Vec<[&str; 2]> =
        listed.iter().map(|one| ["path", "kind"].map(|key| one[key].as_str().expect("text"))).collect();
    let theirs: Vec<[&str; 2]> = told.iter().map(|fields| [fields[1], fields[2]]).collect();
    assert_eq!(ours, theirs);
    let only = bench.value("read", "mount.list", &["overlay"]);
    let only = only.as_array().expect("a list");
    assert!(only[0]["path"] == "/" && only.iter().all(|one| one["kind"] == "overlay"), "{only:?}");
}

#[test]
fn something_is_mounted_and_unmounted_once() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let source = r#"{source: "tried", kind: "tmpfs", options: ["size=1m", "nosuid"], make-folder: true}"#;
    assert!(bench.error("read", "mount.mount", &[PLACE, source])["denied"].is_string());
    let dry = bench.dry("manage", "mount.mount", &[PLACE, source]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert!(!bench.path(PLACE).exists());
    assert_eq!((mount(&bench, source), mount(&bench, source)), (json!(true), json!(false)));
    let options = found(&bench, "OPTIONS");
    assert!(
        options.contains("size=1024k") && options.contains("nosuid") && options.starts_with("rw"),
        "{options}"
    );
    let read_only = r#"{source: "tried", kind: "tmpfs", options: ["ro", "nosuid"]}"#;
    assert_eq!((mount(&bench, read_only), mount(&bench, read_only)), (json!(true), json!(false)));
    assert!(found(&bench, "OPTIONS").starts_with("ro"));
    let other = bench.error("manage", "mount.mount", &[PLACE, r#"{source: "other", kind: "tmpfs"}"#]);
    assert!(other["busy"].as_str().is_some_and(|why| why.contains("mount.unmount")), "{other}");
    assert_eq!((unmount(&bench, &[]), unmount(&bench, &[])), (json!(true), json!(false)));
    assert_eq!(found(&bench, "SOURCE"), "");

    let bound = r#"{source: "/usr/share", options: ["bind"]}"#;
    assert_eq!((mount(&bench, bound), mount(&bench, bound)), (json!(true), json!(false)));
    assert!(found(&bench, "SOURCE").ends_with("[/usr/share]") && bench.path(PLACE).join("zoneinfo").is_dir());
    assert_eq!(unmount(&bench, &[]), true);
    assert!(bench.error("manage", "mount.unmount", &["/", "true"])["invalid"].is_string());
    let secret = r#"{source: "//nas/x", kind: "cifs", options: ["password=hidden"]}"#;
    let error = bench.error("manage", "mount.mount", &[PLACE, secret]);
    assert!(error["invalid"].is_string() && !error.to_string().contains("hidden"), "{error}");
    let missing =
        bench.error("manage", "mount.mount", &[PLACE, r#"{source: "/dev/no-such-disk", kind: "ext4"}"#]);
    assert!(missing["not-found"].is_string(), "{missing}");
}

#[test]
fn what_is_in_use_is_let_go_only_where_that_is_wished() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    mount(&bench, r#"{source: "tried", kind: "tmpfs", make-folder: true}"#);
    let script = format!("exec 3>{PLACE}/file; echo ready; read end");
    let mut user = bench.within("sh");
    let mut user =
        user.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
    let mut line = String::new();
    BufReader::new(user.stdout.take().expect("piped")).read_line(&mut line).expect("read");
    assert_eq!(line, "ready\n");
    let busy = bench.error("manage", "mount.unmount", &[PLACE]);
    assert!(busy["busy"].as_str().is_some_and(|why| why.contains("process.open-files")), "{busy}");
    assert_eq!(unmount(&bench, &["true"]), true);
    assert_eq!(found(&bench, "SOURCE"), "");
    drop(user.stdin.take());
    user.wait().expect("ended");
}

#[test]
fn a_line_of_fstab_is_as_wished_and_is_mounted_by_its_place() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let before = "# ours\nUUID=1234-abcd /srv/other\\040place ext4 errors=remount-ro 0 1 # why\n";
    fs::write(bench.path("/etc/fstab"), before).expect("written");
    fs::set_permissions(bench.path("/etc/fstab"), fs::Permissions::from_mode(0o640)).expect("set");
    let wish =
        format!(r#"{{path: "{PLACE}/", source: "tried", kind: "tmpfs", options: ["size=1m", "noauto"]}}"#);
    let ensure = || bench.value("manage", "mount.ensure", &[&wish])["changed"].clone();
    let dry = bench.dry("manage", "mount.ensure", &[&wish]);
    assert_eq!(
        (dry.code, fs::read_to_string(bench.path("/etc/fstab")).expect("read").as_str()),
        (0, before),
        "{dry:?}"
    );
    assert_eq!((ensure(), ensure()), (json!(true), json!(false)));
    let after = fs::read_to_string(bench.path("/etc/fstab")).expect("read");
    assert_eq!(after, format!("{before}tried {PLACE} tmpfs size=1m,noauto 0 0\n"));
    let mode = fs::metadata(bench.path("/etc/fstab")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(!bench.path("/etc/fstab.new").exists());
    let told = bench.printed("findmnt", &["--fstab", "-n", "-l", "-o", "SOURCE,FSTYPE,OPTIONS", "-T", PLACE]);
    assert_eq!(told.split_whitespace().collect::<Vec<_>>(), ["tried", "tmpfs", "size=1m,noauto"]);

    fs::create_dir_all(bench.path(PLACE)).expect("made");
    let by_place = || bench.value("manage", "mount.mount", &[PLACE])["changed"].clone();
    assert_eq!((by_place(), by_place()), (json!(true), json!(false)));
    assert!(found(&bench, "OPTIONS").contains("size=1024k"));
    let lines = bench.value("read", "mount.fstab", &[]);
    let shown: Vec<_> =
        lines.as_array().expect("a list").iter().map(|line| (&line["path"], &line["mounted"])).collect();
    assert_eq!(shown, [(&json!("/srv/other place"), &json!(false)), (&json!(PLACE), &json!(true))]);
    let remove = || bench.value("manage", "mount.remove", &[PLACE])["changed"].clone();
    assert_eq!((remove(), remove()), (json!(true), json!(false)));
    assert_eq!(fs::read_to_string(bench.path("/etc/fstab")).expect("read"), before);
    assert!(found(&bench, "SOURCE") == "tried");
    assert_eq!(unmount(&bench, &[]), true);
    assert!(bench.error("manage", "mount.mount", &[PLACE])["not-found"].is_string());
}

#[test]
fn a_disk_is_as_full_as_df_says() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let source = if Path::new("/dev/loop-control").exists() && Path::new("/usr/sbin/mkfs.ext4").exists() {
        bench.printed("truncate", &["-s", "8M", "/bench/disk"]);
        bench.printed("mkfs.ext4", &["-q", "-N", "16", "/bench/disk"]);
        r#"{source: "/bench/disk", kind: "ext4", make-folder: true}"#
    } else {
        say_skipped("there are no disks of files here: one in memory is tried");
        r#"{source: "tried", kind: "tmpfs", options: ["size=8m", "nr_inodes=16"], make-folder: true}"#
    };
    assert_eq!((mount(&bench, source), mount(&bench, source)), (json!(true), json!(false)));
    let usage = |more: &[&str]| bench.value("read", "mount.usage", &[&[PLACE], more].concat());
    let df = |column: &str| {
        let told = bench.printed("df", &[&format!("--output={column}"), "-B1", PLACE]);
        told.lines().last().expect("a line").trim().to_owned()
    };
    fs::write(bench.path(PLACE).join("half"), vec![1; 4 << 20]).expect("written");
    let told = usage(&[]);
    let percent = |column: &str| df(column).trim_end_matches('%').parse::<u64>().expect("a number");
    assert_eq!(told[0]["used-percent"], percent("pcent").max(percent("ipcent")), "{told}");
    assert_eq!(told[0]["available-bytes"].to_string(), df("avail"), "{told}");
    assert_eq!(told[0]["inodes-used"].to_string(), df("iused"), "{told}");
    for number in 0..16 {
        // Until there are no more.
        let _ = fs::write(bench.path(PLACE).join(number.to_string()), "");
    }
    // Full is also what has room for bytes, and for no file.
    assert_eq!(usage(&["99"])[0]["used-percent"], 100);
    assert_eq!(usage(&["100"]), json!([]));
    assert_eq!(unmount(&bench, &[]), true);
}
