//! `firewall`.

use serde_json::{Value, json};

use super::{Bench, can_unshare, has_programs};

/// The address of the copy, and that of another host, which are in one network.
const OWN: &str = "10.99.0.1";
const PEER: &str = "10.99.0.2";

/// A copy with a network of its own, in which there is another host.
fn bench() -> Option<Bench> {
    if !can_unshare() || !has_programs(&["nft", "ip", "ping"], "nftables iproute2 iputils-ping") {
        return None;
    }
    let bench = Bench::apart();
    let script = format!(
        "ip netns add peer && ip link add own type veth peer name other netns peer && \
         ip address add {OWN}/24 dev own && ip link set own up && ip link set lo up && \
         ip netns exec peer ip address add {PEER}/24 dev other && ip netns exec peer ip link set other up && echo done"
    );
    assert_eq!(bench.printed("sh", &["-c", &script]), "done\n");
    Some(bench)
}

fn rule(action: &str, rest: &str) -> String {
    format!(r#"{{direction: input, action: {action}{rest}}}"#)
}

fn change(bench: &Bench, method: &str, arguments: &[&str]) -> Value {
    bench.value("manage", &format!("firewall.{method}"), arguments)["changed"].clone()
}

/// Whether the other host gets an answer.
fn answers(bench: &Bench) -> bool {
    let mut command = bench.within("ip");
    command.args(["netns", "exec", "peer", "ping", "-c", "1", "-W", "1", OWN]);
    command.output().expect("runs").status.success()
}

#[test]
fn rules_hold_for_packets_and_what_is_accepted_goes_first() {
    let Some(bench) = bench() else { return };
    assert!(answers(&bench));
    let drop = rule("drop", r#", protocol: icmp, address: "10.99.0.0/24""#);
    assert!(bench.error("read", "firewall.ensure", &[&drop])["denied"].is_string());
    let dry = bench.dry("manage", "firewall.ensure", &[&drop]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert_eq!(bench.printed("nft", &["list", "ruleset"]), "");
    assert_eq!(
        (change(&bench, "ensure", &[&drop]), change(&bench, "ensure", &[&drop])),
        (json!(true), json!(false))
    );
    assert!(!answers(&bench));
    // The host speaks with itself all the same.
    assert!(bench.within("ping").args(["-c", "1", "-W", "5", OWN]).output().expect("runs").status.success());

    let accept = rule("accept", &format!(r#", protocol: icmp, address: "{PEER}/32""#));
    assert_eq!(
        (change(&bench, "ensure", &[&accept]), change(&bench, "ensure", &[&accept])),
        (json!(true), json!(false))
    );
    assert!(answers(&bench));
    let listed = bench.value("read", "firewall.list", &[]);
    let shown: Vec<_> =
        listed.as_array().expect("a list").iter().map(|rule| (&rule["action"], &rule["address"])).collect();
    assert_eq!(
        shown,
        [(&json!("accept"), &json!(PEER)), (&json!("drop"), &json!("10.99.0.0/24"))],
        "{listed}"
    );
    assert_eq!(
        (change(&bench, "remove", &[&accept]), change(&bench, "remove", &[&accept])),
        (json!(true), json!(false))
    );
    assert!(!answers(&bench));
    assert_eq!(change(&bench, "remove", &[&drop]), true);
    assert!(answers(&bench));
    for rule in [
        rule("reject", r#", protocol: tcp, port: 25"#),
        rule("drop", r#", protocol: udp, address: "2001:db8::/32""#),
        rule("accept", ""),
        r#"{direction: output, action: reject, protocol: tcp, port: 25, address: "2001:db8::1"}"#.to_owned(),
    ] {
        assert_eq!(
            (change(&bench, "ensure", &[&rule]), change(&bench, "ensure", &[&rule])),
            (json!(true), json!(false)),
            "{rule}"
        );
    }
    assert_eq!(bench.value("read", "firewall.list", &[]).as_array().map(Vec::len), Some(4));
    assert_eq!((change(&bench, "clear", &[]), change(&bench, "clear", &[])), (json!(true), json!(false)));
    assert_eq!(bench.printed("nft", &["list", "ruleset"]), "");
}

#[test]
fn nobody_is_locked_out_unless_that_is_wished() {
    let Some(bench) = bench() else { return };
    let denied = |method: &str, rule: &str| {
        let error = bench.error("manage", &format!("firewall.{method}"), &[rule]);
        assert!(error["denied"].as_str().is_some_and(|why| why.contains("`force`")), "{rule}: {error}");
    };
    let ssh = rule("drop", r#", protocol: tcp, port: 22"#);
    for rule in [
        ssh.clone(),
        rule("reject", ""),
        rule("drop", r#", address: "0.0.0.0/1""#),
        r#"{direction: output, action: drop}"#.to_owned(),
        r#"{direction: output, action: reject, protocol: udp, port: 443}"#.to_owned(),
    ] {
        denied("ensure", &rule);
        assert!(bench.dry("manage", "firewall.ensure", &[&rule]).code == 1);
    }
    assert_eq!(bench.printed("nft", &["list", "ruleset"]), "");
    // Where somebody is let in first, all others may be kept out, and then that one must stay.
    let open = rule("accept", r#", protocol: tcp, port: 22, address: "10.99.0.0/24""#);
    assert_eq!(
        (change(&bench, "ensure", &[&open]), change(&bench, "ensure", &[&ssh])),
        (json!(true), json!(true))
    );
    denied("remove", &open);
    assert_eq!(change(&bench, "remove", &[&open, "true"]), true);
    assert_eq!(change(&bench, "ensure", &[&rule("reject", ""), "true"]), true);
}

/// Func's `iptables.dump` and `iptables.policy`.
#[test]
fn what_others_made_is_told_and_left_alone() {
    let Some(bench) = bench() else { return };
    let script = "nft add table ip theirs && nft 'add chain ip theirs in { type filter hook input priority -5; policy drop; }' \
                  && nft add chain ip theirs more && nft add rule ip theirs in tcp dport 22 counter accept";
    bench.printed("sh", &["-c", script]);
    let before = bench.printed("nft", &["list", "table", "ip", "theirs"]);
    assert!(before.contains("counter"), "{before}");
    assert_eq!(change(&bench, "ensure", &[&rule("drop", r#", protocol: tcp, port: 80"#)]), true);
    let told: Value = serde_json::from_str(&bench.printed("nft", &["-j", "list", "ruleset"])).expect("JSON");
    let ruleset = bench.value("read", "firewall.ruleset", &[]);
    assert_eq!(serde_json::from_str::<Value>(ruleset.as_str().expect("text")).expect("JSON"), told);
    let chains = bench.value("read", "firewall.chains", &[]);
    let chain = |table: &str, name: &str| {
        let all = chains.as_array().expect("a list");
        all.iter().find(|one| one["table"] == table && one["name"] == name).expect("there").clone()
    };
    assert_eq!(
        chain("ip theirs", "in"),
        json!({ "table": "ip theirs", "name": "in", "hook": "input", "priority": -5, "policy": "drop", "rules": 1 })
    );
    assert_eq!(
        (&chain("ip theirs", "more")["hook"], &chain("inet overlord", "input")["policy"]),
        (&Value::Null, &json!("accept"))
    );
    assert_eq!(change(&bench, "clear", &[]), true);
    assert_eq!(bench.printed("nft", &["list", "table", "ip", "theirs"]), before);
    // Func took any word where it knew some. Here nothing but these is a call.
    assert_eq!(bench.call("manage", "firewall.ensure", &[&rule("hehehh", "")]).code, 2);
    assert!(bench.error("manage", "firewall.ensure", &[&rule("drop", ", port: 22")])["invalid"].is_string());
}
