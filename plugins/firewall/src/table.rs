//! The table of the module, and the chains of all.
//!
//! It has one chain for each direction, which packets come to, and behind each one with what is accepted and one with what is not.

use serde_json::{Value, json};

use crate::rule;
use crate::{Action, Chain, Direction, Rule};

const FAMILY: &str = "inet";
const NAME: &str = "overlord";

/// What the kernel has of this module.
pub(crate) struct Table {
    /// The rules, each with the number by which nftables knows it.
    pub(crate) rules: Vec<(Rule, u64)>,
}

impl Table {
    /// The table, if it is there. What is in it and no rule of this module is left out.
    pub(crate) fn of(objects: &[Value]) -> Option<Self> {
        let is_own = |object: &Value, key: &str| object["family"] == FAMILY && object[key] == NAME;
        if !objects.iter().any(|object| is_own(&object["table"], "name")) {
            return None;
        }
        let own = objects.iter().map(|object| &object["rule"]).filter(|object| is_own(object, "table"));
        let rule = |object: &Value| {
            let direction = direction(object["chain"].as_str()?)?;
            Some((rule::read(direction, &object["expr"])?, object["handle"].as_u64()?))
        };
        Some(Self { rules: own.filter_map(rule).collect() })
    }

    /// The rules alone.
    pub(crate) fn plain(&self) -> Vec<Rule> {
        self.rules.iter().map(|(rule, _)| rule.clone()).collect()
    }
}

/// The way of the packets that a chain of rules is for.
fn direction(chain: &str) -> Option<Direction> {
    let all = [Direction::Input, Direction::Output];
    all.into_iter().find(|direction| [true, false].iter().any(|accepts| name(*direction, *accepts) == chain))
}

/// The name of the chain of what is accepted, or of what is not.
fn name(direction: Direction, accepts: bool) -> String {
    format!("{}_{}", base(direction), if accepts { "accept" } else { "drop" })
}

fn base(direction: Direction) -> &'static str {
    match direction {
        Direction::Input => "input",
        Direction::Output => "output",
    }
}

/// What makes the table, without rules yet.
pub(crate) fn made() -> Vec<Value> {
    let mut commands = vec![json!({ "add": { "table": { "family": FAMILY, "name": NAME } } })];
    for direction in [Direction::Input, Direction::Output] {
        let base = base(direction);
        let (accepted, dropped) = (name(direction, true), name(direction, false));
        for chain in [&accepted, &dropped] {
            commands.push(json!({ "add": { "chain": { "family": FAMILY, "table": NAME, "name": chain } } }));
        }
        commands.push(json!({ "add": { "chain": {
            "family": FAMILY, "table": NAME, "name": base,
            "type": "filter", "hook": base, "prio": 0, "policy": "accept",
        } } }));
        let device = if direction == Direction::Input { "iifname" } else { "oifname" };
        let neighbours =
            ["nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert"];
        let always = [
            (json!({ "meta": { "key": device } }), "==", json!("lo")),
            (json!({ "ct": { "key": "state" } }), "in", json!(["established", "related"])),
            (
                json!({ "payload": { "protocol": "icmpv6", "field": "type" } }),
                "==",
                json!({ "set": neighbours }),
            ),
        ];
        for (left, op, right) in always {
            let compared = json!({ "match": { "op": op, "left": left, "right": right } });
            commands.push(in_chain(base, json!([compared, { "accept": null }])));
        }
        for chain in [accepted, dropped] {
            commands.push(in_chain(base, json!([{ "jump": { "target": chain } }])));
        }
    }
    commands
}

fn in_chain(chain: &str, expression: Value) -> Value {
    json!({ "add": { "rule": { "family": FAMILY, "table": NAME, "chain": chain, "expr": expression } } })
}

/// What adds a rule.
pub(crate) fn added(rule: &Rule) -> Value {
    in_chain(&name(rule.direction, rule.action == Action::Accept), rule::expression(rule))
}

/// What takes one out.
pub(crate) fn deleted(rule: &Rule, handle: u64) -> Value {
    let chain = name(rule.direction, rule.action == Action::Accept);
    json!({ "delete": { "rule": { "family": FAMILY, "table": NAME, "chain": chain, "handle": handle } } })
}

/// What takes the table away, with all that is in it.
pub(crate) fn dropped() -> Value {
    json!({ "delete": { "table": { "family": FAMILY, "name": NAME } } })
}

/// The chains of all tables.
pub(crate) fn chains(objects: &[Value]) -> Vec<Chain> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let all = objects.iter().map(|object| &object["chain"]).filter(|chain| chain.is_object());
    let shown = |chain: &Value| {
        let is_in = |rule: &&Value| {
            rule["family"] == chain["family"]
                && rule["table"] == chain["table"]
                && rule["chain"] == chain["name"]
        };
        let rules = objects.iter().map(|object| &object["rule"]).filter(is_in).count();
        Some(Chain {
            table: format!("{} {}", chain["family"].as_str()?, chain["table"].as_str()?),
            name: text(&chain["name"])?,
            hook: text(&chain["hook"]),
            priority: chain["prio"].as_i64().and_then(|number| number.try_into().ok()),
            policy: text(&chain["policy"]),
            rules: rules.try_into().unwrap_or(u32::MAX),
        })
    };
    all.filter_map(shown).collect()
}
