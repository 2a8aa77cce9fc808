//! `system`.

use std::fs;

use serde_json::json;

use super::{Bench, can_unshare, printed};

/// What `date` makes of a number of seconds.
fn date(seconds: &serde_json::Value) -> String {
    printed("date", &["-u", &format!("--date=@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"]).trim().to_owned()
}

#[test]
fn a_host_is_what_its_own_tools_say() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let info = bench.value("read", "system.info", &[]);
    let stat = fs::read_to_string("/proc/stat").expect("read");
    let booted = stat.lines().find_map(|line| line.strip_prefix("btime ")).expect("a time");
    assert_eq!(info["boot-time"]["seconds"].to_string(), booted.trim(), "{info}");
    assert_eq!(info["boot-time"]["text"], date(&info["boot-time"]["seconds"]), "{info}");
    assert_eq!(info["arch"], printed("uname", &["-m"]).trim(), "{info}");
    assert!(info["virtualisation"].as_str().is_some_and(|kind| kind != "unknown"), "{info}");

    fs::write(bench.path("etc/timezone"), "Europe/Berlin\n").expect("written");
    let time = bench.value("read", "system.time", &[]);
    assert_eq!(time["now"]["text"], date(&time["now"]["seconds"]), "{time}");
    assert_eq!((&time["zone"], &time["synchronised"]), (&json!("Europe/Berlin"), &json!(null)));
}

#[test]
fn a_host_gets_a_name_that_stays() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let before = printed("hostname", &[]);
    let dry = bench.dry("manage", "system.set-hostname", &["renamed.example.org"]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert_eq!(bench.printed("hostname", &[]), before);
    assert!(bench.error("read", "system.set-hostname", &["renamed"])["denied"].is_string());
    for changed in [true, false] {
        let said = bench.value("manage", "system.set-hostname", &["renamed.example.org"]);
        assert_eq!(said["changed"], changed, "{said}");
        assert_eq!(bench.printed("hostname", &[]), "renamed.example.org\n");
        assert_eq!(bench.value("read", "system.hostname", &[]), "renamed.example.org");
        assert_eq!(fs::read_to_string(bench.path("etc/hostname")).expect("read"), "renamed.example.org\n");
    }
    // What only one of the two knew is put right as well.
    fs::write(bench.path("etc/hostname"), "other\n").expect("written");
    assert_eq!(bench.value("manage", "system.set-hostname", &["renamed.example.org"])["changed"], true);
    assert_eq!(fs::read_to_string(bench.path("etc/hostname")).expect("read"), "renamed.example.org\n");
    assert!(bench.error("manage", "system.set-hostname", &["a_b"])["invalid"].is_string());
    assert_eq!(printed("hostname", &[]), before, "the host itself has another name");
}

#[test]
fn a_host_says_whether_it_should_be_started_again() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let running = printed("uname", &["-r"]).trim().to_owned();
    let need = bench.value("read", "system.reboot-required", &[]);
    assert_eq!((&need["required"], &need["running-kernel"]), (&json!(false), &json!(running)), "{need}");

    let rest = running.trim_start_matches(|c: char| c.is_ascii_digit());
    let newer = format!("9999{rest}");
    let kernel = bench.path("usr/lib/modules").join(&newer);
    fs::create_dir_all(&kernel).expect("made");
    assert_eq!(bench.value("read", "system.reboot-required", &[])["required"], false, "only left behind");
    fs::write(kernel.join("modules.builtin"), "").expect("written");
    let need = bench.value("read", "system.reboot-required", &[]);
    assert_eq!((&need["required"], &need["newest-kernel"]), (&json!(true), &json!(newer)), "{need}");
    fs::remove_dir_all(&kernel).expect("removed");

    fs::write(bench.path("run/reboot-required"), "*** System restart required ***\n").expect("written");
    fs::write(bench.path("run/reboot-required.pkgs"), "libc6\nlinux-base\nlibc6\n").expect("written");
    let need = bench.value("read", "system.reboot-required", &[]);
    assert_eq!((&need["required"], &need["packages"]), (&json!(true), &json!(["libc6", "linux-base"])));
}

#[test]
fn a_reboot_that_is_planned_stays_or_is_taken_back() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let unplanned = bench.value("manage", "system.cancel-reboot", &[]);
    assert_eq!(unplanned, json!({ "changed": false, "changes": [] }));
    // No copy of the host has a systemd that could be asked.
    assert!(bench.error("manage", "system.reboot", &["300"])["unsupported"].is_string());
    assert!(bench.error("manage", "system.reboot", &["60", "-h"])["invalid"].is_string());

    let plan = |mode: &str| {
        let folder = bench.path("run/systemd/shutdown");
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join("scheduled"), format!("USEC=1700000000000000\nMODE={mode}\n"))
            .expect("written");
    };
    plan("reboot");
    let kept = bench.value("manage", "system.reboot", &["300"]);
    let at = json!({ "text": "2023-11-14T22:13:20Z", "seconds": 1_700_000_000 });
    assert_eq!(kept, json!({ "changed": false, "at": at }));
    let dry = bench.dry("manage", "system.cancel-reboot", &[]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert!(dry.json()["would"].to_string().contains("shutdown -c"), "{dry:?}");
    assert!(bench.error("read", "system.cancel-reboot", &[])["denied"].is_string());
    plan("poweroff");
    assert!(bench.error("manage", "system.reboot", &["300"])["busy"].is_string());
    assert_eq!(bench.value("manage", "system.cancel-reboot", &[])["changed"], false);
}
