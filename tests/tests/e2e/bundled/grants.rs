//! Granting what modules suggest.

use std::fs;

use rig::{Fleet, bundled_dir, said};

use super::printed;

#[test]
fn a_grant_that_the_minion_names_is_all_that_a_module_needs() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let modules = fleet.minion_dir("web1").join("modules");
    fs::create_dir_all(&modules).expect("made");
    for module in ["system", "process"] {
        let file = format!("{module}.wasm");
        fs::copy(bundled_dir().join(&file), modules.join(&file)).expect("copied");
    }
    let written = "# Ours.\n[limits]\njobs = 7 # enough\n";
    let config = fleet.minion_dir("web1").join("minion.toml");
    fs::write(&config, written).expect("written");
    fleet.start_minion_with("web1", &modules);
    fleet.await_connection("web1", 1);
    let minion = |words: &[&str]| said(fleet.minion_command("web1").args(words));

    let refused = fleet.run(&["call", "web1", "system.info", "--json"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.out.contains("minion grant system:read"), "{refused:?}");
    let unasked = minion(&["grant", "system"]);
    assert!(unasked.code != 0 && unasked.err.contains("--yes"), "{unasked:?}");
    assert_eq!(fs::read_to_string(&config).expect("read"), written);

    let granted = minion(&["grant", "system", "--yes"]);
    assert_eq!(granted.code, 0, "{granted:?}");
    let now = fs::read_to_string(&config).expect("read");
    assert!(now.starts_with(written) && now.contains("[modules.system]"), "{now}");
    let again = minion(&["grant", "system", "--yes"]);
    assert_eq!((again.code, fs::read_to_string(&config).expect("read")), (0, now), "{again:?}");

    let info = fleet.run(&["call", "web1", "system.info", "--json"]);
    assert_eq!(info.code, 0, "{info:?}");
    let info = info.json()["results"]["web1"]["value"].clone();
    assert_eq!(info["hostname"], printed("hostname", &[]).trim(), "{info}");
    assert_eq!(info["kernel"], printed("uname", &["-r"]).trim(), "{info}");
    assert_eq!(info["arch"], printed("uname", &["-m"]).trim(), "{info}");
    let total = fs::read_to_string("/proc/meminfo").expect("read");
    let total: u64 = total.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
    assert_eq!(info["memory-total"], total * 1024, "{info}");
    assert_eq!(info["cpus"].to_string(), printed("nproc", &["--all"]).trim(), "{info}");

    let revoked = minion(&["revoke-grant", "system", "--yes"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_eq!(fs::read_to_string(&config).expect("read").trim_end(), written.trim_end());
    assert_eq!(fleet.run(&["call", "web1", "system.info"]).code, 1);
}
