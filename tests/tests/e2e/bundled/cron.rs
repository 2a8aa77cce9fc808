//! `cron`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use super::{Bench, can_unshare, has_programs};

const JOB: &str =
    r#"{name: "backup", schedule: "30 2  * * *", command: "/usr/local/bin/backup --all > /dev/null"}"#;

/// A copy whose clocks are those of Berlin.
fn bench() -> Option<Bench> {
    if !can_unshare() || !has_programs(&["crontab"], "cron") {
        return None;
    }
    let bench = Bench::new();
    let local = bench.path("/etc/localtime");
    fs::remove_file(&local).expect("removed");
    symlink("/usr/share/zoneinfo/Europe/Berlin", &local).expect("made");
    Some(bench)
}

fn change(bench: &Bench, method: &str, arguments: &[&str]) -> Value {
    bench.value("manage", &format!("cron.{method}"), arguments)["changed"].clone()
}

fn crontab(bench: &Bench, user: &str) -> String {
    bench.printed("crontab", &["-u", user, "-l"])
}

#[test]
fn a_job_is_in_the_crontab_of_its_user_once() {
    let Some(bench) = bench() else { return };
    fs::write(bench.path("/bench/theirs"), "MAILTO=\"\"\n# a note\n5 4 * * 1 echo theirs\n")
        .expect("written");
    bench.printed("crontab", &["-u", "root", "/bench/theirs"]);
    let theirs = crontab(&bench, "root");
    assert!(theirs.contains("echo theirs"), "{theirs}");
    assert!(bench.error("read", "cron.ensure", &[JOB])["denied"].is_string());
    let dry = bench.dry("manage", "cron.ensure", &[JOB]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert_eq!(crontab(&bench, "root"), theirs);
    assert_eq!(
        (change(&bench, "ensure", &[JOB]), change(&bench, "ensure", &[JOB])),
        (json!(true), json!(false))
    );
    let line = "30 2 * * * /usr/local/bin/backup --all > /dev/null";
    assert_eq!(crontab(&bench, "root"), format!("{theirs}# overlord: backup\n{line}\n"));
    let other = JOB.replace("30 2 ", "40 3 ");
    assert_eq!(
        (change(&bench, "ensure", &[&other]), change(&bench, "ensure", &[&other])),
        (json!(true), json!(false))
    );
    assert_eq!(
        crontab(&bench, "root"),
        format!("{theirs}# overlord: backup\n{}\n", line.replace("30 2", "40 3"))
    );

    let for_nobody = JOB.replace("}", r#", user: "nobody"}"#);
    assert_eq!(change(&bench, "ensure", &[&for_nobody]), true);
    let listed = bench.value("read", "cron.list", &["nobody"]);
    let job = &listed[0];
    assert_eq!((&job["name"], &job["schedule"]), (&json!("backup"), &json!("30 2 * * *")), "{listed}");
    let all = bench.value("read", "cron.list", &[]);
    let users: Vec<&str> =
        all.as_array().expect("a list").iter().filter_map(|job| job["user"].as_str()).collect();
    assert!(users.contains(&"root") && users.contains(&"nobody"), "{all}");
    let of_theirs =
        all.as_array().expect("a list").iter().find(|job| job["command"] == "echo theirs").expect("listed");
    assert_eq!((&of_theirs["name"], &of_theirs["schedule"]), (&Value::Null, &json!("5 4 * * 1")));
    if bench.path("/etc/crontab").exists() {
        assert!(all.as_array().expect("a list").iter().any(|job| job["file"] == "/etc/crontab"), "{all}");
    }

    assert_eq!(change(&bench, "remove", &["backup", "nobody"]), true);
    assert_eq!(
        (change(&bench, "remove", &["backup"]), change(&bench, "remove", &["backup"])),
        (json!(true), json!(false))
    );
    assert_eq!(crontab(&bench, "root"), theirs);
    let unknown = JOB.replace("}", r#", user: "no-such-user"}"#);
    assert!(bench.error("manage", "cron.ensure", &[&unknown])["not-found"].is_string());
    for bad in [
        JOB.replace("30 2 ", "30 25 "),
        JOB.replace("--all", "--all\\n* * * * * id"),
        JOB.replace("\"backup\"", "\"a b\""),
    ] {
        assert!(bench.error("manage", "cron.ensure", &[&bad])["invalid"].is_string(), "{bad}");
    }
}

#[test]
fn the_next_runs_are_those_of_the_clocks_of_the_host() {
    let Some(bench) = bench() else { return };
    let next = |schedule: &str| bench.value("read", "cron.next-runs", &[schedule, "40"]);
    assert_eq!(bench.value("read", "cron.next-runs", &["@@reboot"]), json!([]));
    assert!(bench.error("read", "cron.next-runs", &["daily"])["invalid"].is_string());
    if !has_programs(&["systemd-analyze"], "systemd") {
        return;
    }
    // What systemd makes of the same, of the same clocks: over years, in which these are set often.
    for (schedule, same) in [
        ("30 12 * * *", "12:30"),
        ("0 */6 1-7 * *", "*-*-01..07 00/6:00"),
        ("15 9 * mar,oct sun", "Sun *-03,10-* 09:15"),
        ("0 0 29 2 *", "*-02-29"),
        ("*/20 * * * 1-5", "Mon..Fri *:00/20"),
    ] {
        assert_eq!(next(schedule), bench.value("read", "cron.next-timer-runs", &[same, "40"]), "{schedule}");
    }
    for bad in ["never ever", "-H", "daily\n[Service]"] {
        assert!(bench.error("read", "cron.next-timer-runs", &[bad])["invalid"].is_string(), "{bad}");
    }
}

/// The timer that is tried, as it is listed.
fn timer(bench: &Bench) -> Option<serde_json::Value> {
    let timers = bench.value("read", "cron.timers", &[]);
    timers.as_array().expect("a list").iter().find(|timer| timer["name"] == "overlord-tried.timer").cloned()
}

#[test]
fn a_timer_starts_its_program_and_is_gone_with_it() {
    let Some(bench) = Bench::booted() else { return };
    let written = "/bench/written";
    let wish = |schedule: &str| {
        format!(
            r#"{{name: "tried", schedule: "{schedule}", command: ["/usr/bin/tee", "{written}", "/bench/100% $HOME"]}}"#
        )
    };
    let first = wish("Mon..Fri 02:30");
    assert!(bench.error("read", "cron.ensure-timer", &[&first])["denied"].is_string());
    let dry = bench.dry("manage", "cron.ensure-timer", &[&first]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    let file = "/etc/systemd/system/overlord-tried.timer";
    assert!(!bench.path(file).exists());
    assert_eq!(
        (change(&bench, "ensure-timer", &[&first]), change(&bench, "ensure-timer", &[&first])),
        (json!(true), json!(false))
    );
    let show = |property: &str| {
        bench
            .printed("systemctl", &["show", "--value", "--property", property, "overlord-tried.timer"])
            .trim()
            .to_owned()
    };
    assert_eq!((show("ActiveState").as_str(), show("UnitFileState").as_str()), ("active", "enabled"));
    let next = |schedule: &str| bench.value("read", "cron.next-timer-runs", &[schedule, "1"])[0].clone();
    let listed = timer(&bench).expect("listed");
    assert_eq!(
        (&listed["next"], &listed["starts"]),
        (&next("Mon..Fri 02:30"), &json!("overlord-tried.service"))
    );
    let second = wish("Sat 04:00");
    assert_eq!(
        (change(&bench, "ensure-timer", &[&second]), change(&bench, "ensure-timer", &[&second])),
        (json!(true), json!(false))
    );
    assert_eq!(timer(&bench).expect("listed")["next"], next("Sat 04:00"));
    // What it starts gets each word as it was written.
    assert_eq!(bench.printed("systemctl", &["start", "overlord-tried.service"]), "");
    assert!(bench.path(written).exists() && bench.path("/bench/100% $HOME").exists());
    let timers = bench.value("read", "cron.timers", &[]);
    let told = bench.printed("systemctl", &["list-timers", "--all", "--no-legend", "--no-pager"]);
    assert_eq!(timers.as_array().map(Vec::len), Some(told.lines().count()), "{told}");

    assert_eq!(
        (change(&bench, "remove-timer", &["tried"]), change(&bench, "remove-timer", &["tried"])),
        (json!(true), json!(false))
    );
    assert!(!bench.path(file).exists() && timer(&bench).is_none());
    for bad in
        [wish("nonsense"), first.replace("/usr/bin/tee", "tee"), first.replace("\"tried\"", "\"../x\"")]
    {
        assert!(bench.error("manage", "cron.ensure-timer", &[&bad])["invalid"].is_string(), "{bad}");
    }
}

#[test]
fn a_host_without_systemd_has_no_timers() {
    if !can_unshare() || Path::new("/run/systemd/system").exists() {
        return;
    }
    let bench = Bench::new();
    for (method, arguments) in [
        ("timers", &[][..]),
        ("ensure-timer", &[r#"{name: "x", schedule: "daily", command: ["/bin/true"]}"#]),
    ] {
        let error = bench.error("manage", &format!("cron.{method}"), arguments);
        assert!(
            error["unsupported"].as_str().is_some_and(|why| why.contains("systemd")),
            "{method}: {error}"
        );
    }
}
