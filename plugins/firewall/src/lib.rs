//! The module `firewall`: the packet filter of the kernel. What each method does is said in `wit/firewall.wit`.

mod lockout;
mod network;
mod rule;
mod table;

use failure::{Change, Done, Error, Failure, Package, change_with, changed, or_install, read};
use serde_json::{Value, json};

use exports::minion::firewall::firewall::{Action, Chain, Direction, Guest, Protocol, Rule};
use table::Table;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:firewall/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Firewall;

/// What has the program that is run.
const PACKAGES: [Package; 1] = [Package { program: "nft", apt: "nftables", dnf: "nftables" }];

export!(Firewall);

impl Guest for Firewall {
    fn ruleset() -> Result<String, Error> {
        let output = read(&["nft", "-j", "list", "ruleset"]).map_err(of_nft)?;
        if output.stdout_dropped > 0 {
            return Err(Error::Other(
                "the kernel has more rules than an answer may be long: raise `limits.output` of [modules.firewall]".to_owned(),
            ));
        }
        Ok(output.stdout_text())
    }

    fn chains() -> Result<Vec<Chain>, Error> {
        Ok(table::chains(&objects()?))
    }

    fn list() -> Result<Vec<Rule>, Error> {
        let table = Table::of(&objects()?);
        Ok(table.map(|table| table.plain()).unwrap_or_default())
    }

    fn ensure(rule: Rule, force: Option<bool>) -> Result<Change, Error> {
        let rule = rule::checked(rule)?;
        let table = Table::of(&objects()?);
        let before = table.as_ref().map(Table::plain).unwrap_or_default();
        if before.contains(&rule) {
            return Ok(changed(Vec::new()));
        }
        if !force.unwrap_or(false) {
            lockout::check(&before, &[before.as_slice(), &[rule.clone()]].concat())?;
        }
        let mut commands = if table.is_none() { table::made() } else { Vec::new() };
        commands.push(table::added(&rule));
        commit(commands)?;
        Ok(changed(vec![format!("made the rule: {}", rule::words(&rule))]))
    }

    fn remove(rule: Rule, force: Option<bool>) -> Result<Change, Error> {
        let rule = rule::checked(rule)?;
        let Some(table) = Table::of(&objects()?) else { return Ok(changed(Vec::new())) };
        let (before, removed) = (table.plain(), table.rules.into_iter().filter(|(there, _)| *there == rule));
        let commands: Vec<Value> = removed.map(|(rule, handle)| table::deleted(&rule, handle)).collect();
        if commands.is_empty() {
            return Ok(changed(Vec::new()));
        }
        if !force.unwrap_or(false) {
            let after: Vec<Rule> = before.iter().filter(|there| **there != rule).cloned().collect();
            lockout::check(&before, &after)?;
        }
        commit(commands)?;
        Ok(changed(vec![format!("removed the rule: {}", rule::words(&rule))]))
    }

    fn clear() -> Result<Change, Error> {
        if Table::of(&objects()?).is_none() {
            return Ok(changed(Vec::new()));
        }
        commit(vec![table::dropped()])?;
        Ok(changed(vec!["removed the table with all its rules".to_owned()]))
    }
}

/// What the kernel has, without the elements of sets.
fn objects() -> Result<Vec<Value>, Error> {
    let output = read(&["nft", "-j", "-t", "list", "ruleset"]).map_err(of_nft)?;
    let told: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Other(format!("`nft` said what cannot be read: {error}")))?;
    Ok(told["nftables"].as_array().cloned().unwrap_or_default())
}

/// Has the kernel do all of this, or nothing.
fn commit(commands: Vec<Value>) -> Result<Done, Error> {
    change_with(&["nft", "-j", "-f", "-"], json!({ "nftables": commands }).to_string()).map_err(of_nft)
}

/// What it means that `nft` fails.
fn of_nft(error: Error) -> Error {
    match error {
        Error::Unsupported(_) => or_install(error, "nft", &PACKAGES),
        Error::Failed(Failure { stderr, .. }) if stderr.contains("Operation not permitted") => {
            Error::Denied("the minion's user may not look at the packet filter, which takes root".to_owned())
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;
    use crate::rule::tests::rule;

    const LIST: [&str; 5] = ["nft", "-j", "-t", "list", "ruleset"];
    const COMMIT: [&str; 4] = ["nft", "-j", "-f", "-"];

    fn host(rules: &[(Rule, u64)]) -> Host {
        let mut objects = vec![json!({ "table": { "family": "inet", "name": "overlord", "handle": 1 } })];
        objects.extend(rules.iter().map(|(rule, handle)| {
            let mut added = table::added(rule)["add"].clone();
            added["rule"]["handle"] = json!(handle);
            added
        }));
        let told = json!({ "nftables": objects }).to_string();
        let sockets = "tcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=1,fd=3))\n\
                       tcp ESTAB 0 0 10.0.0.5:22 10.0.0.9:50022 users:((\"sshd\",pid=9,fd=4))\n";
        Host::new()
            .program(&LIST, Output::printed(&told, 0))
            .program(&["ss", "-H", "-n", "-t", "-u", "-a", "-p"], Output::printed(sockets, 0))
            .program(&COMMIT, Output::printed("", 0))
    }

    fn commits(host: &Host) -> usize {
        host.ran().iter().filter(|argv| **argv == COMMIT).count()
    }

    #[test]
    fn a_rule_is_made_once_and_removed_once() {
        let wanted = || rule("input drop tcp 80 any");
        let made = host(&[]);
        assert_eq!(Firewall::ensure(wanted(), None).map(|change| change.changed), Ok(true));
        assert_eq!(Firewall::remove(wanted(), None), Ok(changed(vec![])));
        assert_eq!(commits(&made), 1);
        let kept = host(&[(wanted(), 7)]);
        assert_eq!(Firewall::list(), Ok(vec![wanted()]));
        assert_eq!(Firewall::ensure(wanted(), None), Ok(changed(vec![])));
        assert_eq!(commits(&kept), 0);
        assert_eq!(Firewall::remove(wanted(), None).map(|change| change.changed), Ok(true));
        assert_eq!(commits(&kept), 1);
    }

    #[test]
    fn nobody_is_locked_out_unless_that_is_wished() {
        let ssh = || rule("input drop tcp 22 any");
        let locked = host(&[]);
        assert!(matches!(Firewall::ensure(ssh(), None), Err(Error::Denied(_))));
        assert_eq!(commits(&locked), 0);
        assert_eq!(Firewall::ensure(ssh(), Some(true)).map(|change| change.changed), Ok(true));
        let open = rule("input accept tcp 22 10.0.0.0/8");
        let guarded = host(&[(open.clone(), 3), (ssh(), 4)]);
        assert!(matches!(Firewall::remove(open, None), Err(Error::Denied(_))));
        assert_eq!(commits(&guarded), 0);
    }
}
