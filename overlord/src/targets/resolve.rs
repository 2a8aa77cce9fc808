//! From an expression to the minions that it means.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value as Json;
use wire::name::MinionName;

use super::error::{Problem, TargetError};
use super::expression::Expression;
use super::members::Members;
use super::roster::Roster;
use super::term::{GroupTerm, Node};

/// What a comparison of each kind costs, in about the time that a glob takes.
const GLOB: u64 = 1;
const REGEX: u64 = 5;
const FACT: u64 = 20;

/// What one look may cost: two thousand globs without a literal beginning over ten thousand minions.
const MAX_EFFORT: u64 = 20_000_000;

/// How deep groups may be members of groups.
const MAX_GROUP_DEPTH: usize = 32;

/// What an expression may have to ask about groups and minions.
pub trait Lookup {
    /// The expression of a group's members; `None` where there is no such group.
    fn group(&self, name: &str) -> Option<Arc<Expression>>;

    /// The facts of a minion, as one JSON object; `None` where it has not said any.
    fn facts(&self, minion: &MinionName) -> Option<Arc<Json>>;
}

/// Knows no group and no facts.
impl Lookup for () {
    fn group(&self, _: &str) -> Option<Arc<Expression>> {
        None
    }

    fn facts(&self, _: &MinionName) -> Option<Arc<Json>> {
        None
    }
}

/// The candidates that `expression` matches and `exclude` does not, in the order of their names.
///
/// Fails on an expression that cannot be parsed, and on a group that is unknown or contains itself.
pub fn resolve(
    expression: &str,
    exclude: Option<&str>,
    candidates: &Roster,
    lookup: &impl Lookup,
) -> Result<Vec<MinionName>, TargetError> {
    let expression = Expression::parse(expression)?;
    let exclude = exclude.map(Expression::parse).transpose()?;
    let names = candidates.names();
    let mut resolver = Resolver::new(names, lookup);
    let mut members = resolver.members(&expression)?;
    if let Some(exclude) = exclude {
        members.subtract(&resolver.members(&exclude)?);
    }
    Ok(members.iter().map(|index| names[index].clone()).collect())
}

/// One look at a list of candidates, in which each group is followed once.
pub(super) struct Resolver<'a, L> {
    /// In order: those of a roster, or a single one.
    names: &'a [MinionName],
    lookup: &'a L,
    followed: HashMap<String, Rc<Members>>,
    following: Vec<String>,
    effort: u64,
}

impl<'a, L: Lookup> Resolver<'a, L> {
    /// Looks at these candidates, which are in order.
    pub(super) fn new(names: &'a [MinionName], lookup: &'a L) -> Self {
        Self { names, lookup, followed: HashMap::new(), following: Vec::new(), effort: 0 }
    }

    /// The candidates that the expression matches.
    pub(super) fn members(&mut self, expression: &Expression) -> Result<Members, TargetError> {
        self.evaluate(expression.as_str(), expression.root())
    }

    fn evaluate(&mut self, text: &str, node: &Node) -> Result<Members, TargetError> {
        let mut members = Members::none(self.names.len());
        self.add(text, node, &mut members)?;
        Ok(members)
    }

    /// Adds what the node matches, so that a union of ten thousand names needs one set.
    fn add(&mut self, text: &str, node: &Node, members: &mut Members) -> Result<(), TargetError> {
        match node {
            Node::Name(name) => {
                if let Ok(index) = self.names.binary_search(name) {
                    members.insert(index);
                }
            }
            Node::Glob(glob) => {
                let names = self.beginning(&glob.prefix());
                self.add_where(text, names, GLOB, members, |name| glob.matches(name.as_str()))?;
            }
            Node::Regex(regex) => {
                let names = 0..self.names.len();
                self.add_where(text, names, REGEX, members, |name| regex.is_match(name.as_str()))?;
            }
            Node::Fact(test) => {
                let (names, lookup) = (0..self.names.len(), self.lookup);
                let passes = |name: &MinionName| test.holds(lookup.facts(name).as_deref());
                self.add_where(text, names, FACT, members, passes)?;
            }
            Node::Group(term) => {
                let mut group = self.group(text, term)?;
                if let Some(only) = &term.only {
                    Rc::make_mut(&mut group).keep(&self.evaluate(text, only)?);
                }
                members.add(&group);
            }
            Node::Complement(_) | Node::Intersection(_) => {
                let parts =
                    if let Node::Intersection(parts) = node { parts } else { std::slice::from_ref(node) };
                members.add(&self.intersection(text, parts)?);
            }
            Node::Union(parts) => {
                for part in parts {
                    self.add(text, part, members)?;
                }
            }
        }
        Ok(())
    }

    /// Those that every part matches; complements are taken out and never built.
    fn intersection(&mut self, text: &str, parts: &[Node]) -> Result<Members, TargetError> {
        let mut members = Members::all(self.names.len());
        for part in parts {
            match part {
                Node::Complement(inner) => match &**inner {
                    Node::Name(name) => {
                        if let Ok(index) = self.names.binary_search(name) {
                            members.remove(index);
                        }
                    }
                    inner => members.subtract(&self.evaluate(text, inner)?),
                },
                part => members.keep(&self.evaluate(text, part)?),
            }
        }
        Ok(members)
    }

    /// Adds those of `names` that match, each comparison at its price.
    fn add_where(
        &mut self,
        text: &str,
        names: Range<usize>,
        price: u64,
        members: &mut Members,
        matches: impl Fn(&MinionName) -> bool,
    ) -> Result<(), TargetError> {
        for index in names {
            if !members.contains(index) {
                self.effort += price;
                if matches(&self.names[index]) {
                    members.insert(index);
                }
            }
        }
        if self.effort > MAX_EFFORT {
            return Err(TargetError::new(text, 0..0, Problem::TooMuch));
        }
        Ok(())
    }

    /// Where the names stand that begin so.
    fn beginning(&self, prefix: &str) -> Range<usize> {
        let first = self.names.partition_point(|name| name.as_str() < prefix);
        let count = self.names[first..].partition_point(|name| name.as_str().starts_with(prefix));
        first..first + count
    }

    /// All members of a group.
    fn group(&mut self, text: &str, term: &GroupTerm) -> Result<Rc<Members>, TargetError> {
        let error = |problem| Err(TargetError::new(text, term.place.clone(), problem));
        if let Some(members) = self.followed.get(&term.name) {
            return Ok(Rc::clone(members));
        }
        if let Some(start) = self.following.iter().position(|name| *name == term.name) {
            let by = self.following[start + 1..].to_vec();
            return error(Problem::Cycle { group: term.name.clone(), by });
        }
        if self.following.len() == MAX_GROUP_DEPTH {
            return error(Problem::TooMany { limit: MAX_GROUP_DEPTH, what: "groups within groups" });
        }
        let Some(expression) = self.lookup.group(&term.name) else {
            return error(Problem::UnknownGroup(term.name.clone()));
        };
        self.following.push(term.name.clone());
        let members = self.members(&expression);
        self.following.pop();
        match members {
            Ok(members) => {
                let members = Rc::new(members);
                self.followed.insert(term.name.clone(), Rc::clone(&members));
                Ok(members)
            }
            // The innermost group is the one to mend: those around it are left out of the message.
            Err(inner) => error(match inner.problem() {
                Problem::InGroup { .. } => inner.problem().clone(),
                _ => Problem::InGroup { group: term.name.clone(), error: Box::new(inner) },
            }),
        }
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NAMES: [&str; 8] = ["db1", "db2", "db3.eu", "mail", "web1", "web10", "web2", "web3-eu"];

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
        ]))
    }

    fn names() -> Vec<MinionName> {
        NAMES.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn matched(expression: &str, exclude: Option<&str>) -> Result<Vec<String>, TargetError> {
        let names = resolve(expression, exclude, &names().into_iter().collect(), &fleet())?;
        Ok(names.into_iter().map(String::from).collect())
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
            prop_assert_eq!(all(&format!("!!({a})")), all(&a));
        }

        #[test]
        fn exclusion_always_wins(a in expressions(), b in expressions()) {
            let left = matched(&a, Some(&b)).unwrap();
            prop_assert_eq!(left.join(" "), all(&format!("({a})&!({b})")));
        }

        #[test]
        fn one_minion_is_matched_as_it_is_among_many(a in expressions()) {
            let expression = Expression::parse(&a).unwrap();
            let one = names().into_iter().filter(|name| expression.matches(name, &fleet()).unwrap());
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
            ("web[!1]*", "web2 web3-eu"),
            ("*eu", "db3.eu web3-eu"),
            ("*", "db1 db2 db3.eu mail web1 web10 web2 web3-eu"),
            ("~web[0-9]{1,2}", "web1 web10 web2"),
            ("~(web1|DB1),mail", "db1 mail web1"),
            ("@eu", "db3.eu web3-eu"),
            ("@eu:web*", "web3-eu"),
            ("@all:mail", "mail"),
            ("@empty", ""),
            ("os=debian", "db1 db2 db3.eu"),
            ("os ^= \"alp\" & disks>1", "web10"),
            ("os*=bian&!db1", "db2 db3.eu"),
            ("os!=debian&!web*", "mail"),
            ("nobody", ""),
        ] {
            assert_eq!(all(expression), expected, "{expression}");
        }
    }

    #[test]
    fn complement_binds_before_intersection_and_that_before_union() {
        assert_eq!(all("mail,web*&!web1"), "mail web10 web2 web3-eu");
        assert_eq!(all("(mail,web*)&!web1"), "mail web10 web2 web3-eu");
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
            "target \"web1,@nope\", column 6: there is no group \"nope\": see `overlord group list`"
        );
        assert!(error("!@self").to_string().contains("group \"self\" contains itself"));
        assert!(error("@ring").to_string().contains("group \"ring\" contains itself by way of rung"));
        let message = "group \"broken\" cannot be followed: target \"@nowhere\", column 1: there is no group";
        assert!(error("mail&@broken").to_string().contains(message));
        assert!(matched("web1", Some("@nope")).is_err());
    }

    #[test]
    fn an_expression_that_would_take_too_long_is_refused() {
        let names: Roster = (0..2000).map(|n| format!("web{n}").parse().unwrap()).collect();
        let tests = "os=debian,".repeat(501) + "web1";
        let error = resolve(&tests, None, &names, &()).unwrap_err();
        assert_eq!(error.problem(), &Problem::TooMuch);
        let names_and_globs = (0..2000).map(|n| format!("web{n},web{n}*")).collect::<Vec<_>>().join(",");
        assert_eq!(resolve(&names_and_globs, None, &names, &()).unwrap().len(), 2000);
    }

    #[test]
    fn a_member_of_a_group_stays_by_itself() {
        assert!(Expression::any_of(["(web1", "db1)"]).is_err());
        let group = Expression::any_of(["web1", "db1"]).unwrap();
        assert!(group.matches(&"db1".parse().unwrap(), &()).unwrap());
    }
}
