use std::sync::Arc;

use serde_json::{Value as Json, json};
use wire::message::operator::Lenience;
use wire::targets::Expression;

use super::*;

/// Three minions that told their roles, and those whose names begin with "new", which never told anything.
struct Fleet;

impl Lookup for Fleet {
    fn group(&self, _: &str) -> Option<Arc<Expression>> {
        None
    }

    fn facts(&self, minion: &MinionName) -> Option<Arc<Json>> {
        let role = minion.as_str().trim_end_matches(|c: char| c.is_ascii_digit());
        (role != "new").then(|| Arc::new(json!({ "role": role })))
    }
}

fn names(names: &str) -> Vec<MinionName> {
    names.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

fn numbered(name: &str, count: usize) -> Vec<MinionName> {
    (1..=count).map(|number| format!("{name}{number}").parse().unwrap()).collect()
}

/// Whom "A -x B" means among all that are enrolled, and the warnings of it, or why it is refused.
fn enrolled(
    minions: &[MinionName],
    target: &str,
    lenience: Lenience,
) -> Result<(String, Vec<String>), Refusal> {
    said(Among::Enrolled(&Roster::new(minions.to_vec())), target, lenience)
}

fn said(among: Among<'_>, target: &str, lenience: Lenience) -> Result<(String, Vec<String>), Refusal> {
    let (expression, exclude) = match target.split_once(" -x ") {
        Some((expression, exclude)) => (expression, Some(exclude.to_owned())),
        None => (target, None),
    };
    let target = Target { expression: expression.to_owned(), exclude, lenience };
    let Matching { minions, warnings } = find(among, &target, &Fleet)?;
    let minions: Vec<&str> = minions.iter().map(MinionName::as_str).collect();
    Ok((minions.join(" "), warnings.iter().map(|warning| warning.message().to_owned()).collect()))
}

const STRICT: Lenience = Lenience { ignore_missing: false, assume_unknown: None };
const LENIENT: Lenience = Lenience { ignore_missing: true, assume_unknown: None };
const MATCH: Lenience = Lenience { ignore_missing: false, assume_unknown: Some(Assume::Match) };
const SKIP: Lenience = Lenience { ignore_missing: false, assume_unknown: Some(Assume::Skip) };

fn no_match(message: &str) -> Result<(String, Vec<String>), Refusal> {
    Err(Refusal::new(RefusalKind::NoMatch, message))
}

fn bad_request(message: &str) -> Result<(String, Vec<String>), Refusal> {
    Err(Refusal::new(RefusalKind::BadRequest, message))
}

#[test]
fn what_cannot_be_read_is_refused_where_it_stands() {
    let minions = names("db1 web1");
    for (target, message) in [
        ("web1,@", "target \"web1,@\", column 6: a group's name is missing after \"@\""),
        ("web1 -x ~[", "target \"~[\", column 1: not a regular expression: unclosed character class"),
    ] {
        assert_eq!(enrolled(&minions, target, STRICT), bad_request(message));
    }
}

#[test]
fn a_name_that_nobody_has_is_refused_with_the_next_step() {
    let minions = names("db1 web1 web2");
    for (target, message) in [
        ("web1,wbe2", "\"wbe2\" (did you mean \"web2\"?): go on without it with --ignore-missing"),
        (
            "web1,mail",
            "\"mail\": see who there is with `overlord minion list`, or go on without it with --ignore-missing",
        ),
        (
            "* -x mail & !wbe2",
            "\"mail\" or \"wbe2\" (did you mean \"web2\"?): go on without them with --ignore-missing",
        ),
        (
            "x1,x2,x3,mail4",
            "\"x1\", \"x2\", \"x3\" or \"mail4\": see who there is with `overlord minion list`, or go \
            on without them with --ignore-missing",
        ),
        (
            "mail1,mail2,mail3,mail4,mail5,mail6,mail7,mail8",
            "\"mail1\", \"mail2\", \"mail3\", \"mail4\", \"mail5\", \
            \"mail6\", \"mail7\" or \"mail8\": see who there is with `overlord minion list`, or go on without them \
            with --ignore-missing",
        ),
        (
            "mail1,mail2,mail3,mail4,mail5,mail6,mail7,mail8,mail9,web9",
            "\"mail1\", \"mail2\", \"mail3\", \"mail4\", \
            \"mail5\", \"mail6\", \"mail7\", \"mail8\" or 2 more: see who there is with `overlord minion list`, or go \
            on without them with --ignore-missing",
        ),
    ] {
        assert_eq!(
            enrolled(&minions, target, STRICT),
            bad_request(&format!("no minion is called {message}"))
        );
    }
    let yet = "no minion is called \"web1\": no minion is enrolled yet: invite one with `overlord minion invite NAME`";
    assert_eq!(enrolled(&[], "web1", STRICT), bad_request(yet));
    let roster = Roster::new(minions.clone());
    let message =
        "no minion is called \"wbe2\" (did you mean \"web2\"?): go on without it with --ignore-missing";
    assert_eq!(said(Among::AlsoLater(&roster), "wbe2", STRICT), bad_request(message));
    let message =
        "the job has no minion \"web1\": it went to \"db1\", or go on without it with --ignore-missing";
    assert_eq!(said(Among::Job(&names("db1")), "db1,web1", STRICT), bad_request(message));
}

#[test]
fn what_matches_nobody_and_is_let_pass_is_a_warning() {
    let minions = names("db1 web1 web2");
    for (target, warning) in [
        ("web1,WBE2", "no minion is called \"wbe2\""),
        ("web1,dc*", "no minion matches \"dc*\""),
        ("web1 -x dc*", "\"dc*\" excludes nobody: no minion matches \"dc*\""),
        ("web1 & !mail", "\"mail\" excludes nobody: no minion is called \"mail\""),
        ("web1,role=mail", "no minion matches \"role=mail\""),
        ("web1,roel=web", "no minion has a fact \"roel\" (did you mean \"role\"?)"),
        ("web1,kernel=6", "no minion has a fact \"kernel\""),
    ] {
        let expected = ("web1".to_owned(), vec![warning.to_owned()]);
        assert_eq!(enrolled(&minions, target, LENIENT), Ok(expected), "{target}");
    }
    let of_job = said(Among::Job(&names("web1")), "web1,db1", LENIENT);
    assert_eq!(of_job, Ok(("web1".to_owned(), vec!["the job has no minion \"db1\"".to_owned()])));
    assert_eq!(enrolled(&minions, "db1,web?", STRICT), Ok(("db1 web1 web2".to_owned(), vec![])));
}

#[test]
fn a_thousand_terms_that_match_nobody_are_told_one_by_one() {
    let minions = names("web1");
    for (count, last) in [
        (1_000, "no minion is called \"x1000\""),
        (1_001, "1 more term matches nobody"),
        (1_002, "2 more terms match nobody"),
    ] {
        let terms = numbered("x", count).iter().map(MinionName::to_string).collect::<Vec<_>>().join(",");
        let (_, warnings) = enrolled(&minions, &format!("web1,{terms}"), LENIENT).unwrap();
        assert_eq!((warnings.len(), warnings.last().map(String::as_str)), (count.min(1_001), Some(last)));
    }
}

#[test]
fn what_depends_on_facts_that_were_never_heard_is_refused_where_it_is_negated() {
    let message = "not known whether \"new1\" is meant by \"* -x role=web\": it never said its facts, and what is \
        excluded or negated depends on them; leave it out with --assume-unknown skip, or take it along with \
        --assume-unknown match";
    assert_eq!(enrolled(&names("db1 new1"), "* -x role=web", STRICT), bad_request(message));
    let message = "not known whether \"new1\", \"new2\" are meant by \"role!=web\": they never said their facts, and \
        what is excluded or negated depends on them; leave them out with --assume-unknown skip, or take them along \
        with --assume-unknown match";
    assert_eq!(enrolled(&names("db1 new1 new2"), "role!=web", STRICT), bad_request(message));
}

#[test]
fn what_becomes_of_minions_that_never_told_their_facts_is_said() {
    let left_out = "\"new1\" is left out: its facts were never heard, so it is not known whether";
    let taken = "\"new1\" is taken along: its facts were never heard, so it is not known whether";
    for (target, lenience, minions, warning) in [
        ("role=web", STRICT, "web1", format!("{left_out} \"role=web\" matches")),
        ("role=web", SKIP, "web1", format!("{left_out} \"role=web\" matches")),
        ("role=web", MATCH, "new1 web1", format!("{taken} \"role=web\" matches")),
        ("* -x role=db", SKIP, "web1", format!("{left_out} \"* -x role=db\" matches")),
        ("* -x role=db", MATCH, "new1 web1", format!("{taken} \"* -x role=db\" matches")),
    ] {
        let expected = Ok((minions.to_owned(), vec![warning]));
        assert_eq!(enrolled(&names("db1 new1 web1"), target, lenience), expected, "{target} {lenience:?}");
    }
    let many = "\"new1\", \"new2\" are left out: their facts were never heard, so it is not known whether \
        \"role=web,!(role=db)\" matches";
    let expected = Ok(("web1".to_owned(), vec![many.to_owned()]));
    assert_eq!(enrolled(&names("db1 new2 new1 web1"), "role=web,!(role=db)", SKIP), expected);
    let later = "\"new1\" is looked at again once connected: its facts were never heard, so it is not known whether \
        \"role=web\" matches";
    let roster = Roster::new(names("new1 web1"));
    let expected = Ok(("web1".to_owned(), vec![later.to_owned()]));
    assert_eq!(said(Among::AlsoLater(&roster), "role=web", STRICT), expected);
    let target = Target { lenience: SKIP, ..Target::of("role=web,web1") };
    let matching = find(Among::Enrolled(&Roster::new(names("new1 new2 web1"))), &target, &Fleet).unwrap();
    let [TargetWarning::Unknown { minions, .. }] = &matching.warnings[..] else { panic!("{matching:?}") };
    assert_eq!(minions, &names("new1 new2"));
}

#[test]
fn a_target_that_means_nobody_is_refused_with_the_reason() {
    let see = "see who there is with `overlord minion list`";
    for (target, message) in [
        (
            "db1 -x d*",
            "no minion is left: the exclusion \"d*\" excludes everybody, the one minion that \"db1\" matches",
        ),
        (
            "* -x db*,web*",
            "no minion is left: the exclusion \"db*,web*\" excludes everybody, all minions that \"*\" matches",
        ),
        (
            "db1 & !d*",
            "no minion is left of \"db1 & !d*\": what it negates excludes everybody, the one minion that the rest of \
             it matches",
        ),
        (
            "web* & !(web*)",
            "no minion is left of \"web* & !(web*)\": what it negates excludes everybody, all minions that the rest \
             of it matches",
        ),
        ("dc*", &format!("no minion matches \"dc*\": {see}")),
        ("db1 & web1", &format!("no minion matches \"db1 & web1\": {see}")),
        ("dc* -x db1", &format!("no minion matches \"dc*\": {see}")),
        ("dc*,dd*", "no minion matches \"dc*,dd*\": no minion matches \"dc*\"; no minion matches \"dd*\""),
        ("mail", "no minion matches \"mail\": no minion is called \"mail\""),
        (
            "roel=web",
            "no minion matches \"roel=web\": no minion has a fact \"roel\" (did you mean \"role\"?)",
        ),
    ] {
        assert_eq!(enrolled(&names("db1 web1 web2"), target, LENIENT), no_match(message), "{target}");
    }
    let yet =
        "no minion matches \"*\": no minion is enrolled yet: invite one with `overlord minion invite NAME`";
    assert_eq!(enrolled(&[], "*", STRICT), no_match(yet));
    let job = names("db1 web1");
    for (target, message) in [
        ("dc*", "no minion matches \"dc*\": the job went to \"db1\", \"web1\""),
        ("mail", "no minion matches \"mail\": the job has no minion \"mail\""),
    ] {
        assert_eq!(said(Among::Job(&job), target, LENIENT), no_match(message));
    }
    let roster = Roster::new(names("db1"));
    let later = said(Among::AlsoLater(&roster), "web*", STRICT);
    assert_eq!(later, Ok((String::new(), vec!["no minion matches \"web*\"".to_owned()])));
}

#[test]
fn more_minions_than_the_limit_need_a_confirmation() {
    for (width, confirmed) in [(10, false), (0, false), (11, true)] {
        assert_eq!(check_width(10, "the job goes to", width, confirmed), Ok(()), "{width}");
    }
    let message =
        "the job goes to 11 minions, more than the 10 that need no confirmation: repeat this with --yes";
    let refusal = Refusal::new(RefusalKind::NeedsConfirmation, message);
    assert_eq!(check_width(10, "the job goes to", 11, false), Err(refusal));
}

#[test]
fn a_word_with_a_slip_in_it_is_guessed_and_another_word_is_not() {
    let names = ["db1", "web1", "web2", "web-frankfurt-1"];
    for (word, expected) in [
        ("wbe2", Some("web2")),
        ("WEB-frankfrut-1", Some("web-frankfurt-1")),
        ("wbe-frankfrut-1", Some("web-frankfurt-1")),
        ("dbb1", Some("db1")),
        ("mail", None),
        ("x", None),
        ("wb-frnkfrt1", None),
    ] {
        assert_eq!(nearest(word, names), expected, "{word}");
    }
}

#[test]
fn many_minions_fit_into_a_line() {
    assert_eq!(list(&numbered("db", 2)), "\"db1\", \"db2\"");
    assert!(list(&numbered("db", 8)).ends_with("\"db7\", \"db8\""));
    assert!(list(&numbered("db", 10)).ends_with("\"db8\" and 2 more"));
}
