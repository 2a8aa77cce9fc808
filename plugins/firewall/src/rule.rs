//! A rule, and how nftables has it.

use failure::Error;
use serde_json::{Value, json};

use crate::network::Network;
use crate::{Action, Direction, Protocol, Rule};

/// A rule of which everything fits, with its network as nftables writes it.
pub(crate) fn checked(rule: Rule) -> Result<Rule, Error> {
    if rule.port == Some(0) {
        return Err(Error::Invalid("there is no port 0: leave the port out for any".to_owned()));
    }
    if rule.port.is_some() && !matches!(rule.protocol, Some(Protocol::Tcp | Protocol::Udp)) {
        return Err(Error::Invalid(
            "only tcp and udp have ports: name one of them as the protocol".to_owned(),
        ));
    }
    let address = rule.address.as_deref().map(Network::given).transpose()?;
    Ok(Rule { address: address.map(|network| network.shown()), ..rule })
}

/// The network of a rule; none is any.
pub(crate) fn network(rule: &Rule) -> Option<Network> {
    rule.address.as_deref().and_then(Network::read)
}

/// A rule in words.
pub(crate) fn words(rule: &Rule) -> String {
    let action = match rule.action {
        Action::Accept => "accept",
        Action::Drop => "drop",
        Action::Reject => "reject",
    };
    let protocol = rule.protocol.map_or("everything", name);
    let port = rule.port.map_or(String::new(), |port| format!(" to port {port}"));
    let (way, end) = match rule.direction {
        Direction::Input => ("in", "from"),
        Direction::Output => ("out", "to"),
    };
    let address = rule.address.as_ref().map_or(String::new(), |address| format!(" {end} {address}"));
    format!("{action} {protocol}{port}{address} on its way {way}")
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
    }
}

/// What nftables compares and does.
pub(crate) fn expression(rule: &Rule) -> Value {
    let mut all = Vec::new();
    if let Some(network) = network(rule) {
        let family = if network.address.is_ipv4() { "ip" } else { "ip6" };
        let field = if rule.direction == Direction::Input { "saddr" } else { "daddr" };
        let address = network.address.to_string();
        let right = match network.is_one() {
            true => json!(address),
            false => json!({ "prefix": { "addr": address, "len": network.length } }),
        };
        all.push(equal(json!({ "payload": { "protocol": family, "field": field } }), right));
    }
    match (rule.protocol, rule.port) {
        (Some(protocol), Some(port)) => {
            all.push(equal(
                json!({ "payload": { "protocol": name(protocol), "field": "dport" } }),
                json!(port),
            ));
        }
        (Some(Protocol::Icmp), None) => {
            all.push(equal(json!({ "meta": { "key": "l4proto" } }), json!({ "set": ["icmp", "ipv6-icmp"] })));
        }
        (Some(protocol), None) => {
            all.push(equal(json!({ "meta": { "key": "l4proto" } }), json!(name(protocol))))
        }
        (None, _) => {}
    }
    all.push(match rule.action {
        Action::Accept => json!({ "accept": null }),
        Action::Drop => json!({ "drop": null }),
        Action::Reject => json!({ "reject": { "type": "icmpx", "expr": "admin-prohibited" } }),
    });
    Value::Array(all)
}

fn equal(left: Value, right: Value) -> Value {
    json!({ "match": { "op": "==", "left": left, "right": right } })
}

/// A rule as nftables tells of it; nothing where it is none of those that this module makes.
pub(crate) fn read(direction: Direction, expression: &Value) -> Option<Rule> {
    let mut rule = Rule { direction, action: Action::Accept, protocol: None, port: None, address: None };
    let (verdict, conditions) = expression.as_array()?.split_last()?;
    rule.action = match verdict.as_object()?.keys().next()?.as_str() {
        "accept" => Action::Accept,
        "drop" => Action::Drop,
        "reject" => Action::Reject,
        _ => return None,
    };
    for condition in conditions {
        let compared = condition.get("match").filter(|compared| compared["op"] == "==")?;
        let (left, right) = (&compared["left"], &compared["right"]);
        let payload = |key: &str| left["payload"][key].as_str();
        match (payload("protocol"), payload("field"), left["meta"]["key"].as_str()) {
            (Some("ip" | "ip6"), Some("saddr" | "daddr"), None) => rule.address = Some(address(right)?),
            (Some(protocol @ ("tcp" | "udp")), Some("dport"), None) => {
                rule.protocol = Some(if protocol == "tcp" { Protocol::Tcp } else { Protocol::Udp });
                rule.port = Some(right.as_u64()?.try_into().ok()?);
            }
            (None, None, Some("l4proto")) => rule.protocol = Some(protocol(right)?),
            _ => return None,
        }
    }
    Some(rule)
}

fn address(right: &Value) -> Option<String> {
    let text = match right.as_str() {
        Some(one) => one.to_owned(),
        None => format!("{}/{}", right["prefix"]["addr"].as_str()?, right["prefix"]["len"].as_u64()?),
    };
    Network::read(&text).map(|network| network.shown())
}

fn protocol(right: &Value) -> Option<Protocol> {
    let is_icmp = |name: &Value| matches!(name.as_str(), Some("icmp" | "ipv6-icmp" | "icmpv6"));
    match (right.as_str(), right["set"].as_array()) {
        (Some("tcp"), _) => Some(Protocol::Tcp),
        (Some("udp"), _) => Some(Protocol::Udp),
        (_, Some(all)) if all.iter().all(is_icmp) => Some(Protocol::Icmp),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A rule in five words: `input drop tcp 22 any`.
    pub(crate) fn rule(text: &str) -> Rule {
        let words: Vec<&str> = text.split(' ').collect();
        let rule = Rule {
            direction: if words[0] == "input" { Direction::Input } else { Direction::Output },
            action: match words[1] {
                "accept" => Action::Accept,
                "drop" => Action::Drop,
                _ => Action::Reject,
            },
            protocol: match words[2] {
                "tcp" => Some(Protocol::Tcp),
                "udp" => Some(Protocol::Udp),
                "icmp" => Some(Protocol::Icmp),
                _ => None,
            },
            port: words[3].parse().ok(),
            address: (words[4] != "any").then(|| words[4].to_owned()),
        };
        checked(rule).expect("fits")
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in [
            "input accept tcp 22 10.0.0.0/8",
            "input drop udp 53 any",
            "output reject any any 2001:db8::1",
            "output drop icmp any 10.0.0.7",
            "input drop tcp any any",
            "input drop any any 2001:db8::/32",
        ] {
            let rule = rule(text);
            assert_eq!(read(rule.direction, &expression(&rule)), Some(rule), "{text}");
        }
        assert_eq!(
            words(&rule("input drop tcp 22 10.0.0.7")),
            "drop tcp to port 22 from 10.0.0.7 on its way in"
        );
    }

    #[test]
    fn what_others_wrote_is_no_rule_of_this_module() {
        for other in [
            json!([]),
            json!([{ "jump": { "target": "x" } }]),
            json!([{ "counter": null }, { "drop": null }]),
            json!([{ "match": { "op": "!=", "left": { "meta": { "key": "l4proto" } }, "right": "tcp" } }, { "drop": null }]),
        ] {
            assert_eq!(read(Direction::Input, &other), None, "{other}");
        }
    }

    #[test]
    fn a_port_is_one_of_tcp_or_udp() {
        let bad = |protocol, port| {
            let (direction, action) = (Direction::Input, Action::Drop);
            checked(Rule { direction, action, protocol, port, address: None }).is_err()
        };
        assert!(
            bad(None, Some(1)) && bad(Some(Protocol::Icmp), Some(1)) && bad(Some(Protocol::Tcp), Some(0))
        );
    }
}
