//! `certs`: what it says of certificates is what `openssl` says.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::archive::has;
use super::{Bench, can_unshare};

/// The folder of the tests, in the copy of the host.
const HERE: &str = "/srv/t";

/// An authority, a certificate of a server that it signed by way of another one, and some that end or have ended.
const MAKE: &str = r#"
mkdir -p /srv/t/certs/sub; cd /srv/t/certs
printf '[ca]\nbasicConstraints=critical,CA:TRUE\n[server]\nsubjectAltName=DNS:localhost,DNS:*.example.org,IP:127.0.0.1,IP:::1\n' >ext
openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj '/O=Tests/CN=Root, of tests' -days 400 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout middle.key -out middle.csr -subj '/CN=Middle' 2>/dev/null
openssl x509 -req -in middle.csr -CA root.pem -CAkey root.key -days 300 -extfile ext -extensions ca -out middle.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj '/CN=localhost' 2>/dev/null
openssl x509 -req -in server.csr -CA middle.pem -CAkey middle.key -days 20 -extfile ext -extensions server -out leaf.pem 2>/dev/null
cat server.key leaf.pem middle.pem >chain.pem
openssl req -x509 -newkey ed25519 -nodes -keyout /dev/null -out sub/soon.crt -subj /CN=soon -days 3 2>/dev/null
openssl x509 -req -in server.csr -CA middle.pem -CAkey middle.key -days -1 -out sub/ended.cer 2>/dev/null
openssl x509 -in root.pem -outform DER -out root.der
ln -s /srv/t/certs/sub/soon.crt sub/again.pem
echo text >sub/none.pem
"#;

fn bench() -> Option<Bench> {
    if !can_unshare() || !has("openssl") {
        return None;
    }
    let bench = Bench::new();
    let status = bench.within("sh").args(["-ec", MAKE]).status().expect("runs");
    assert!(status.success());
    Some(bench)
}

impl Bench {
    /// What `openssl x509` says of the first certificate of a file.
    fn x509(&self, file: &str, options: &[&str]) -> String {
        let arguments = [&["x509", "-noout", "-in", file], options].concat();
        let printed = self.printed("openssl", &arguments);
        printed.trim().split_once('=').expect("a word").1.replace(':', "").to_lowercase()
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[test]
fn a_certificate_is_what_openssl_says_of_it() {
    let Some(bench) = bench() else { return };
    let show = |name: &str| bench.value("read", "certs.show", &[&format!("{HERE}/certs/{name}")]);
    for name in ["root.pem", "leaf.pem", "sub/soon.crt", "root.der"] {
        let path = format!("{HERE}/certs/{name}");
        let shown = show(name)[0].clone();
        assert_eq!(text(&shown["sha256"]), bench.x509(&path, &["-fingerprint", "-sha256"]), "{shown}");
        let serial = bench.x509(&path, &["-serial"]);
        assert_eq!(text(&shown["serial"]).trim_start_matches('0'), serial.trim_start_matches('0'), "{shown}");
        for (key, option) in [("not-before", "-startdate"), ("not-after", "-enddate")] {
            let printed = bench.printed("openssl", &["x509", "-noout", "-in", &path, option]);
            let date = printed.trim().split_once('=').expect("a date").1.to_owned();
            let seconds = bench.printed("date", &["-d", &date, "+%s"]);
            assert_eq!(shown[key]["seconds"].to_string(), seconds.trim(), "{shown}");
        }
    }
    let root = show("root.pem")[0].clone();
    assert_eq!(
        (&root["key"], &root["is-authority"], &root["self-issued"]),
        (&json!("RSA 2048"), &json!(true), &json!(true))
    );
    assert_eq!(root["subject"], "CN=Root\\, of tests,O=Tests", "{root}");
    let chain = show("chain.pem");
    assert_eq!(chain.as_array().map(Vec::len), Some(2), "{chain}");
    assert_eq!(chain[0]["names"], json!(["localhost", "*.example.org", "127.0.0.1", "::1"]));
    assert_eq!((&chain[0]["key"], &chain[1]["key"]), (&json!("EC P-256"), &json!("EC P-384")));
    assert!(is_of_the_leaf(&chain[0]["days-left"]) && chain[0]["issuer"] == "CN=Middle", "{chain}");
    assert_eq!(show("sub/soon.crt")[0]["key"], "Ed25519");
    // Every authority that this host trusts can be read.
    let all = "/etc/ssl/certs/ca-certificates.crt";
    if bench.path(all).exists() {
        let count = bench.printed("grep", &["-c", "BEGIN CERTIFICATE", all]);
        let shown = bench.value("read", "certs.show", &[all]);
        assert_eq!(shown.as_array().map(Vec::len).expect("a list").to_string(), count.trim());
    }
    assert!(bench.error("read", "certs.show", &["/etc/passwd"])["invalid"].is_string());
    let hidden = bench.error("read", "certs.show", &[&format!("{HERE}/certs/server.key")]);
    assert!(hidden["denied"].is_string() || hidden["invalid"].is_string(), "{hidden}");
    assert!(!hidden.to_string().contains("PRIVATE"));
}

/// Whether so many days are left to the leaf, which was made for twenty: a moment later they are nineteen.
fn is_of_the_leaf(days: &Value) -> bool {
    *days == 19 || *days == 20
}

#[test]
fn what_ends_soon_is_found_in_files_and_folders() {
    let Some(bench) = bench() else { return };
    let expiring = |paths: &[&str], days: &str| {
        let paths = json!(paths.iter().map(|name| format!("{HERE}/{name}")).collect::<Vec<_>>());
        let report = bench.value("read", "certs.expiring", &[&paths.to_string(), days]);
        let found = report["certificates"].as_array().expect("a list");
        let names = found.iter().map(|it| text(&it["subject"])).collect::<Vec<_>>();
        (names, report)
    };
    let (names, report) = expiring(&["certs"], "7");
    assert_eq!(names, ["CN=localhost", "CN=soon"], "{report}");
    let (names, _) = expiring(&["certs"], "30");
    assert_eq!(names, ["CN=localhost", "CN=soon", "CN=localhost"]);
    let (names, _) = expiring(&["certs"], "1000");
    assert_eq!(names.len(), 5, "{names:?}");
    let (names, report) = expiring(&["certs/leaf.pem", "certs/root.pem"], "30");
    assert_eq!((names, &report["looked-at"]), (vec!["CN=localhost".to_owned()], &json!(2)), "{report}");
    assert!(is_of_the_leaf(&report["certificates"][0]["days-left"]), "{report}");
    let missing = bench.error("read", "certs.expiring", &[&json!([format!("{HERE}/no")]).to_string()]);
    assert!(missing["not-found"].is_string(), "{missing}");
}

#[test]
fn a_chain_is_trusted_where_openssl_trusts_it() {
    let Some(bench) = bench() else { return };
    let verify = |name: &str, host: &[&str]| {
        bench.value("read", "certs.verify", &[&[format!("{HERE}/certs/{name}").as_str()], host].concat())
    };
    bench.printed("chmod", &["644", &format!("{HERE}/certs/chain.pem")]);
    let verdict = verify("chain.pem", &[]);
    assert_eq!(
        (&verdict["trusted"], verdict["certificates"].as_array().map(Vec::len)),
        (&json!(false), Some(2))
    );
    assert!(text(&verdict["problem"]).contains("issuer certificate"), "{verdict}");
    // Where the host trusts the root, it trusts what that signed.
    let script = "cat /srv/t/certs/root.pem >>\"$(openssl version -d | cut -d'\"' -f2)/cert.pem\"; d=$(openssl version -d | cut -d'\"' -f2)/certs; \
                  mkdir -p $d; cp /srv/t/certs/root.pem $d/$(openssl x509 -hash -noout -in /srv/t/certs/root.pem).0";
    assert!(bench.within("sh").args(["-ec", script]).status().expect("runs").success());
    let verdict = verify("chain.pem", &["a.example.org"]);
    assert_eq!((&verdict["trusted"], &verdict["problem"]), (&json!(true), &Value::Null), "{verdict}");
    let verdict = verify("chain.pem", &["other.example.net"]);
    assert!(text(&verdict["problem"]).to_lowercase().contains("hostname mismatch"), "{verdict}");
    let verdict = verify("leaf.pem", &[]);
    assert_eq!(verdict["trusted"], false, "one is missing in between: {verdict}");
}

/// A TLS server of `openssl`, until it is dropped.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn new(bench: &Bench, options: &[&str]) -> Self {
        use std::io::{BufRead as _, BufReader};

        let mut command = bench.within("openssl");
        let at = |name: &str| format!("{HERE}/certs/{name}");
        command.args([
            "s_server",
            "-accept",
            "127.0.0.1:0",
            "-cert",
            &at("chain.pem"),
            "-cert_chain",
            &at("middle.pem"),
        ]);
        let mut server = command
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let stdout = server.stdout.take().expect("piped");
        let line =
            BufReader::new(stdout).lines().map_while(Result::ok).find(|line| line.starts_with("ACCEPT "));
        let port = line.and_then(|line| line.rsplit_once(':')?.1.parse().ok()).expect("a port");
        Self(server, port)
    }
}

#[test]
fn a_server_has_the_chain_that_openssl_sees() {
    let Some(bench) = bench() else { return };
    let server = Server::new(&bench, &["-tls1_3"]);
    let port = server.1.to_string();
    let told = bench.value("read", "certs.endpoint", &["127.0.0.1", &port, "localhost"]);
    assert_eq!((&told["protocol"], &told["trusted"]), (&json!("TLSv1.3"), &json!(false)), "{told}");
    assert!(is_of_the_leaf(&told["days-left"]), "{told}");
    let subjects: Vec<String> =
        told["certificates"].as_array().expect("a list").iter().map(|it| text(&it["subject"])).collect();
    assert_eq!(subjects, ["CN=localhost", "CN=Middle"], "{told}");
    let leaf = bench.x509(&format!("{HERE}/certs/leaf.pem"), &["-fingerprint", "-sha256"]);
    assert_eq!(text(&told["certificates"][0]["sha256"]), leaf);
    assert!(text(&told["problem"]).contains("certificate"), "{told}");
    let script = "d=$(openssl version -d | cut -d'\"' -f2)/certs; mkdir -p $d; cp /srv/t/certs/root.pem $d/$(openssl x509 -hash -noout -in /srv/t/certs/root.pem).0";
    assert!(bench.within("sh").args(["-ec", script]).status().expect("runs").success());
    for (host, name, trusted) in [
        ("127.0.0.1", "none", true),
        ("localhost", "none", true),
        ("127.0.0.1", "a.example.org", true),
        ("127.0.0.1", "other.example.net", false),
    ] {
        let told = bench.value("read", "certs.endpoint", &[host, &port, name]);
        assert_eq!(told["trusted"], trusted, "{host} {name}: {told}");
        assert_eq!(told["problem"].is_null(), trusted, "{told}");
        assert!(trusted || text(&told["problem"]).to_lowercase().contains("mismatch"), "{told}");
    }
    let older = Server::new(&bench, &["-tls1_2"]);
    let told = bench.value("read", "certs.endpoint", &["localhost", &older.1.to_string()]);
    assert_eq!((&told["protocol"], &told["trusted"]), (&json!("TLSv1.2"), &json!(true)), "{told}");
    drop(older);
}

#[test]
fn what_is_no_tls_server_is_told_from_one_that_is_not_there() {
    let Some(bench) = bench() else { return };
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let error = bench.error("read", "certs.endpoint", &["127.0.0.1", &port.to_string()]);
    assert!(error["not-found"].to_string().contains("nobody listens"), "{error}");
    let error = bench.error("read", "certs.endpoint", &["no-such-host.invalid"]);
    assert!(error["not-found"].to_string().contains("no address"), "{error}");
    // It takes connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = silent.local_addr().expect("an address").port().to_string();
    let error = bench.error("read", "certs.endpoint", &["127.0.0.1", &port, "none", "none", "1"]);
    assert!(error["not-found"].to_string().contains("within 1 seconds"), "{error}");
    for bad in [
        &["-x"][..],
        &["a b"],
        &["localhost", "0"],
        &["localhost", "443", "-showcerts"],
        &["localhost", "443", "none", "none", "51"],
    ] {
        assert!(bench.error("read", "certs.endpoint", bad)["invalid"].is_string(), "{bad:?}");
    }
}
