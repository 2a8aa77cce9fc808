use proptest::prelude::*;

use super::*;

const EXAMPLE: &str = r#"
    # Looks only.
    [read]
    description = "looks at units"
    facts = ["os.*"]
    process = [{ command = "systemctl", args = ["--no-pager", "show", "*"], read-only = true }]

    [restart]
    process = [{ command = "systemctl", args = ["restart", "*"] }]

    [all]
    includes = ["read", "restart"]
    kv = { quota = "1MiB" }
    limits = { cpu = "30s" }

    [admin]
    includes = ["all"]
    files = [{ host = "/etc/systemd", mode = "rw" }]
"#;

fn example() -> Suggestion {
    EXAMPLE.parse().expect("a suggestion")
}

fn name(text: &str) -> LevelName {
    text.parse().expect("a name")
}

fn names(levels: &[&Level]) -> Vec<String> {
    levels.iter().map(|level| level.name.to_string()).collect()
}

#[test]
fn a_level_has_what_it_says_and_what_it_includes() {
    let suggestion = example();
    assert_eq!(names(&suggestion.levels.iter().collect::<Vec<_>>()), ["read", "restart", "all", "admin"]);
    assert_eq!(suggestion.levels[0].description(), Some("looks at units"));
    assert_eq!(names(&suggestion.with_included(&[name("admin")])), ["read", "restart", "all", "admin"]);
    let restart = suggestion.policy(&[name("restart")]).grants;
    assert_eq!((restart.process.len(), restart.facts.len(), restart.kv), (1, 0, None));
    let all = suggestion.policy(&[name("all")]);
    assert_eq!((all.grants.process.len(), all.grants.files.len()), (2, 0));
    assert_eq!(all.limits.cpu, std::time::Duration::from_secs(30));
    let [read, .., admin] = suggestion.levels() else { panic!("levels") };
    assert_eq!(
        (read.name(), read.includes(), read.description()),
        (&name("read"), &[][..], Some("looks at units"))
    );
    assert_eq!(
        (admin.name(), admin.includes(), admin.description()),
        (&name("admin"), &[name("all")][..], None)
    );
    assert_eq!((admin.grants().process.len(), admin.grants().files.len()), (2, 1));
    assert_eq!(suggestion.level(&name("all")).map(Level::name), Some(&name("all")));
    assert!(suggestion.level(&name("other")).is_none());
    assert_eq!(suggestion.text(), EXAMPLE);
}

#[test]
fn the_usual_level_is_the_only_one_or_read() {
    assert_eq!(example().usual().map(|level| level.name.as_str()), Some("read"));
    let usual = |text: &str| {
        let suggestion: Suggestion = text.parse().expect("a suggestion");
        suggestion.usual().map(|level| level.name.to_string())
    };
    assert_eq!(usual("[all]\nfacts = ['*']").as_deref(), Some("all"));
    assert_eq!(usual("[all]\nfacts = ['*']\n[some]\nfacts = ['os']"), None);
}

#[test]
fn the_smallest_level_is_the_one_that_grants_least() {
    let suggestion = example();
    let smallest = |names: &[&str]| {
        let names: Vec<LevelName> = names.iter().map(|text| name(text)).collect();
        suggestion.smallest(&names).map(|level| level.name.as_str().to_owned())
    };
    assert_eq!(smallest(&["admin", "all", "read", "restart"]).as_deref(), Some("restart"));
    assert_eq!(smallest(&["admin", "all"]).as_deref(), Some("all"));
    assert_eq!(smallest(&["other"]), None);
    let suggestion: Suggestion =
        "[facts]\nfacts = ['a', 'b']\n[kv]\nkv = { quota = 1 }".parse().expect("levels");
    let smallest = suggestion.smallest(&[name("facts"), name("kv")]).map(|level| level.name.as_str());
    assert_eq!(smallest, Some("kv"), "what it may keep is one grant");
    let free = "[all]\nprocess = [{ any = ['command', 'args'] }]\n\
                [some]\nprocess = [{ command = 'a' }, { command = 'b', args = ['*'] }, { command = 'c' }]";
    let suggestion: Suggestion = free.parse().expect("a suggestion");
    let smallest = suggestion.smallest(&[name("all"), name("some")]).map(|level| level.name.as_str());
    assert_eq!(smallest, Some("some"), "a grant that leaves all to the module is the largest");
}

#[test]
fn what_is_within_a_policy_is_known() {
    let suggestion = example();
    let all = suggestion.policy(&[name("all")]);
    assert!(suggestion.is_within(&[name("read"), name("restart")], &all));
    assert!(suggestion.is_within(&[name("all")], &all));
    assert!(!suggestion.is_within(&[name("admin")], &all));
    assert!(!suggestion.is_within(&[name("read")], &ModulePolicy::default()));
}

#[test]
fn the_name_of_a_level_is_short_and_plain() {
    for text in ["a", "read", "read-only", "v2", "a-", &"x".repeat(32)] {
        let name = name(text);
        assert_eq!((name.as_str(), format!("{name:>4}")), (text, format!("{text:>4}")));
    }
    for text in ["", "Read", "2a", "-a", "a_b", "a b", "é", &"x".repeat(33)] {
        let error = text.parse::<LevelName>().expect_err(text).to_string();
        let told = "is not the name of a level: write lower-case letters, digits and \"-\", a letter first, 32 at most";
        let cut: String = text.chars().take(32).collect();
        assert_eq!(error, format!("\"{cut}\" {told}"));
    }
}

#[test]
fn a_suggestion_has_an_end() {
    let level = |number| format!("[level{number}]\nfacts = ['os']\n");
    let levels = |count| (0..count).map(level).collect::<String>();
    assert_eq!(levels(16).parse::<Suggestion>().expect("levels").levels().len(), 16);
    let error = levels(17).parse::<Suggestion>().expect_err("too many").to_string();
    assert_eq!(error, "line 1: it has 17 levels: write one to 16, as [read]");
    let text = |bytes: usize| level(0) + &" ".repeat(bytes - level(0).len());
    assert!(Suggestion::from_bytes(text(MAX_SECTION).as_bytes()).is_ok());
    let error = Suggestion::from_bytes(text(MAX_SECTION + 1).as_bytes()).expect_err("too long").to_string();
    assert_eq!(error, "65537 bytes are over the limit of 65536: a level should fit on a screen");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, line, named) in [
        ("", 1, "0 levels"),
        ("read = 3", 1, "a table like [read]"),
        ("[Read]\nfacts = ['*']", 1, "\"Read\" is not the name of a level"),
        // Of a key that nobody knows the line of its level is all that is known.
        ("[read]\nproces = []", 1, "proces"),
        ("[read]\nfacts = ['*']\nfiles = [{ host = 'etc' }]", 3, "\"etc\" is not an absolute path"),
        ("[read]\n\n[all]\nincludes = ['more']", 3, "includes \"more\""),
        ("[all]\nincludes = ['read']\n[read]\nfacts = ['*']", 1, "written before it"),
        ("[read]\nlimits = { cpu = 'fast' }", 2, "fast"),
        ("[read]\nhttp = [", 2, "array"),
    ] {
        match text.parse::<Suggestion>() {
            Err(BadSuggestion::Parse { line: found, cause }) => {
                assert!(cause.contains(named), "{text}: {cause}");
                assert_eq!(found, line, "{text}: {cause}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let large = format!("[read]\ndescription = '{}'", "x".repeat(MAX_SECTION));
    assert!(matches!(Suggestion::from_bytes(large.as_bytes()), Err(BadSuggestion::TooLarge(_))));
    assert_eq!(Suggestion::from_bytes(b"[read]\n# \xff").err(), Some(BadSuggestion::NotText));
}

proptest! {
    #[test]
    fn whatever_a_section_holds_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Suggestion::from_bytes(&bytes);
    }
}
