//! `network.http-check`, against web servers on the loopback, and against what `curl` says of them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rig::{Said, binary, bundled_dir, said, say_skipped};
use serde_json::{Value, json};

use super::{Bench, can_unshare};

/// More than is read of a body.
const BIG: usize = 9 << 20;

/// Starts a web server, and gives back its port. It serves until the tests are over.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            std::thread::spawn(move || serve(connection.expect("accepted")));
        }
    });
    port
}

/// Answers one request as its path says.
fn serve(mut connection: TcpStream) {
    let mut lines = BufReader::new(connection.try_clone().expect("cloned")).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let (mut words, _) = (first.split_whitespace(), lines.find(String::is_empty));
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let whole = |status: &str, header: &str, body: &str| {
        let body = if method == "HEAD" { "" } else { body };
        let length = if method == "HEAD" { 0 } else { body.len() };
        format!("HTTP/1.1 {status}\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
    };
    let answer = match path {
        "/" => whole("200 OK", "", "and so all is well\n"),
        "/method" => whole("200 OK", "", &format!("asked with {first}")),
        "/moved" => whole("302 Found", "location: /hop?a=b\r\n", ""),
        "/hop?a=b" => whole("301 Moved Permanently", "location: /\r\n", ""),
        "/loop" => whole("307 Temporary Redirect", "location: /loop\r\n", ""),
        "/keys" => whole("302 Found", "location: http://169.254.169.254/latest/meta-data\r\n", ""),
        "/away" => whole("302 Found", "location: mailto:root@example.org\r\n", ""),
        "/broken" => whole("503 Service Unavailable", "", "come back later\n"),
        "/big" => whole("200 OK", "", &"x".repeat(BIG)),
        "/short" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it".to_owned(),
        "/nonsense" => "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(),
        "/half" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n".to_owned(),
        "/slow" => String::new(),
        _ => whole("404 Not Found", "", "there is no such page\n"),
    };
    // Whoever asked may have had enough.
    let _ = connection.write_all(answer.as_bytes());
    if matches!(path, "/half" | "/slow") {
        // Until whoever asked gives up.
        let _ = connection.read(&mut [0]);
    }
}

/// What comes of a check with these options.
fn checked(bench: &Bench, url: &str, options: &str) -> Value {
    bench.value("check", "network.http-check", &[url, options])
}

/// Status, bytes and target of redirects of a URL, as `curl` sees them.
fn curl(options: &[&str], url: &str) -> Option<Value> {
    let format = "%{http_code} %{size_download} %{url_effective} %{redirect_url}";
    let mut command = Command::new("curl");
    command.args(["-s", "-o", "/dev/null", "-w", format]).args(options).arg(url);
    let printed = String::from_utf8(command.output().ok()?.stdout).expect("text");
    let mut words = printed.split(' ');
    let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
    let (status, bytes) = (number(), number());
    let (url, location) = (words.next(), words.next().filter(|location| !location.is_empty()));
    Some(json!({ "status": status, "bytes": bytes, "url": url, "location": location }))
}

#[test]
fn an_answer_is_that_of_the_server_as_curl_sees_it() {
    if !can_unshare() {
        return;
    }
    let (bench, port) = (Bench::new(), server());
    let of = |path: &str| format!("http://127.0.0.1:{port}{path}");
    for (path, options, arguments) in [
        ("/", "{}", &[][..]),
        ("/", "{method: head}", &["--head"]),
        ("/nowhere", "{}", &[]),
        ("/broken", "{}", &[]),
        ("/moved", "{}", &[]),
        ("/moved", "{redirects: 2}", &["--location"]),
        ("/moved", "{redirects: 1}", &["--location", "--max-redirs", "1"]),
        ("/loop", "{redirects: 3}", &["--location", "--max-redirs", "3"]),
    ] {
        let answer = checked(&bench, &of(path), options);
        assert_eq!(answer["state"], "answered", "{path} {options}: {answer}");
        assert!(answer["time-ms"].as_f64().is_some_and(|time| time > 0.0), "{answer}");
        let Some(expected) = curl(arguments, &of(path)) else {
            say_skipped("there is no `curl` to compare with");
            break;
        };
        let ours = ["status", "bytes", "url", "location"].map(|key| (key, answer[key].clone()));
        let ours: Value = ours.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        assert_eq!(ours, expected, "{path} {options}");
    }
    let answer = checked(&bench, &of("/away"), "{redirects: 2}");
    assert_eq!(answer["location"], "mailto:root@example.org", "{answer}");
    let answer = checked(&bench, &format!("http://localhost:{port}/#part"), "none");
    assert_eq!((&answer["ok"], &answer["url"]), (&json!(true), &json!(format!("http://localhost:{port}/"))));
    let dry = bench.dry("check", "network.http-check", &[&of("/")]);
    assert!(dry.code == 0 && dry.json()["value"]["ok"] == true, "{dry:?}");
}

#[test]
fn it_is_ok_where_status_and_text_are_those_that_are_expected() {
    if !can_unshare() {
        return;
    }
    let (bench, port) = (Bench::new(), server());
    for (path, options, ok, found) in [
        ("/", "{contains: \"all is well\"}", true, json!(true)),
        ("/", "{contains: \"all is lost\"}", false, json!(false)),
        ("/method", "{contains: \"GET /method HTTP/1.1\"}", true, json!(true)),
        ("/", "{status: 200}", true, Value::Null),
        ("/", "{status: 204}", false, Value::Null),
        ("/broken", "{status: 503, contains: \"later\"}", true, json!(true)),
        ("/broken", "{}", false, Value::Null),
        ("/moved", "{}", true, Value::Null),
        ("/moved", "{redirects: 1}", false, Value::Null),
        ("/moved", "{redirects: 2, contains: \"well\"}", true, json!(true)),
        ("/loop", "{redirects: 10}", false, Value::Null),
        ("/big", "{contains: \"y\"}", false, json!(false)),
    ] {
        let answer = checked(&bench, &format!("http://127.0.0.1:{port}{path}"), options);
        assert_eq!((&answer["ok"], &answer["found"]), (&json!(ok), &found), "{path} {options}: {answer}");
        assert_eq!(answer["problem"].is_null(), ok, "{path} {options}: {answer}");
        if path == "/big" {
            assert_eq!(answer["bytes"], 8 << 20, "{answer}");
        }
    }
}

#[test]
fn that_a_site_is_down_is_an_answer_which_says_how() {
    if !can_unshare() {
        return;
    }
    let (bench, port) = (Bench::new(), server());
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let closed = listener.local_addr().expect("an address").port();
    drop(listener);
    for (url, options, state, status) in [
        (format!("http://127.0.0.1:{closed}"), "{}", "refused", Value::Null),
        (format!("http://127.0.0.1:{port}/slow"), "{timeout-s: 1}", "silent", Value::Null),
        (format!("http://127.0.0.1:{port}/half"), "{timeout-s: 1}", "silent", json!(200)),
        (format!("http://127.0.0.1:{port}/short"), "{}", "broken", json!(200)),
        (format!("http://127.0.0.1:{port}/nonsense"), "{}", "broken", Value::Null),
        (format!("https://127.0.0.1:{port}/"), "{}", "tls-failed", Value::Null),
    ] {
        let answer = checked(&bench, &url, options);
        let seen = (&answer["ok"], &answer["state"], &answer["status"]);
        assert_eq!(seen, (&json!(false), &json!(state), &status), "{url}: {answer}");
        assert!(answer["problem"].is_string(), "{url}: {answer}");
    }
    let nobody = bench.error("check", "network.http-check", &["http://no-such-host.invalid/"]);
    assert!(nobody["not-found"].as_str().is_some_and(|why| why.contains("no-such-host")), "{nobody}");
}

/// A server for TLS whose certificate nobody has signed.
struct Tls {
    process: Child,
    port: u16,
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Tls {
    /// None where there is no `openssl`.
    fn start(bench: &Bench) -> Option<Self> {
        let mut making = bench.within("openssl");
        making.args(["req", "-x509", "-newkey", "ec", "-pkeyopt"]).args([
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-keyout",
            "/bench/key.pem",
            "-out",
            "/bench/certificate.pem",
        ]);
        if !making.output().is_ok_and(|output| output.status.success()) {
            say_skipped("there is no `openssl` to serve TLS with");
            return None;
        }
        let files = ["-key", "/bench/key.pem", "-cert", "/bench/certificate.pem"];
        let mut command = bench.within("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www"]).args(files);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut lines = BufReader::new(process.stdout.take()?).lines().map_while(Result::ok);
        let port = lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok())?;
        // It ends where nobody takes what it prints.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, port })
    }
}

#[test]
fn a_certificate_that_nobody_has_signed_is_told_from_other_faults() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let Some(tls) = Tls::start(&bench) else { return };
    let answer = checked(&bench, &format!("https://localhost:{}/", tls.port), "{}");
    assert_eq!((&answer["ok"], &answer["state"]), (&json!(false), &json!("untrusted")), "{answer}");
}

#[test]
fn what_is_no_url_or_no_option_is_refused_in_words() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    for (url, options, part) in [
        ("status.example.org", "none", "write it like"),
        ("ftp://status.example.org/", "none", "web server"),
        ("http://me:secret@status.example.org/", "none", "password"),
        ("http://127.0.0.1/", "{timeout-s: 51}", "1 to 50 seconds"),
        ("http://127.0.0.1/", "{redirects: 11}", "10 at most"),
        ("http://127.0.0.1/", "{method: head, contains: \"x\"}", "HEAD"),
    ] {
        let error = bench.error("check", "network.http-check", &[url, options]);
        let why = error["invalid"].as_str().unwrap_or_default();
        assert!(why.contains(part) && !why.contains("secret"), "{url} {options}: {error}");
    }
}

/// Calls the method with a policy of these lines.
fn called_with(bench: &Bench, lines: &str, arguments: &[&str]) -> Said {
    fs::create_dir_all(bench.path("/policies/own")).expect("made");
    let policy = format!("[modules.network]\n{lines}\n");
    fs::write(bench.path("/policies/own/minion.toml"), policy).expect("written");
    let mut command = bench.within(binary("minion"));
    command.args(["call", "--json", "--policy", "/policies/own/minion.toml"]);
    command.arg(bundled_dir().join("network.wasm")).args(["http-check", "--"]);
    said(command.args(arguments))
}

/// Whether a call was denied, with the command that grants it where there is one.
fn assert_denied(said: &Said, command: Option<&str>) {
    let error = said.json()["error"].clone();
    assert!(said.code == 1 && error["value"]["denied"].is_string(), "{said:?}");
    let message = error["message"].as_str().unwrap_or_default();
    match command {
        Some(command) => assert!(message.contains(&format!("`{command}`")), "{message}"),
        None => assert!(!message.contains("minion grant"), "{message}"),
    }
}

#[test]
fn who_may_not_ask_is_told_which_grant_that_takes() {
    if !can_unshare() {
        return;
    }
    let (bench, port) = (Bench::new(), server());
    let url = format!("http://127.0.0.1:{port}/");
    assert_denied(&bench.call("read", "network.http-check", &[&url]), Some("minion grant network:check"));
    // What `read` has, `check` has as well.
    assert!(bench.value("check", "network.interfaces", &[]).is_array());

    // One that names any host reaches no private address without saying so.
    let own = "probe = ['*:*']\nprocess = [{ command = 'ip' }]\n";
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "10.0.0.1"] {
        let said = called_with(
            &bench,
            &format!("{own}http = ['http://*:*/*']"),
            &[&format!("http://{host}:{port}/")],
        );
        assert_denied(&said, Some("minion grant network:check"));
    }
    let private = format!("{own}http = [{{ url = 'http://*:*/*', private = true }}]");
    assert_eq!(called_with(&bench, &private, &[&url]).json()["value"]["ok"], true);
}

#[test]
fn where_clouds_answer_with_keys_nothing_is_asked_in_whatever_clothes() {
    if !can_unshare() {
        return;
    }
    let (bench, port) = (Bench::new(), server());
    let names = "127.0.0.1 localhost own.test\n169.254.169.254 keys.test\n127.0.0.1 both.test\n169.254.169.254 both.test\n\
                 ::ffff:169.254.169.254 mapped.test\nfd00:ec2::254 six.test\n0.0.0.0 nobody.test\n";
    fs::write(bench.path("/etc/hosts"), names).expect("written");
    for host in [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "100.100.100.200",
        "2852039166",
        "0xa9fea9fe",
        "0.0.0.0",
        "[::]",
        "keys.test",
        "KEYS.test",
        "both.test",
        "mapped.test",
        "six.test",
        "nobody.test",
    ] {
        let said =
            bench.call("check", "network.http-check", &[&format!("http://{host}:{port}/"), "{timeout-s: 5}"]);
        assert_denied(&said, None);
    }
    let led = bench.call(
        "check",
        "network.http-check",
        &[&format!("http://own.test:{port}/keys"), "{redirects: 1}"],
    );
    assert_denied(&led, None);
    let answer = checked(&bench, &format!("http://own.test:{port}/keys"), "{}");
    assert_eq!(answer["location"], "http://169.254.169.254/latest/meta-data", "{answer}");
}
