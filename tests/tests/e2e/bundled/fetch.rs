//! `fetch`, against web servers on the loopback: what it puts in its place is what `curl` fetches, or nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::archive::has;
use super::{Bench, can_unshare, printed};

/// The folder of the tests, in the copy of the host.
const HERE: &str = "/srv/t";
/// How much of a file comes at once from a server that breaks off.
const PART: usize = 300_000;

/// A web server with one file, that serves ranges of it. It serves until the tests are over.
struct Server {
    port: u16,
    /// The requests, each with its headers, in small letters.
    asked: Arc<Mutex<Vec<String>>>,
    file: Vec<u8>,
    sum: String,
}

impl Server {
    fn new() -> Self {
        let file: Vec<u8> = (0_u32..250_000).flat_map(u32::to_le_bytes).collect();
        let kept = tempfile::NamedTempFile::new().expect("a file");
        fs::write(kept.path(), &file).expect("written");
        let sum = printed("sha256sum", &[kept.path().to_str().expect("text")])[..64].to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = listener.local_addr().expect("an address").port();
        let (asked, content, broken) =
            (Arc::<Mutex<Vec<String>>>::default(), file.clone(), AtomicUsize::new(0));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            let (content, broken) = (Arc::new(content), Arc::new(broken));
            for connection in listener.incoming() {
                let (content, broken, seen) = (Arc::clone(&content), Arc::clone(&broken), Arc::clone(&seen));
                std::thread::spawn(move || serve(connection.expect("accepted"), &content, &broken, &seen));
            }
        });
        Self { port, asked, file, sum }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("held"))
    }
}

fn serve(mut connection: TcpStream, file: &[u8], broken: &AtomicUsize, asked: &Mutex<Vec<String>>) {
    let lines = BufReader::new(connection.try_clone().expect("cloned")).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let Some(first) = head.first() else { return };
    let head = head.join("\n");
    asked.lock().expect("held").push(head.to_lowercase());
    let (method, path) = first.split_once(' ').expect("a request");
    let path = path.split(' ').next().expect("a path");
    let plain = |status: &str, header: &str| {
        format!("HTTP/1.1 {status}\r\n{header}content-length: 0\r\nconnection: close\r\n\r\n")
    };
    let begins = |line: &str| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse::<usize>().ok();
    let range = head.to_lowercase().lines().find_map(begins);
    let answer = match path {
        "/moved" => plain("302 Found", "location: /file\r\n"),
        "/away" => plain(
            "302 Found",
            &format!("location: http://localhost:{}/file\r\n", connection.local_addr().expect("one").port()),
        ),
        "/loop" => plain("302 Found", "location: /loop\r\n"),
        "/keys" => plain("302 Found", "location: http://169.254.169.254/latest\r\n"),
        "/secret" => plain("401 Unauthorized", ""),
        "/busy" => plain("503 Service Unavailable", ""),
        "/file" | "/breaks" | "/no-ranges" | "/other" => {
            let start = range.filter(|start| *start < file.len() && path != "/no-ranges");
            let body = &file[start.unwrap_or(0)..];
            let status = match start {
                Some(start) => format!(
                    "206 Partial Content\r\ncontent-range: bytes {start}-{}/{}",
                    file.len() - 1,
                    file.len()
                ),
                None => "200 OK".to_owned(),
            };
            let (ranges, tag) = if path == "/no-ranges" {
                ("none", String::new())
            } else {
                ("bytes", "etag: \"one\"\r\n".to_owned())
            };
            let head = format!(
                "HTTP/1.1 {status}\r\naccept-ranges: {ranges}\r\n{tag}content-type: application/x-test\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = connection.write_all(head.as_bytes());
            if !method.starts_with("HEAD") {
                let length = match path {
                    "/breaks" => PART.min(body.len()),
                    "/no-ranges" if broken.fetch_add(1, Ordering::SeqCst) == 0 => PART,
                    _ => body.len(),
                };
                let _ = connection.write_all(&body[..length]);
            }
            return;
        }
        _ => plain("404 Not Found", ""),
    };
    // Whoever asked may have had enough.
    let _ = connection.write_all(answer.as_bytes());
}

fn bench() -> Option<(Bench, Server)> {
    can_unshare().then(|| {
        let bench = Bench::new();
        fs::create_dir_all(bench.path(HERE)).expect("made");
        (bench, Server::new())
    })
}

impl Bench {
    /// What is in the folder of the tests.
    fn files(&self) -> Vec<String> {
        let all = fs::read_dir(self.path(HERE)).expect("read");
        let mut names: Vec<String> =
            all.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort_unstable();
        names
    }

    fn get(&self, url: &str, options: &Value) -> Value {
        self.value("private", "fetch.get", &[url, &format!("{HERE}/file"), &options.to_string()])
    }
}

/// What the ancestor's module `pullfile` did, and curl does: the file of a URL comes to be at a path.
#[test]
fn a_file_comes_to_be_that_of_the_server_and_stays_so() {
    let Some((bench, server)) = bench() else { return };
    let path = format!("{HERE}/file");
    let url = server.url("/moved");
    let dry = bench.dry("private", "fetch.get", &[&url, &path]);
    assert_eq!((dry.code, &dry.json()["value"]["changed"]), (0, &json!(true)), "{dry:?}");
    assert_eq!(dry.json()["value"]["sha256"], server.sum);
    assert_eq!(bench.files(), [""; 0]);
    let fetched = bench.get(&url, &json!({}));
    assert_eq!(
        (&fetched["changed"], &fetched["sha256"], &fetched["size"]),
        (&json!(true), &json!(server.sum), &json!(server.file.len()))
    );
    assert!(fs::read(bench.path(&path)).expect("read") == server.file);
    if has("curl") {
        bench.printed("curl", &["-sL", "-o", &format!("{HERE}/theirs"), &url]);
        assert_eq!(bench.printed("cmp", &[&path, &format!("{HERE}/theirs")]), "");
        fs::remove_file(bench.path(&format!("{HERE}/theirs"))).expect("removed");
    }
    let mode = || fs::metadata(bench.path(&path)).expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode(), 0o644);
    assert_eq!(bench.get(&url, &json!({}))["changed"], false);
    // With its checksum nobody is asked whether it is the same.
    server.asked();
    assert_eq!(bench.get(&url, &json!({ "sha256": server.sum.to_uppercase() }))["changed"], false);
    assert_eq!(server.asked(), [""; 0]);
    let moded = bench.get(&url, &json!({ "sha256": server.sum, "mode": "0750" }));
    assert_eq!((&moded["changed"], mode(), server.asked().len()), (&json!(true), 0o750, 0), "{moded}");
    fs::write(bench.path(&path), "another").expect("written");
    assert_eq!(bench.get(&url, &json!({ "sha256": server.sum }))["changed"], true);
    assert_eq!((mode(), bench.files()), (0o750, vec!["file".to_owned()]));

    let inspected = bench.value("private", "fetch.inspect", &[&url]);
    let expected = json!({
        "url": server.url("/file"), "size": server.file.len(), "media-type": "application/x-test", "modified": null,
        "etag": "\"one\"", "resumable": true
    });
    assert_eq!(inspected, expected);
}

/// The ranges that were asked for, each with what the file must be for it.
fn ranges(asked: Vec<String>) -> Vec<String> {
    let line =
        |head: &String, name: &str| head.lines().find_map(|line| Some(line.strip_prefix(name)?.to_owned()));
    let range = |head: &String| {
        Some(format!("{} {}", line(head, "range: ")?, line(head, "if-range: ").unwrap_or_default()))
    };
    asked.iter().filter_map(range).collect()
}

#[test]
fn what_breaks_off_is_gone_on_with_and_half_a_file_is_never_seen() {
    let Some((bench, server)) = bench() else { return };
    // Within one call, by what the server says that makes the file the same.
    let fetched = bench.get(&server.url("/breaks"), &json!({}));
    assert_eq!(fetched["sha256"], server.sum, "{fetched}");
    assert_eq!(
        ranges(server.asked()),
        ["bytes=300000- \"one\"", "bytes=600000- \"one\"", "bytes=900000- \"one\""]
    );
    // A server that serves no ranges begins anew, where the checksum tells that all is well.
    fs::remove_file(bench.path(&format!("{HERE}/file"))).expect("removed");
    let fetched = bench.get(&server.url("/no-ranges"), &json!({ "sha256": server.sum }));
    assert_eq!((&fetched["sha256"], server.asked().len()), (&json!(server.sum), 2), "{fetched}");

    // From one call to the next: what is there of it is not fetched again.
    fs::remove_file(bench.path(&format!("{HERE}/file"))).expect("removed");
    let part = format!("{HERE}/.file.{}.part", &server.sum[..16]);
    fs::write(bench.path(&part), &server.file[..PART]).expect("written");
    let fetched = bench.get(&server.url("/file"), &json!({ "sha256": server.sum }));
    assert_eq!(
        (&fetched["resumed-bytes"], &fetched["size"]),
        (&json!(PART), &json!(server.file.len())),
        "{fetched}"
    );
    assert_eq!(ranges(server.asked()), ["bytes=300000- "]);
    assert_eq!(bench.files(), ["file"]);
    // Also where all of it is there, and where what is there is of another file.
    for kept in [server.file.clone(), vec![b'x'; PART]] {
        fs::remove_file(bench.path(&format!("{HERE}/file"))).expect("removed");
        fs::write(bench.path(&part), &kept).expect("written");
        let fetched = bench.get(&server.url("/file"), &json!({ "sha256": server.sum }));
        assert_eq!(fetched["sha256"], server.sum, "{fetched}");
        assert!(fs::read(bench.path(&format!("{HERE}/file"))).expect("read") == server.file);
        assert_eq!(bench.files(), ["file"]);
    }

    // Of another checksum nothing is left.
    fs::write(bench.path(&format!("{HERE}/file")), "before").expect("written");
    let wrong = json!({ "sha256": "0".repeat(64) }).to_string();
    let error = bench.error("private", "fetch.get", &[&server.url("/file"), &format!("{HERE}/file"), &wrong]);
    assert!(error["invalid"].to_string().contains(&server.sum), "{error}");
    let small = bench.error(
        "private",
        "fetch.get",
        &[&server.url("/file"), &format!("{HERE}/file"), "{most-bytes: 1000}"],
    );
    assert!(small["denied"].to_string().contains("most-bytes"), "{small}");
    assert_eq!(fs::read_to_string(bench.path(&format!("{HERE}/file"))).expect("read"), "before");
    assert_eq!(bench.files(), ["file"]);
}

#[test]
fn what_is_not_there_and_what_is_not_to_be_asked_is_an_error_that_says_so() {
    let Some((bench, server)) = bench() else { return };
    let path = format!("{HERE}/file");
    for (url, kind) in [
        ("/nothing", "not-found"),
        ("/secret", "denied"),
        ("/busy", "busy"),
        ("/loop", "other"),
        ("/keys", "denied"),
    ] {
        let error = bench.error("private", "fetch.get", &[&server.url(url), &path]);
        assert!(error[kind].is_string(), "{url}: {error}");
    }
    // Private addresses take a level of their own, and who may read fetches nothing.
    assert!(bench.error("manage", "fetch.get", &[&server.url("/file"), &path])["denied"].is_string());
    assert!(bench.error("read", "fetch.inspect", &[&server.url("/file")])["denied"].is_string());
    for (place, kind) in [
        ("/srv/no/file", "not-found"),
        ("/srv/t", "invalid"),
        ("srv", "invalid"),
        ("/etc/x/../y", "invalid"),
        ("/etc/file", "denied"),
    ] {
        let error = bench.error("private", "fetch.get", &[&server.url("/file"), place]);
        assert!(error[kind].is_string(), "{place}: {error}");
    }
    // Where others may write, they could put a link in the way.
    fs::create_dir(bench.path(&format!("{HERE}/shared"))).expect("made");
    bench.printed("chown", &["nobody", &format!("{HERE}/shared")]);
    let error = bench.error("private", "fetch.get", &[&server.url("/file"), &format!("{HERE}/shared/file")]);
    assert!(error["denied"].to_string().contains("shared"), "{error}");
    assert_eq!(bench.files(), ["shared"]);
}

#[test]
fn a_secret_is_sent_to_the_host_that_it_is_for_and_to_no_other() {
    let Some((bench, server)) = bench() else { return };
    let path = format!("{HERE}/file");
    let sent = |url: &str| {
        server.asked();
        bench.value("private", "fetch.get", &[&server.url(url), &path, "none", "Bearer s3cret"]);
        server.asked().iter().map(|head| head.contains("authorization: bearer s3cret")).collect::<Vec<_>>()
    };
    assert_eq!(sent("/moved"), [true, true]);
    assert_eq!(sent("/away"), [true, false]);
    let refused = bench.call("private", "fetch.get", &[&server.url("/file"), &path, "none", "a\r\nx: y"]);
    assert!(refused.code == 1 && !refused.out.contains("x: y"), "{refused:?}");
}
