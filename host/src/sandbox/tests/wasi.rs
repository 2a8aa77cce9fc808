//! Guests that use files, environment and network through WASI, as far as policy lets them.

use std::os::unix::fs::symlink;
use std::path::Path;

use wire::value::Value;

use super::capabilities::{error, granted, json};
use super::guests::rig;
use super::{ModulePolicy, OutcomeKind, Rig, RunMode};

fn files(folder: &Path, mode: &str) -> Rig {
    let host = folder.display();
    rig(
        "files",
        granted(&format!(
            "files = [{{ host = '{host}', guest = '/data', mode = '{mode}' }}]\nenv = ['HOME']"
        )),
    )
}

#[tokio::test]
async fn granted_folders_are_read_and_written_and_nothing_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    std::fs::write(inside.join("file"), "text").unwrap();
    symlink("../secret", inside.join("link")).unwrap();
    symlink("/etc", inside.join("etc")).unwrap();
    let rig = files(&inside, "rw");
    assert_eq!(rig.value("read", r#"["/data/file"]"#).await, Some(Value::String("text".into())));
    rig.value("write", r#"["/data/new", "words"]"#).await;
    assert_eq!(std::fs::read_to_string(inside.join("new")).unwrap(), "words");
    for path in ["/data/../secret", "/data/link", "/data/etc/passwd", "/etc/passwd", "/data/./../../secret"] {
        let failure = rig.failure("read", &format!("[\"{path}\"]")).await;
        assert_eq!(failure.kind.outcome(), OutcomeKind::Error, "{path}");
    }
    assert!(rig.events.denied.lock().unwrap().iter().any(|denial| denial.attempt == "read /data/link"));
    for (method, arguments) in [
        ("hard-link", r#"["/data/../secret", "/data/hard"]"#),
        ("rename", r#"["/data/file", "/data/../moved"]"#),
        ("write", r#"["/data/link", "changed"]"#),
    ] {
        assert_eq!(rig.failure(method, arguments).await.kind.outcome(), OutcomeKind::Error, "{method}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("secret")).unwrap(), "secret");
}

#[tokio::test]
async fn of_a_folder_only_what_is_named_is_seen_wherever_links_lead() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::create_dir_all(root.join("public/deep")).unwrap();
    for (name, text) in
        [("secret", "secret"), ("motd", "hello"), ("public/file", "text"), ("public/deep/x", "x")]
    {
        std::fs::write(root.join(name), text).unwrap();
    }
    for (target, name) in [("../secret", "link"), ("file", "same"), ("..", "up"), ("../motd", "across")] {
        symlink(target, root.join("public").join(name)).unwrap();
    }
    let host = root.display();
    let lines = format!("files = [{{ host = '{host}', guest = '/data', only = ['motd', 'public'] }}]");
    let rig = rig("files", granted(&lines));
    for (path, text) in [
        ("motd", "hello"),
        ("public/file", "text"),
        ("public/deep/x", "x"),
        ("public/same", "text"),
        ("public/across", "hello"),
    ] {
        let read = rig.value("read", &format!("[\"/data/{path}\"]")).await;
        assert_eq!(read, Some(Value::String(text.into())), "{path}");
    }
    let entries = json(rig.value("entries", r#"["/data/public"]"#).await);
    assert_eq!(entries, serde_json::json!(["across", "deep", "file", "link", "same", "up"]));
    for (method, path) in [
        ("read", "secret"),
        ("read", "public/link"),
        ("read", "public/up/secret"),
        ("read", "public/../secret"),
        ("read", "./secret"),
        ("entries", ""),
        ("entries", "."),
        ("entries", "public/up"),
        ("entries", "public/.."),
    ] {
        let failure = rig.failure(method, &format!("[\"/data/{path}\"]")).await;
        assert_eq!(failure.kind.outcome(), OutcomeKind::Error, "{method} {path}");
    }
    assert!(rig.events.denied.lock().unwrap().iter().any(|denial| denial.attempt == "look at /data/secret"));
}

#[tokio::test]
async fn a_folder_for_reading_and_a_dry_run_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "text").unwrap();
    let writable = files(folder.path(), "rw");
    for rig in [files(folder.path(), "ro"), Rig { mode: RunMode::Dry, ..writable }] {
        for (method, arguments) in [
            ("write", r#"["/data/file", "x"]"#),
            ("remove", r#"["/data/file"]"#),
            ("make-folder", r#"["/data/d"]"#),
            ("rename", r#"["/data/file", "/data/other"]"#),
        ] {
            assert_eq!(rig.failure(method, arguments).await.kind.outcome(), OutcomeKind::Error, "{method}");
        }
        assert_eq!(rig.value("read", r#"["/data/file"]"#).await, Some(Value::String("text".into())));
    }
}

#[tokio::test]
async fn a_dry_run_records_changes_of_files_under_the_names_that_the_guest_has_for_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("sub/file"), "text").unwrap();
    let rig = Rig { mode: RunMode::Dry, ..files(folder.path(), "rw") };
    let mut would = Vec::new();
    for (method, arguments) in [
        ("write", r#"["/data/sub/file", "x"]"#),
        ("make-folder", r#"["/data/new"]"#),
        ("remove", r#"["/data/sub/file"]"#),
        ("rename", r#"["/data/sub/file", "/data/other"]"#),
        ("hard-link", r#"["/data/sub/file", "/data/second"]"#),
    ] {
        would.extend(rig.report(method, arguments).await.would);
    }
    assert_eq!(
        would,
        [
            "write /data/sub/file",
            "make the folder /data/new",
            "remove /data/sub/file",
            "rename /data/sub/file to /data/other",
            "link /data/second to /data/sub/file",
        ]
    );
    assert!(rig.events.denied.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_pipe_in_a_granted_folder_is_refused_and_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let rig = files(folder.path(), "rw");
    for (method, arguments) in [("read", r#"["/data/pipe"]"#), ("write", r#"["/data/pipe", "x"]"#)] {
        assert_eq!(rig.failure(method, arguments).await.kind.outcome(), OutcomeKind::Error, "{method}");
    }
    let denied = rig.events.denied.lock().unwrap();
    assert_eq!(
        denied.iter().map(|denial| &*denial.attempt).collect::<Vec<_>>(),
        ["read /data/pipe", "write /data/pipe"]
    );
}

#[tokio::test]
async fn a_granted_folder_that_is_gone_is_told_before_the_guest_starts() {
    let folder = tempfile::tempdir().unwrap();
    let rig = files(&folder.path().join("gone"), "ro");
    let failure = rig.failure("entries", r#"["/data"]"#).await;
    assert_eq!(failure.kind.as_str(), "capability-missing");
    assert!(failure.message.contains("cannot be opened"), "{}", failure.message);
}

#[tokio::test]
async fn the_environment_is_what_is_granted() {
    let folder = tempfile::tempdir().unwrap();
    let names = json(files(folder.path(), "ro").value("environment", "[]").await);
    assert!(names.as_array().unwrap().iter().all(|pair| pair[0] == "HOME"), "{names}");
    assert_eq!(
        json(rig("files", ModulePolicy::default()).value("environment", "[]").await),
        serde_json::json!([])
    );
}

#[tokio::test]
async fn symbolic_links_are_made_moved_and_named_again_only_where_the_grant_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
    symlink("../../conf", folder.path().join("a/b/up")).unwrap();
    symlink("file", folder.path().join("old")).unwrap();
    let refused = files(folder.path(), "rw");
    for (method, arguments) in [
        ("symbolic-link", r#"["../../etc/passwd", "/data/relative"]"#),
        ("symbolic-link", r#"["/etc/passwd", "/data/absolute"]"#),
        ("symbolic-link", r#"["file", "/data/inside"]"#),
        ("rename", r#"["/data/old", "/data/a/new"]"#),
        ("hard-link", r#"["/data/old", "/data/a/new"]"#),
        // What is in it would lead out of the folder from there.
        ("rename", r#"["/data/a/b", "/data/b"]"#),
        ("rename", r#"["/data/a/../a/b/.", "/data/a/../b"]"#),
    ] {
        let failure = refused.failure(method, arguments).await;
        assert_eq!(failure.kind.outcome(), OutcomeKind::Error, "{method} {arguments}: {}", failure.message);
    }
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let attempts: Vec<String> =
        refused.events.denied.lock().unwrap().iter().map(|denial| denial.attempt.clone()).collect();
    assert!(attempts.contains(&"make the link /data/relative".to_owned()), "{attempts:?}");
    refused.value("rename", r#"["/data/a/b", "/data/a/c"]"#).await;

    let host = folder.path().display();
    let granted =
        granted(&format!("files = [{{ host = '{host}', guest = '/data', mode = 'rw', symlinks = true }}]"));
    let allowed = rig("files", granted);
    allowed.value("symbolic-link", r#"["file", "/data/inside"]"#).await;
    allowed.value("rename", r#"["/data/old", "/data/a/new"]"#).await;
    let dry = Rig { mode: RunMode::Dry, ..files(folder.path(), "rw") };
    let report = dry.report("symbolic-link", r#"["file", "/data/link"]"#).await;
    assert_eq!(report.would, ["make the link /data/link"]);
}

#[tokio::test]
async fn a_file_that_may_only_be_read_gets_no_name_by_which_it_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["read", "write"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("read/file"), "text").unwrap();
    let host = folder.path().display();
    let rig = rig(
        "files",
        granted(&format!(
            "files = [{{ host = '{host}/read', guest = '/read' }}, {{ host = '{host}/write', guest = '/write', mode = 'rw' }}]"
        )),
    );
    for method in ["hard-link", "rename"] {
        let failure = rig.failure(method, r#"["/read/file", "/write/file"]"#).await;
        assert_eq!(failure.kind.outcome(), OutcomeKind::Error, "{method}");
    }
}

/// Answers each connection with this, once.
async fn server(answer: &'static str) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn requests_go_to_granted_addresses_and_redirects_are_checked_like_any_other() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: http://elsewhere.example/\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    let address = server(answer).await;
    let rig = rig("egress", granted(&format!("http = ['http://{address}/status/*']")));
    let response = json(rig.value("request", &format!("[\"GET\", \"http://{address}/status/now\"]")).await);
    assert_eq!((response["status"].as_u64(), response["body"].as_str()), (Some(302), Some("hi")));
    let location = response["location"].as_str().unwrap();
    for url in [location, &format!("http://{address}/other"), &format!("https://{address}/status/now")] {
        let told = error(rig.failure("request", &format!("[\"GET\", \"{url}\"]")).await);
        assert!(told.contains("denied") || told.contains("Denied"), "{url}: {told}");
    }
    assert_eq!(rig.events.denied.lock().unwrap().len(), 3);
}

/// Hosts at which nobody answers but the link, or a service that gives whoever asks the keys of this machine.
const LINKS: [&str; 12] = [
    "169.254.169.254",
    "169.254.169.254.",
    "[::ffff:169.254.169.254]",
    "[::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "100.100.100.200",
];

/// The same of this host.
const OWN: [&str; 11] = [
    "127.0.0.1",
    "127.1.2.3",
    "127.1",
    "localhost",
    "LOCALHOST",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::1]",
    "0.0.0.0",
    "[::]",
    "[::ffff:0.0.0.0]",
];

/// What becomes of requests to each of these hosts; none is sent, and the reason is that it must not be.
async fn refuses(rig: &Rig, hosts: &[&str], port: u16) {
    for host in hosts {
        let told = error(rig.failure("request", &format!("[\"GET\", \"http://{host}:{port}/\"]")).await);
        let reason = ["HttpRequestDenied", "DestinationIpProhibited", "authority is refused"];
        assert!(reason.iter().any(|reason| told.contains(reason)), "{host}: {told}");
    }
}

#[tokio::test]
async fn any_host_is_neither_this_one_nor_a_private_one_nor_one_of_the_link() {
    let port = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.port();
    let rig = rig("egress", granted("http = ['http://*:*/*']"));
    let mut hosts = [&LINKS[..], &OWN[..]].concat();
    hosts.extend(["10.0.0.1", "192.168.0.1", "100.64.0.1", "[fd12::1]", "[::ffff:10.0.0.1]"]);
    let own = nix::ifaddrs::getifaddrs().unwrap().filter_map(|one| Some(one.address?.as_sockaddr_in()?.ip()));
    let own: Vec<String> = own.map(|address| address.to_string()).collect();
    hosts.extend(own.iter().map(String::as_str));
    refuses(&rig, &hosts, port).await;
}

#[tokio::test]
async fn any_host_of_private_networks_is_none_of_the_link_unless_the_grant_names_it() {
    let port = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.port();
    let any = "{ url = 'http://*:*/*', private = true }";
    let rig = |lines: String| rig("egress", granted(&lines));
    let private = rig(format!("http = [{any}]"));
    refuses(&private, &LINKS, port).await;
    refuses(&private, &["0.0.0.0", "[::]", "[::ffff:0.0.0.0]", "2130706433", "0x7f.1", "127.1"], port).await;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let answer = private.value("request", &format!("[\"GET\", \"http://{host}:{port}/\"]")).await;
        assert_eq!(json(answer)["status"], 200, "{host}");
    }
    let denied = private.events.denied.lock().unwrap().clone();
    let told = |part: &str| denied.iter().any(|denial| denial.attempt.ends_with(part));
    assert!(told("at 169.254.169.254, which takes a grant that names 169.254.169.254"), "{denied:?}");
    // The address itself may stand beside it, before it or behind it.
    for lines in [format!("'http://0.0.0.0:*', {any}"), format!("{any}, 'http://0.0.0.0:*'")] {
        let named = rig(format!("http = [{lines}]"));
        let answer = named.value("request", &format!("[\"GET\", \"http://0.0.0.0:{port}/\"]")).await;
        assert_eq!(json(answer)["status"], 200, "{lines}");
    }
}

#[tokio::test]
async fn a_request_that_is_under_way_ends_when_its_job_is_cancelled() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let rig = rig("egress", granted(&format!("http = ['http://{address}']")));
    let arguments = format!("[\"GET\", \"http://{address}/\"]");
    let (failure, _connection) = tokio::join!(rig.failure("request", &arguments), async {
        let connection = listener.accept().await.unwrap();
        rig.cancel.cancel();
        connection
    });
    assert_eq!(failure.kind.outcome(), OutcomeKind::Cancelled);
}

#[tokio::test]
async fn no_socket_is_ever_made() {
    let address = server("").await;
    let rig = rig("egress", ModulePolicy::default());
    for (method, arguments) in [
        ("connect", format!("[\"{address}\", \"x\"]")),
        ("bind", "[\"127.0.0.1:0\"]".into()),
        ("send", format!("[\"{address}\", \"x\"]")),
        ("lookup", "[\"localhost\"]".into()),
    ] {
        assert_eq!(rig.failure(method, &arguments).await.kind.outcome(), OutcomeKind::Error, "{method}");
    }
    let denied = rig.events.denied.lock().unwrap();
    for attempt in ["make a TCP socket", "make a UDP socket"] {
        assert!(denied.iter().any(|denial| denial.attempt == attempt), "{denied:?}");
    }
}
