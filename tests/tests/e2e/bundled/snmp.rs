//! `snmp`, with an agent of Net-SNMP in the copy of the host.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, can_unshare, has_programs};

/// An agent in the copy, until it is dropped.
struct Agent {
    child: Child,
    port: u16,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const COMMUNITY: &str = "not \"public\" #1";
const PASSPHRASE: &str = "a long \"passphrase\"";

impl Agent {
    /// Starts one that has something to say.
    fn start(bench: &Bench) -> Self {
        // Nobody else has it, as far as anyone can know that of a datagram's port.
        let port =
            std::net::UdpSocket::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address").port();
        let quoted = |text: &str| text.replace('"', "\\\"");
        let config = format!(
            "agentaddress udp:127.0.0.1:{port}\nrocommunity \"{}\" 127.0.0.1\nsysLocation Under the desk\nsysName bench.example.org\n\
             createUser reader SHA-256 \"{1}\" AES \"{1}\"\nrouser reader priv\n",
            quoted(COMMUNITY),
            quoted(PASSPHRASE)
        );
        fs::create_dir_all(bench.path("/bench/agent")).expect("made");
        fs::write(bench.path("/bench/agent/snmpd.conf"), config).expect("written");
        let mut command = bench.within("env");
        command.args(["MIBS=", "SNMPCONFPATH=/bench/agent", "SNMP_PERSISTENT_FILE=/bench/agent/kept.conf"]);
        command.args(["snmpd", "-f", "-C", "-c", "/bench/agent/snmpd.conf", "-Ln", "-p", "/bench/agent/pid"]);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        Self { child, port }
    }

    /// The options that find it. The first answer is waited for long, since it may still be on its way up.
    fn options(&self) -> String {
        format!("{{port: {}, timeout-s: 5, retries: 5}}", self.port)
    }
}

fn community(word: &str) -> String {
    json!({ "community": word }).to_string()
}

fn user(passphrase: &str) -> String {
    json!({ "user": { "name": "reader", "authentication": ["sha256", passphrase], "privacy": ["aes", passphrase], "context": null } })
        .to_string()
}

const NAME: &str = ".1.3.6.1.2.1.1.5.0";
const LOCATION: &str = ".1.3.6.1.2.1.1.6.0";

#[test]
fn an_agent_is_asked_in_both_versions_and_no_secret_stays_behind() {
    if !has_programs(&["snmpd", "snmpget"], "snmpd") || !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let agent = Agent::start(&bench);
    let options = agent.options();
    let both = json!([NAME, LOCATION, ".1.3.6.1.2.1.1.99.0"]).to_string();
    for credentials in [community(COMMUNITY), user(PASSPHRASE)] {
        let entries = bench.value("read", "snmp.get", &["127.0.0.1", &both, &credentials, &options]);
        assert_eq!(entries[0], json!({ "oid": NAME, "value": { "text": "bench.example.org" } }), "{entries}");
        assert_eq!(entries[1]["value"], json!({ "text": "Under the desk" }), "{entries}");
        assert!(entries[2]["value"]["missing"].is_string(), "{entries}");
        let left = fs::read_dir(bench.path("/run/minion-snmp")).expect("made").count();
        assert_eq!(left, 0, "credentials are left");
    }
    let mine = community(COMMUNITY);
    let walked = bench.value("read", "snmp.walk", &["127.0.0.1", ".1.3.6.1.2.1.1", &mine, &options]);
    let entries = walked["entries"].as_array().expect("a list");
    assert!(entries.iter().any(|entry| entry["oid"] == NAME) && walked["complete"] == true, "{walked}");
    let ticks =
        entries.iter().find(|entry| entry["oid"] == ".1.3.6.1.2.1.1.3.0").expect("how long it has run");
    assert!(ticks["value"]["ticks"].is_u64(), "{ticks}");
    let few = options.replace('}', ", most: 2}");
    let walked = bench.value("read", "snmp.walk", &["127.0.0.1", ".1.3.6.1.2.1.1", &mine, &few]);
    assert_eq!((walked["entries"].as_array().map(Vec::len), &walked["complete"]), (Some(2), &json!(false)));

    let short = format!("{{port: {}, timeout-s: 1, retries: 0}}", agent.port);
    let wrong = |credentials: &str| {
        bench.error("read", "snmp.get", &["127.0.0.1", &json!([NAME]).to_string(), credentials, &short])
    };
    assert!(wrong(&community("wrong"))["not-found"].is_string());
    assert!(wrong(&user("not the passphrase"))["denied"].is_string());
    assert!(wrong("none")["invalid"].to_string().contains("/etc/snmp/snmp.conf"));
    // As the owner of the host has it, nothing is written, and a dry run asks as well.
    fs::create_dir_all(bench.path("/etc/snmp")).expect("made");
    let own = format!("defVersion 2c\ndefCommunity \"{}\"\n", COMMUNITY.replace('"', "\\\""));
    fs::write(bench.path("/etc/snmp/snmp.conf"), own).expect("written");
    let words = ["127.0.0.1", &json!([NAME]).to_string(), "none", &options];
    let dry = bench.dry("read", "snmp.get", &words);
    assert_eq!(dry.json()["value"][0]["value"], json!({ "text": "bench.example.org" }), "{dry:?}");
    let dry = bench.dry("read", "snmp.get", &["127.0.0.1", &json!([NAME]).to_string(), &mine, &options]);
    assert!(dry.code == 1 && dry.json()["error"]["value"]["dry-run"].is_string(), "{dry:?}");
}

#[test]
fn credentials_are_in_no_argument_and_only_the_minions_user_may_read_them() {
    if !has_programs(&["snmpget"], "snmp") || !can_unshare() {
        return;
    }
    let bench = Bench::new();
    // Nobody answers there, so that the program waits until it is looked at.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("bound");
    silent.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    let options =
        format!("{{port: {}, timeout-s: 20, retries: 5}}", silent.local_addr().expect("an address").port());
    let mut command = bench.calling("read", "snmp.get", &[]);
    command.args(["--", "127.0.0.1", &json!([NAME]).to_string(), &community(COMMUNITY), &options]);
    let mut caller =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    // The question is on its way, so the program runs.
    let mut question = [0; 1500];
    let length = silent.recv(&mut question).expect("asked");
    assert!(question[..length].windows(COMMUNITY.len()).any(|part| part == COMMUNITY.as_bytes()));
    let seen = programs("snmpget");
    let kept =
        fs::read_dir(bench.path("/run/minion-snmp")).expect("made").flatten().next().expect("a folder");
    let mode = fs::metadata(kept.path().join("snmp.conf")).expect("there").permissions().mode();
    let _ = caller.kill();
    let _ = caller.wait();
    assert!(!seen.is_empty(), "no program asks");
    let owns = |argv: &&String| argv.contains(&silent.local_addr().expect("an address").port().to_string());
    let own: Vec<&String> = seen.iter().filter(owns).collect();
    assert!(!own.is_empty() && own.iter().all(|argv| !argv.contains("public")), "{own:?}");
    assert_eq!(mode & 0o777, 0o600, "others may read it");
}

/// The arguments of all programs of this name that run.
fn programs(name: &str) -> Vec<String> {
    let running = fs::read_dir("/proc").expect("read").flatten();
    let argv = |entry: fs::DirEntry| {
        let argv = fs::read(entry.path().join("cmdline")).ok()?;
        let argv = String::from_utf8_lossy(&argv).replace('\0', " ");
        argv.split(' ').next().is_some_and(|program| program.ends_with(name)).then_some(argv)
    };
    running.filter_map(argv).collect()
}

#[test]
fn what_cannot_be_meant_is_asked_of_nobody() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let refused = |words: &[&str]| -> Value { bench.error("read", "snmp.get", words) };
    let named = json!([NAME]).to_string();
    assert!(refused(&["localhost", "[\"sysName.0\"]"])["invalid"].is_string());
    assert!(refused(&["unix:/run/x", &named])["invalid"].is_string());
    assert!(refused(&["localhost", &named, &community("a\nincludeFile /etc/shadow")])["invalid"].is_string());
    assert!(refused(&["localhost", "[]"])["invalid"].is_string());
}
