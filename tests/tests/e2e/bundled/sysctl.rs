//! `sysctl`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::{Bench, can_unshare, has_programs};

/// A setting that each network has for itself, so that no other one is touched.
const FORWARD: &str = "net.ipv4.ip_forward";

const FILE: &str = "/etc/sysctl.d/99-zz-overlord.conf";

/// A copy whose settings are tried.
fn bench() -> Option<Bench> {
    (can_unshare() && has_programs(&["sysctl"], "procps")).then(Bench::apart)
}

fn live(bench: &Bench, name: &str) -> String {
    bench.printed("sysctl", &["-n", name]).trim().to_owned()
}

/// Func's `sysctl.list` and `sysctl.get`.
#[test]
fn settings_are_those_that_sysctl_tells() {
    let Some(bench) = bench() else { return };
    let listed = bench.value("read", "sysctl.list", &[]);
    let ours: BTreeSet<&str> =
        listed.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    let told = bench.printed("sysctl", &["-a", "-N"]);
    let theirs: BTreeSet<&str> = told.lines().collect();
    assert!(theirs.len() > 300, "{told}");
    // Some can only be written, or have nothing in them yet: of these there is no value to tell.
    let has_none = |name: &&&str| name.ends_with("flush") || name.ends_with("stable_secret");
    let missing: Vec<&&str> = theirs.difference(&ours).filter(|name| !has_none(name)).collect();
    assert!(missing.is_empty() && ours.is_subset(&theirs), "{missing:?}");

    for name in ["kernel.ostype", FORWARD, "kernel.printk", "net.ipv4.tcp_rmem", "kernel.hostname"] {
        let value = &bench.value("read", "sysctl.get", &[name])["value"];
        assert_eq!(value, &live(&bench, name), "{name}");
        let listed = bench.value("read", "sysctl.list", &[name]);
        assert_eq!(listed, json!([{ "name": name, "value": value }]));
    }
    let below = bench.value("read", "sysctl.list", &["net/ipv4/conf"]);
    let below = below.as_array().expect("a list");
    assert!(
        below.len() > 20
            && below
                .iter()
                .all(|one| one["name"].as_str().is_some_and(|name| name.starts_with("net.ipv4.conf.")))
    );
    assert!(bench.error("read", "sysctl.get", &["kernel.no_such_setting"])["not-found"].is_string());
    assert!(bench.error("read", "sysctl.get", &["net.ipv4"])["invalid"].is_string());
}

#[test]
fn a_setting_is_set_now_and_for_good() {
    let Some(bench) = bench() else { return };
    let set = |arguments: &[&str]| {
        bench.value("manage", "sysctl.set", &[&[FORWARD], arguments].concat())["changed"].clone()
    };
    assert_eq!(live(&bench, FORWARD), "0");
    assert!(bench.error("read", "sysctl.set", &[FORWARD, "1"])["denied"].is_string());
    let dry = bench.dry("manage", "sysctl.set", &[FORWARD, "1", "both"]);
    assert_eq!(dry.json()["value"]["changes"].as_array().map(Vec::len), Some(2), "{dry:?}");
    assert!(live(&bench, FORWARD) == "0" && !bench.path(FILE).exists());

    assert_eq!((set(&["1"]), set(&["1"])), (json!(true), json!(false)));
    assert!(live(&bench, FORWARD) == "1" && !bench.path(FILE).exists());
    assert_eq!((set(&["1", "both"]), set(&["1", "both"])), (json!(true), json!(false)));
    let state = bench.value("read", "sysctl.get", &[FORWARD]);
    assert_eq!(state, json!({ "name": FORWARD, "value": "1", "persistent": "1", "file": FILE }));
    assert_eq!(set(&["0", "live"]), true);
    assert_eq!(live(&bench, FORWARD), "0");
    // The system's own tool takes it from the file.
    bench.printed("sysctl", &["-p", FILE]);
    assert_eq!(live(&bench, FORWARD), "1");
    assert_eq!(set(&["0", "persistent"]), true);
    assert_eq!(live(&bench, FORWARD), "1");
    bench.printed("sysctl", &["-p", FILE]);
    assert_eq!(live(&bench, FORWARD), "0");
    let name = bench.value("manage", "sysctl.set", &["kernel.domainname", "example.org"]);
    assert_eq!((&name["changed"], live(&bench, "kernel.domainname").as_str()), (&json!(true), "example.org"));

    let forget = || bench.value("manage", "sysctl.forget", &[FORWARD])["changed"].clone();
    assert_eq!((forget(), forget()), (json!(true), json!(false)));
    assert_eq!(bench.value("read", "sysctl.get", &[FORWARD])["persistent"], Value::Null);
}

#[test]
fn what_stands_in_the_way_of_a_setting_is_said() {
    let Some(bench) = bench() else { return };
    fs::create_dir_all(bench.path("/etc/sysctl.d")).expect("made");
    let later = "/etc/sysctl.d/99-zzz.conf";
    fs::write(bench.path(later), format!("{FORWARD} = 0\n")).expect("written");
    let error = bench.error("manage", "sysctl.set", &[FORWARD, "1", "persistent"]);
    assert!(error["invalid"].as_str().is_some_and(|why| why.contains(later)), "{error}");
    let error = bench.error("manage", "sysctl.set", &[FORWARD, "many"]);
    assert!(error["invalid"].as_str().is_some_and(|why| why.contains("many")), "{error}");
    assert!(bench.error("manage", "sysctl.set", &["kernel.no-such", "1"])["not-found"].is_string());
    assert!(bench.error("manage", "sysctl.set", &["kernel.ostype", "x"])["denied"].is_string());
}
