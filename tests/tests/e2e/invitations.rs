//! Where tokens lead, and what is said where they lead nowhere.

use rig::Fleet;
use wire::message::enroll::Token;

fn address_of(token: &str) -> String {
    token.trim().parse::<Token>().expect("a token").address
}

#[test]
fn a_token_that_leads_other_hosts_nowhere_is_warned_of_and_can_be_told_where_to_lead() {
    let mut fleet = Fleet::without_minions();
    // Made for loopback: such tokens are what was asked for.
    let meant = fleet.run(&["minion", "invite", "web1"]);
    assert!(meant.code == 0 && !meant.err.contains("no other host"), "{meant:?}");

    drop(fleet.take_overlord());
    let port = rig::free_port();
    let config = fleet.overlord_dir().join("overlord.toml");
    std::fs::write(&config, format!("listen = \"[::]:{port}\"")).expect("written");
    fleet.start_overlord();
    let warned = fleet.run(&["minion", "invite", "web1"]);
    assert_eq!((warned.code, address_of(&warned.out)), (0, format!("127.0.0.1:{port}")), "{warned:?}");
    assert!(warned.err.contains("no other host") && warned.err.contains("`advertise`"), "{warned:?}");

    let told = fleet.run(&["minion", "invite", "web1", "--address", "o.example:7000", "--json"]);
    assert_eq!(told.json()["address"], "o.example:7000");
    assert_eq!(address_of(told.json()["token"].as_str().expect("a token")), "o.example:7000");
    assert!(!told.err.contains("no other host"), "{told:?}");
    let here = format!("localhost:{port}");
    let joins = fleet.run(&["minion", "invite", "web1", "--address", &here]);
    assert_eq!(fleet.join("web1", joins.out.trim()).code, 0, "its secret is good all the same");
    for bad in ["o.example", "[::]:7000", "2001:db8::1:7000"] {
        let refused = fleet.run(&["minion", "invite", "web1", "--address", bad]);
        assert_eq!(refused.code, 2, "{refused:?}");
    }
}

#[test]
fn an_overlord_that_is_made_for_all_addresses_says_what_its_tokens_will_lack() {
    let fleet = Fleet::without_minions();
    let init = |name: &str, arguments: &[&str]| {
        let dir = fleet.overlord_dir().join(name);
        fleet.run(&[&["init", "--dir", dir.to_str().expect("a path")], arguments].concat())
    };
    for all in [&["--listen", "[::]:30010"][..], &["--listen", "0.0.0.0:30010"], &[]] {
        let made = init(&format!("all{}", all.concat().replace([':', '[', ']'], "")), all);
        assert!(made.code == 0 && made.err.contains("`advertise = "), "{made:?}");
    }
    for named in [&["--listen", "127.0.0.1:30010"][..], &["--advertise", "o.example:30010"]] {
        let made = init(&format!("one{}", named.concat().replace([':', '.'], "")), named);
        assert!(made.code == 0 && !made.err.contains("advertise"), "{made:?}");
    }
    assert_eq!(init("bad", &["--advertise", "0.0.0.0:1"]).code, 2);
}
