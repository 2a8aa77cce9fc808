use proptest::prelude::*;
use wire::name::ModuleName;

use super::*;
use crate::config::Config;
use crate::policy::{LevelName, ModulePolicy, Suggestion};

const SUGGESTED: &str = r#"
    [read]
    description = "looks"
    facts = ["os.*"] # of the system
    files = [
        # Uptime and load.
        { host = '/proc', only = ["uptime", "loadavg", "meminfo", "stat"] },
        { host = "/sys", guest = "/sys", only = ["class/dmi/id/sys_vendor"] },
    ]

    [manage]
    includes = ["read"]
    kv = { quota = "1MiB" }
    facts = ["os.*", "kernel"]
    process = [{ command = "systemctl", args = ["restart", "*"] }]
    limits.cpu = "30s"

    [other]
    env = ["LANG"]
    [other.limits]
    cpu = "20s"
    memory = "32MiB"
"#;

fn suggestion() -> Suggestion {
    SUGGESTED.parse().expect("a suggestion")
}

fn module() -> ModuleName {
    "system".parse().expect("a name")
}

fn names(text: &str) -> Vec<LevelName> {
    text.split(',').map(|name| name.parse().expect("a name")).collect()
}

fn policy(text: &str) -> Policy<'_> {
    Policy { path: "/m/minion.toml".into(), text }
}

fn grant(text: &str, levels: &str) -> Result<Option<Change>, GrantError> {
    policy(text).grant(&module(), &suggestion(), &names(levels))
}

/// What the file says once these levels are granted.
fn granted(text: &str, levels: &str) -> String {
    grant(text, levels).expect("granted").expect("a change").after
}

fn read(text: &str) -> ModulePolicy {
    toml::from_str::<Config>(text).expect("a configuration").modules.of(&module())
}

#[test]
fn a_grant_is_a_table_with_a_line_that_says_what_wrote_it() {
    let after = granted("# Ours.\n[limits]\njobs = 3", "manage");
    let (mark, table) = after.split_once("[modules.system]\n").expect("a table");
    assert!(
        mark.starts_with("# Ours.\n[limits]\njobs = 3\n\n# What `minion grant system:manage` wrote ("),
        "{mark}"
    );
    assert!(mark.ends_with("; `minion revoke-grant system` takes it out.\n"), "{mark}");
    assert_eq!(
        table,
        r#"process = [{ command = "systemctl", args = ["restart", "*"] }]
files = [
    { host = "/proc", only = ["uptime", "loadavg", "meminfo", "stat"] },
    { host = "/sys", guest = "/sys", only = ["class/dmi/id/sys_vendor"] },
]
facts = ["os.*", "kernel"]
kv = { quota = "1MiB" }
limits = { cpu = "30s" }
"#
    );
}

#[test]
fn what_is_granted_is_what_the_levels_say() {
    for levels in ["read", "manage", "other", "read,other", "manage,other"] {
        let (wanted, found) = (suggestion().policy(&names(levels)), read(&granted("", levels)));
        assert_eq!((&found.limits, &found.settings), (&wanted.limits, &wanted.settings), "{levels}");
        assert_eq!(found.grants.process, wanted.grants.process, "{levels}");
        assert_eq!(found.grants.files, wanted.grants.files, "{levels}");
        let mut facts = wanted.grants.facts.clone();
        facts.dedup();
        assert_eq!((found.grants.facts, found.grants.kv), (facts, wanted.grants.kv), "{levels}");
    }
}

#[test]
fn granting_twice_changes_nothing_and_more_takes_nothing_away() {
    let once = granted("", "read");
    assert_eq!(grant(&once, "read").expect("granted"), None);
    let more = grant(&once, "other").expect("granted").expect("a change");
    assert_eq!(more.levels, names("read,other"));
    assert_eq!((read(&more.after).grants.facts.len(), read(&more.after).grants.env.len()), (1, 1));
    assert_eq!(grant(&more.after, "read").expect("granted"), None);
    // What is included is not named besides.
    let all = grant(&more.after, "manage").expect("granted").expect("a change");
    assert_eq!(all.levels, names("manage,other"));
    assert_eq!(all.removed, more.added);
}

#[test]
fn what_other_tables_grant_is_not_granted_again() {
    let all = "[modules.\"*\"]\nenv = [\"LANG\"]\nlimits = { cpu = \"20s\", memory = \"32MiB\" }\n";
    assert_eq!(grant(all, "other").expect("granted"), None);
    assert!(grant(all, "read").expect("granted").is_some());
}

#[test]
fn what_somebody_wrote_stays_and_the_lines_are_told() {
    let by_hand = "[modules.system]\nlimits = { cpu = \"5s\" }\n";
    let told = grant(&format!("# One.\n\n{by_hand}"), "read").expect_err("refused");
    assert!(
        matches!(&told, GrantError::ByHand { line: 3, how: "written", lines, .. } if lines.contains("/proc"))
    );
    assert!(told.to_string().contains("`minion revoke-grant system`"), "{told}");
    // Somebody changed what a grant wrote, or wrote something behind it on its lines.
    let once = granted("", "read");
    for changed in [once.replace("uptime", "1/mem"), once.trim_end().to_owned() + " # ours\n"] {
        let told = grant(&changed, "manage").expect_err("refused");
        assert!(matches!(told, GrantError::ByHand { how: "changed", .. }), "{told}");
    }
    // What they wrote beside it is none of that.
    let beside = format!("{once}# Ours.\n[labels]\na = \"b\"\n");
    let after = granted(&beside, "manage");
    assert!(after.ends_with("# Ours.\n[labels]\na = \"b\"\n"), "{after}");
}

#[test]
fn what_has_no_place_is_refused() {
    for (text, named) in [
        ("modules = { other = { env = [] } }\n", "has no place for the table"),
        ("modules.system.env = []\n", "by hand"),
        ("modules = { system = { env = [] } }\n", "by hand"),
        ("jobs = [\n", "cannot be read as a configuration"),
        ("jobs = 3\n", "cannot be read as a configuration"),
    ] {
        let told = grant(text, "read").expect_err(text).to_string();
        assert!(told.contains(named), "{text}: {told}");
    }
    let told = grant("", "write").expect_err("no such level").to_string();
    assert!(told.contains("no level \"write\"; it suggests read, manage, other"), "{told}");
}

#[test]
fn a_level_that_is_gone_is_named() {
    let before = granted("", "manage");
    let newer: Suggestion = "[read]\nfacts = ['os']".parse().expect("a suggestion");
    let told = policy(&before).grant(&module(), &newer, &names("read")).expect_err("refused");
    assert!(matches!(&told, GrantError::LevelGone { level, .. } if level.as_str() == "manage"), "{told}");
}

#[test]
fn text_that_nobody_sees_is_not_granted() {
    let hidden: Suggestion = "[read]\nenv = ['LANG\u{202e}']".parse().expect("a suggestion");
    let told = policy("").grant(&module(), &hidden, &names("read")).expect_err("refused");
    assert!(matches!(told, GrantError::Unseen { .. }), "{told}");
}

#[test]
fn lines_end_as_those_of_the_file_do() {
    let before = "# Ours.\r\n[limits]\r\njobs = 3\r\n";
    let once = granted(before, "manage");
    assert!(
        once.starts_with(before) && once.matches('\n').count() == once.matches("\r\n").count(),
        "{once:?}"
    );
    assert_eq!(read(&once).grants.process.len(), 1);
    assert_eq!(grant(&once, "manage").expect("granted"), None);
    let revoked = policy(&once).revoke(&module()).expect("taken out").expect("a change");
    assert_eq!(revoked.after, before);
    // An editor that makes others of them, or takes the last one away, changes nothing of what was granted.
    let plain = granted("[limits]\njobs = 3\n", "read");
    for edited in [plain.replace('\n', "\r\n"), plain.trim_end().to_owned(), once.replace("\r\n", "\n")] {
        let more = grant(&edited, "other").expect("granted").expect("a change");
        assert_eq!(read(&more.after).grants.env.len(), 1, "{more:?}");
        assert!(policy(&edited).revoke(&module()).expect("taken out").is_some());
    }
}

#[test]
fn what_does_not_stand_together_is_left_to_an_editor() {
    let once = granted("", "read");
    let scattered = format!("{once}\n[modules.system.limits]\ncpu = \"5s\"\n");
    for text in [&scattered, "[modules]\nsystem.env = []\n", "[modules]\nsystem = { env = [] }\n"] {
        let told = grant(text, "manage").expect_err("refused").to_string();
        assert!(told.contains("take it out with an editor"), "{told}");
        let told = policy(text).revoke(&module()).expect_err("refused").to_string();
        assert!(told.contains("with an editor"), "{told}");
    }
}

#[test]
fn a_grant_finds_its_place_whatever_is_around_it() {
    for before in [
        "\u{feff}[limits]\njobs = 3\n",
        "[modules] # what they may\n# nothing yet\n",
        "modules.other.env = []\n",
        "[modules]\nother.limits.cpu = \"1s\"\n",
        "[[signatures.trusted]]\n",
        "# the end, without a line end",
        "labels = { a = \"# [modules.system]\" } # ]\n",
        "\n\n\n",
    ] {
        let Ok(change) = grant(before, "manage") else {
            let told = grant(before, "manage").expect_err("refused").to_string();
            assert!(told.contains("minion.toml"), "{before}: {told}");
            continue;
        };
        let after = change.expect("a change").after;
        assert!(after.starts_with(before), "{after}");
        assert_eq!(grant(&after, "manage").expect("granted"), None, "{after}");
        let revoked = policy(&after).revoke(&module()).expect("taken out").expect("a change").after;
        assert_eq!(revoked.trim_end(), before.trim_end());
    }
    // Comments around the header and between the lines are somebody's.
    let commented =
        granted("", "read").replace("[modules.system]", "# Since May.\n[ modules . system ] # ours");
    let told = grant(&commented, "manage").expect_err("refused");
    assert!(matches!(told, GrantError::ByHand { together: true, .. }), "{told}");
}

#[test]
fn a_table_is_taken_out_whoever_wrote_it() {
    let before = "# Ours.\n[limits]\njobs = 3\n";
    let after = policy(&granted(before, "manage")).revoke(&module()).expect("taken out").expect("a change");
    assert_eq!(after.after, before);
    let by_hand = "[labels]\na = \"b\"\n\n# Why.\n[modules.system]\nlimits.cpu = \"5s\" # soon\nenv = [\n]\n\n# Then.\n[audit]\nfiles = 3\n";
    let change = policy(by_hand).revoke(&module()).expect("taken out").expect("a change");
    assert_eq!(change.after, "[labels]\na = \"b\"\n\n# Why.\n\n# Then.\n[audit]\nfiles = 3\n");
    assert_eq!(change.removed.as_deref(), Some("[modules.system]\nlimits.cpu = \"5s\" # soon\nenv = [\n]\n"));
    assert_eq!(policy(before).revoke(&module()).expect("nothing"), None);
    for scattered in ["modules.system.env = []\n", "[modules.system]\n[modules.system.limits]\njobs = 3\n"] {
        let told = policy(scattered).revoke(&module()).expect_err("scattered").to_string();
        assert!(told.contains("with an editor"), "{told}");
    }
}

/// Lines that a configuration may have, in sections that may stand in any order.
fn configuration() -> impl Strategy<Value = String> {
    let comment = prop_oneof![
        Just("# a comment"),
        Just("\t# indented"),
        Just(""),
        Just("   "),
        Just("# What `minion grant system:read` wrote (0);"),
    ];
    let sections = prop::sample::subsequence((0..7).collect::<Vec<usize>>(), 0..6);
    let texts = [
        "[limits]\njobs  =  3 # why\n",
        "[labels]\n\"x y\" = '''a\n[modules.system]\nb'''\n",
        "[modules.\"*\"]\nlimits = { cpu=\"5s\" }\n",
        "[modules.systems]\nfiles = [\n  # Theirs.\n  { host = \"/srv\" }, # and so on\n]\n",
        "[modules.other.limits]\r\ncpu = '1s'\r\n",
        "[access]\ndeny = [{ operator = \"a\" }]\n",
        "[audit]\nfiles=3\n",
    ];
    (sections.prop_shuffle(), prop::collection::vec(comment, 8), any::<bool>()).prop_map(
        move |(sections, comments, ends)| {
            let mut text: String = sections
                .iter()
                .zip(&comments)
                .map(|(section, comment)| format!("{comment}\n{}", texts[*section]))
                .collect();
            text.push_str(comments[7]);
            if ends && !text.is_empty() {
                text.push('\n');
            }
            text
        },
    )
}

proptest! {
    #[test]
    fn all_else_stays_byte_for_byte(before in configuration(), first in 0..3_usize, second in 0..3_usize) {
        let levels = ["read", "manage", "other"];
        let once = granted(&before, levels[first]);
        prop_assert!(once.starts_with(&before));
        let twice = grant(&once, levels[second]).expect("granted").map_or(once, |change| change.after);
        prop_assert!(twice.starts_with(&before));
        let revoked = policy(&twice).revoke(&module()).expect("taken out").expect("a change").after;
        // But for the end of the last line, which the table must not stand on.
        let ended = if before.is_empty() || before.ends_with('\n') { before } else { before + "\n" };
        prop_assert_eq!(revoked, ended);
    }
}
