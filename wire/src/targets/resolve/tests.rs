use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::targets::{Problem, UnmatchedKind};

const NAMES: [&str; 8] = ["db1", "db2", "db3.eu", "mail", "web1", "web2", "web3-eu", "web10"];

/// A fleet with groups and facts.
struct Fleet(HashMap<&'static str, Arc<Expression>>);

impl Lookup for Fleet {
    fn group(&self, name: &str) -> Option<Arc<Expression>> {
        self.0.get(name).cloned()
    }

    fn facts(&self, minion: &MinionName) -> Option<Arc<Json>> {
        let number = minion.as_str().bytes().filter(u8::is_ascii_digit).count();
        let os = if minion.as_str().starts_with("db") { "Debian" } else { "Alpine" };
        (minion.as_str() != "mail").then(|| Arc::new(json!({"os": os, "disks": number})))
    }
}

fn fleet() -> Fleet {
    let group = |members: &[&str]| Arc::new(Expression::any_of(members.iter().copied()).unwrap());
    Fleet(HashMap::from([
        ("web", group(&["web*"])),
        ("eu", group(&["db3.eu", "web3-eu", "gone"])),
        ("all", group(&["@web", "@rest"])),
        ("rest", group(&["db* , mail"])),
        ("empty", group(&[])),
        ("ring", group(&["@rung"])),
        ("rung", group(&["web1", "@ring"])),
        ("self", group(&["@self"])),
        ("broken", group(&["@nowhere"])),
        ("around", group(&["@broken"])),
    ]))
}

fn names() -> Vec<MinionName> {
    NAMES.iter().map(|name| name.parse().unwrap()).collect()
}

fn matched(expression: &str, exclude: Option<&str>) -> Result<Vec<String>, TargetError> {
    Ok(meant(expression, exclude)?.minions.into_iter().map(String::from).collect())
}

fn meant(expression: &str, exclude: Option<&str>) -> Result<Matched, TargetError> {
    let target = Target { exclude: exclude.map(str::to_owned), ..Target::of(expression) };
    resolve(&target, &names().into_iter().collect(), &fleet())
}

fn all(expression: &str) -> String {
    matched(expression, None).unwrap().join(" ")
}

fn expressions() -> impl Strategy<Value = String> {
    let term = prop::sample::select(vec![
        "db1",
        "web1",
        "WEB2",
        "nobody",
        "*",
        "web*",
        "*[0-9]",
        "db?",
        "w*[!1-2]",
        "@web",
        "@eu:w*",
        "@all",
        "@empty",
        "~(db|web)1",
        "~.*eu",
        "os=debian",
        "disks>=2",
        "disks!=1",
    ]);
    term.prop_map(str::to_owned).prop_recursive(5, 40, 3, |inner| {
        let operator = prop::sample::select(vec![",", ";", "&", " , ", " & "]);
        prop_oneof![
            inner.clone().prop_map(|inner| format!("!({inner})")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            (inner.clone(), operator, inner).prop_map(|(a, operator, b)| format!("{a}{operator}{b}")),
        ]
    })
}

proptest! {
    #[test]
    fn complements_of_unions_are_intersections_of_complements(a in expressions(), b in expressions()) {
        prop_assert_eq!(all(&format!("!(({a}),({b}))")), all(&format!("!({a})&!({b})")));
        prop_assert_eq!(all(&format!("!(({a})&({b}))")), all(&format!("!({a}),!({b})")));
        prop_assert_eq!(all(&format!("!!!({a})")), all(&format!("!({a})")));
    }

    #[test]
    fn exclusion_always_wins(a in expressions(), b in expressions()) {
        let left = matched(&a, Some(&b)).unwrap();
        prop_assert_eq!(left.join(" "), all(&format!("({a})&!({b})")));
    }

    #[test]
    fn one_minion_is_matched_as_it_is_among_many(a in expressions()) {
        let expression = Expression::parse(&a).unwrap();
        let matches = |name: &MinionName| expression.matches(name, &fleet()).unwrap() == Truth::Yes;
        let one = names().into_iter().filter(matches);
        prop_assert_eq!(one.map(String::from).collect::<Vec<_>>().join(" "), all(&a));
    }
}

#[test]
fn each_kind_of_term_matches_what_it_says() {
    for (expression, expected) in [
        ("web1", "web1"),
        ("WEB1;Db2", "db2 web1"),
        ("web?", "web1 web2"),
        ("web[12]", "web1 web2"),
        ("web1*", "web1 web10"),
        ("db3*", "db3.eu"),
        ("web[!1]*", "web2 web3-eu"),
        ("*eu", "db3.eu web3-eu"),
        ("*", "db1 db2 db3.eu mail web1 web2 web3-eu web10"),
        ("~web[0-9]{1,2}", "web1 web2 web10"),
        ("~(web1|DB1),mail", "db1 mail web1"),
        ("(~ web1 ),db1", "db1 web1"),
        ("~(web1|,),db1", "db1 web1"),
        ("~[(,;&)]?web1,db1", "db1 web1"),
        (r"~[\],]?web1,db1", "db1 web1"),
        (r"~\[?web1,db1", "db1 web1"),
        (r"~\(?web1,db1", "db1 web1"),
        ("@eu", "db3.eu web3-eu"),
        ("@eu:web*", "web3-eu"),
        ("@eu:web*,@eu", "db3.eu web3-eu"),
        ("@all:mail", "mail"),
        ("@empty", ""),
        ("os=debian", "db1 db2 db3.eu"),
        ("os ^= \"alp\" & disks>1", "web10"),
        ("(os=debian);mail", "db1 db2 db3.eu mail"),
        ("os*=bian&!db1", "db2 db3.eu"),
        ("os!=debian&!web*", ""),
        ("os!=debian,mail", "mail web1 web2 web3-eu web10"),
        ("nobody", ""),
    ] {
        assert_eq!(all(expression), expected, "{expression}");
    }
}

#[test]
fn complement_binds_before_intersection_and_that_before_union() {
    assert_eq!(all("mail,web*&!web1"), "mail web2 web3-eu web10");
    assert_eq!(all("(mail,web*)&!web1"), "mail web2 web3-eu web10");
    assert_eq!(all("!web*&db1,web1"), "db1 web1");
    assert_eq!(all("!(web*,db*)"), "mail");
    assert_eq!(all("web1&db1,mail"), "mail");
}

#[test]
fn a_group_that_cannot_be_followed_is_an_error_at_its_place() {
    let error = |expression: &str| matched(expression, None).unwrap_err();
    assert_eq!(error("web1,@nope").column(), 6);
    assert_eq!(
        error("web1,@nope").to_string(),
        "target \"web1,@nope\", column 6: there is no group \"nope\": this version has no groups yet, use names, patterns or labels (role=web)"
    );
    assert!(error("!@self").to_string().contains("group \"self\" contains itself"));
    assert!(error("@ring").to_string().contains("group \"ring\" contains itself by way of rung"));
    let message = "group \"broken\" cannot be followed: target \"@nowhere\", column 1: there is no group";
    assert!(error("mail&@broken").to_string().contains(message));
    let message = "target \"@around\", column 1: group \"broken\" cannot be followed: target \"@nowhere\"";
    assert!(error("@around").to_string().starts_with(message));
    assert!(matched("web1", Some("@nope")).is_err());
}

#[test]
fn an_expression_that_would_take_too_long_is_refused() {
    let names: Roster = (0..2000).map(|n| format!("web{n}").parse().unwrap()).collect();
    let tests = "os=debian,".repeat(501) + "web1";
    let error = resolve(&Target::of(tests), &names, &()).unwrap_err();
    assert_eq!(error.problem(), &Problem::TooMuch);
    let names_and_globs = (0..2000).map(|n| format!("web{n},web{n}*")).collect::<Vec<_>>().join(",");
    let matched = resolve(&Target::of(names_and_globs), &names, &()).unwrap();
    assert_eq!((matched.minions.len(), matched.unmatched), (2000, Vec::new()));
}

/// Groups with a number for a name, each of which has the one before it for a member.
struct Nested;

impl Lookup for Nested {
    fn group(&self, name: &str) -> Option<Arc<Expression>> {
        let text = match name.parse::<usize>().ok()?.checked_sub(1) {
            Some(before) => format!("@{before}"),
            None => "web1".to_owned(),
        };
        Expression::parse(&text).ok().map(Arc::new)
    }

    fn facts(&self, _: &MinionName) -> Option<Arc<Json>> {
        None
    }
}

#[test]
fn groups_are_followed_thirty_two_deep() {
    let matches = |text: &str| Expression::parse(text).unwrap().matches(&names()[4], &Nested);
    assert_eq!(matches("@31"), Ok(Truth::Yes));
    let error = matches("@32").unwrap_err().to_string();
    assert!(error.contains("more than 32 groups within groups"), "{error}");
}

#[test]
fn an_expression_may_cost_its_limit_and_no_more() {
    let names: Roster = (0..2000).map(|n| format!("web{n}").parse().unwrap()).collect();
    let tests = |count| "os=debian,".repeat(count);
    // A test that nobody passes costs 80 000, with what it takes to say so, and a "*" among them 2 000.
    let stars = |count| vec!["*"; count].join("&");
    for (expression, allowed) in [
        (tests(249) + &stars(40), true),
        (tests(249) + &stars(41), false),
        ("*,".to_owned() + &tests(249) + &stars(39), true),
        ("*,".to_owned() + &tests(249) + &stars(40), false),
        (tests(250) + "x*", true),
        (tests(250) + "*x", false),
    ] {
        let resolved = resolve(&Target::of(&expression), &names, &());
        let error = resolved.err().map(|error| error.to_string());
        let end = &expression[expression.len() - 20..];
        assert_eq!(error.is_none(), allowed, "…{end}: {error:?}");
    }
    let many: Roster = (0..2000).map(|n| format!("n{n}-eu").parse().unwrap()).collect();
    let globs = (0..12_000).map(|n| format!("n{n}-*")).collect::<Vec<_>>().join(",");
    assert_eq!(resolve(&Target::of(globs), &many, &()).unwrap().minions.len(), 2000);
}

#[test]
fn a_member_of_a_group_stays_by_itself() {
    assert!(Expression::any_of(["(web1", "db1)"]).is_err());
    let group = Expression::any_of(["web1", "db1"]).unwrap();
    assert_eq!(format!("{group:>10}"), "  web1,db1");
    assert_eq!(group.matches(&"db1".parse().unwrap(), &()).unwrap(), Truth::Yes);
}

#[test]
fn what_was_never_heard_is_neither_equal_nor_different() {
    let of_mail = |expression: &str, exclude| {
        let matched = meant(expression, exclude).unwrap();
        let has = |names: &[MinionName]| names.iter().any(|name| name.as_str() == "mail");
        match (has(&matched.minions), has(&matched.undecided), has(&matched.unheard)) {
            (false, false, false) => "out",
            (true, false, false) => "in",
            (false, true, false) => "undecided",
            (false, false, true) => "unheard",
            other => panic!("{expression}: {other:?}"),
        }
    };
    for (expression, exclude, expected) in [
        ("os=debian", None, "unheard"),
        ("os!=debian", None, "undecided"),
        ("!os=debian", None, "undecided"),
        ("*", Some("os=debian"), "undecided"),
        ("*", Some("os!=debian"), "undecided"),
        ("*", Some("os=debian&disks>1"), "undecided"),
        ("web*&os=debian", None, "out"),
        ("web*", Some("os=debian"), "out"),
        ("mail", Some("os=debian,mail"), "out"),
        ("*", Some("os=debian&web*"), "in"),
        ("os=debian&!mail", None, "out"),
        ("os=debian,mail", None, "in"),
        ("!(os=debian&web*)", None, "in"),
        ("os=debian&!disks=1", None, "unheard"),
        ("@all&!os=debian", None, "undecided"),
        ("*", None, "in"),
    ] {
        assert_eq!(of_mail(expression, exclude), expected, "{expression} -x {exclude:?}");
    }
    let test = Expression::parse("os=debian").unwrap();
    assert_eq!(test.matches(&names()[0], &()), Ok(Truth::Unknown));
}

#[test]
fn terms_that_match_nobody_are_told_as_they_were_written() {
    let told = |expression: &str, exclude| {
        let matched = meant(expression, exclude).unwrap();
        let told = matched.unmatched.into_iter().map(|one| {
            let kind = match one.kind {
                UnmatchedKind::Name(_) => "name",
                UnmatchedKind::Fact { told: true, .. } => "value",
                UnmatchedKind::Fact { told: false, .. } => "fact",
                UnmatchedKind::Other => "other",
            };
            format!("{}{} {kind}", if one.negated { "-" } else { "" }, one.term)
        });
        told.collect::<Vec<_>>().join("; ")
    };
    for (expression, exclude, expected) in [
        ("web1 , WBE2,wbe2", None, "wbe2 name"),
        ("*,web*,db[1-2]", None, ""),
        ("* & dc*", None, "dc* other"),
        ("web1 & !dbb1", None, "-dbb1 name"),
        (
            "*",
            Some("dbb1 ,~x+ , roel = \"a b\",os=arch"),
            "-dbb1 name; -~x+ other; -roel = \"a b\" fact; -os=arch value",
        ),
        ("@eu:web*", Some("@eu:web9,@web:db*,@eu,@empty"), "-web9 name; -@web:db* other; -@empty other"),
    ] {
        assert_eq!(told(expression, exclude), expected, "{expression} -x {exclude:?}");
    }
    let matched = meant("web1,db1", Some("web*,db*")).unwrap();
    assert_eq!((matched.minions.len(), matched.before_exclusion), (0, 2));
    for (expression, rest) in
        [("db1 & !db*", 1), ("web* & !(web*)", 4), ("!*", 0), ("!* & !db1", 0), ("dc*", 0), ("db1&mail", 0)]
    {
        assert_eq!(meant(expression, None).unwrap().before_complement, rest, "{expression}");
    }
}

#[test]
fn what_is_certain_hangs_on_no_fact_that_was_not_told() {
    let certain = |expression: &str| -> Vec<String> {
        let mut names = names();
        names.sort_unstable();
        let expression = Expression::parse(expression).unwrap();
        let certain = expression.certain(&names, &fleet()).unwrap();
        let names = names.into_iter().zip(certain).filter(|(_, certain)| *certain);
        names.map(|(name, _)| name.to_string()).collect()
    };
    assert_eq!(certain("!os=alpine"), ["db1", "db2", "db3.eu"]);
    // No minion has said what its `env` is, though all but one have said something.
    assert_eq!(certain("!env=prod"), [""; 0]);
    assert_eq!(certain("env!=prod"), [""; 0]);
    assert_eq!(certain("web1,!env=prod"), ["web1"]);
}
