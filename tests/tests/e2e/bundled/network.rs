//! `network`.

use serde_json::json;

use super::{Bench, can_unshare, printed};

#[test]
fn the_network_is_that_of_the_host() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("an address").port();
    let found = bench.value("read", "network.listening", &[&port.to_string()]);
    let own = json!({ "protocol": "tcp", "address": "127.0.0.1", "port": port });
    assert!(["protocol", "address", "port"].iter().all(|key| found[0][key] == own[key]), "{found}");
    assert_eq!(found[0]["owners"][0]["pid"], std::process::id(), "{found}");
    drop(listener);
    assert_eq!(bench.value("read", "network.listening", &[&port.to_string()]), json!([]));

    let interfaces = bench.value("read", "network.interfaces", &[]);
    let names: Vec<&str> =
        interfaces.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    let known = printed("ls", &["/sys/class/net"]);
    assert!(known.split_whitespace().all(|name| names.contains(&name)), "{names:?} of {known:?}");
    let loopback = interfaces.as_array().expect("a list").iter().find(|one| one["name"] == "lo").expect("lo");
    assert!(loopback["addresses"].as_array().expect("a list").contains(&json!("127.0.0.1/8")), "{loopback}");
    assert!(bench.value("read", "network.resolve", &["localhost"]).to_string().contains("127.0.0.1"));
    assert!(bench.error("read", "network.resolve", &["no-such-host.invalid"])["not-found"].is_string());
    assert!(bench.value("read", "network.routes", &[]).is_array());
}
