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

#[test]
fn a_port_is_open_as_long_as_somebody_listens() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("an address").port().to_string();
    for host in ["127.0.0.1", "localhost"] {
        let answer = bench.value("read", "network.port-open", &[host, &port]);
        assert_eq!((&answer["open"], &answer["state"]), (&json!(true), &json!("open")), "{host}: {answer}");
    }
    let dry = bench.dry("read", "network.port-open", &["127.0.0.1", &port]);
    assert!(dry.code == 0 && dry.json()["value"]["open"] == true, "{dry:?}");
    drop(listener);
    let answer = bench.value("read", "network.port-open", &["127.0.0.1", &port]);
    assert_eq!((&answer["open"], &answer["state"]), (&json!(false), &json!("refused")), "{answer}");

    // Where clouds answer with keys nothing is tried, whatever is granted by a star.
    let metadata = bench.error("read", "network.port-open", &["169.254.169.254", "80"]);
    assert!(metadata["denied"].as_str().is_some_and(|why| why.contains("169.254.169.254")), "{metadata}");
    let nobody = bench.error("read", "network.port-open", &["no-such-host.invalid", "80"]);
    assert!(nobody["not-found"].is_string(), "{nobody}");
    assert!(bench.error("read", "network.port-open", &["localhost", "80", "61"])["invalid"].is_string());
}

#[test]
fn a_host_without_a_program_is_told_what_to_install() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    for (program, method, package) in
        [("ping", "network.ping", "iputils-ping"), ("traceroute", "network.traceroute", "traceroute")]
    {
        bench.forget(program);
        let error = bench.error("read", method, &["127.0.0.1"]);
        let why = error["unsupported"].as_str().unwrap_or_default();
        let install = format!("install the package \"{package}\"");
        assert!(why.contains(&format!("\"{program}\"")) && why.contains(&install), "{error}");
    }
}
