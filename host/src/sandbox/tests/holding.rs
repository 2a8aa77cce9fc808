//! Guests that take of the host whatever they can get.

use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire::message::call::LogLine;
use wire::value::Value;

use super::capabilities::granted;
use super::guests::rig;
use super::{Limits, ModulePolicy, OutcomeKind, Rig, Sandbox, SandboxConfig};

fn hoarder() -> Rig {
    rig("hoarder", ModulePolicy::default())
}

/// The same with a folder, in a sandbox where no other test has anything.
fn with_folder(folder: &Path, lines: &str) -> Rig {
    let files = format!("files = [{{ host = '{}', guest = '/data', mode = 'rw' }}]", folder.display());
    let sandbox = Sandbox::new(SandboxConfig::default()).unwrap();
    let bytes = std::fs::read(xtask::guests::fixture("hoarder")).unwrap();
    let policy = granted(&format!("{files}\n{lines}"));
    let module = sandbox.load("guest".parse().unwrap(), &bytes, &policy).unwrap();
    Rig { sandbox, ..Rig::of(module) }
}

/// What the host holds for a line.
fn held(line: &LogLine) -> usize {
    let texts = line.fields.iter().map(|(name, value)| name.capacity() + value.capacity()).sum::<usize>();
    line.message.capacity() + line.fields.capacity() * size_of::<(String, String)>() + texts
}

fn number(value: Option<Value>) -> u64 {
    let Some(Value::Unsigned(number)) = value else { panic!("{value:?}") };
    number
}

#[tokio::test]
async fn a_log_takes_no_more_of_the_host_than_its_limit() {
    for (method, arguments) in [("empty-fields", "[500, 20000]"), ("long-lines", "[100, 1000000]")] {
        let rig = hoarder();
        rig.value(method, arguments).await;
        let log = rig.events.log.lock().unwrap();
        let held: usize = log.iter().map(held).sum();
        let limits = Limits::default();
        assert!((held as u64) < limits.log + limits.log / 4, "{method}: {held} bytes in {} lines", log.len());
        assert_eq!(log.last().unwrap().message.contains("left out"), method == "empty-fields", "{method}");
    }
}

#[tokio::test]
async fn a_note_that_was_cut_does_not_keep_what_it_was() {
    let rig = hoarder();
    rig.value("long-notes", "[10, 1000000]").await;
    let progress = rig.events.progress.lock().unwrap();
    assert!(progress.iter().all(|progress| progress.note.capacity() <= 1 << 10));
}

#[tokio::test]
async fn parts_and_results_without_anything_in_them_are_output_too() {
    let rig = hoarder();
    let taken = number(rig.value("empty-parts", "[1000000]").await);
    assert!(taken * size_of::<String>() as u64 <= 4 << 20, "{taken}");
    for (method, length) in [("nothings", 500_000), ("nothings", 100_000), ("empty-texts", 200_000)] {
        let failure = rig.failure(method, &format!("[{length}]")).await;
        assert_eq!(failure.kind.outcome(), OutcomeKind::Trapped, "{method} {length}");
        assert!(failure.message.contains("limits.output"), "{method} {length}: {}", failure.message);
    }
    rig.value("nothings", "[1000]").await;
}

#[tokio::test]
async fn sockets_are_refused_before_there_is_one() {
    assert_eq!(number(hoarder().value("sockets", "[1000]").await), 0);
}

#[tokio::test]
async fn open_files_are_bounded_as_long_as_anything_reads_them_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "text").unwrap();
    let rig = with_folder(folder.path(), "limits = { descriptors = 20 }");
    assert_eq!(number(rig.value("files", r#"["/data/file", 1000]"#).await), 19);
    assert_eq!(number(rig.value("streams", r#"["file", 1000]"#).await), 19);
    assert_eq!(number(rig.value("open-and-close", r#"["/data/file", 1000]"#).await), 1000);
    let log = rig.events.log.lock().unwrap();
    let told = "this job has all 20 descriptors that it may have (limits.descriptors)";
    assert!(log.iter().any(|line| line.message.ends_with(told)), "{log:?}");
    assert_eq!(rig.sandbox.status().descriptors.used, 0);
}

#[tokio::test]
async fn connections_are_descriptors() {
    // Takes connections and never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let policy = granted(&format!("http = ['http://{address}']\nlimits = {{ descriptors = 20 }}"));
    let rig = rig("hoarder", policy);
    let last = rig.value("connections", &format!("[\"{address}\", 100]")).await;
    let Some(Value::String(last)) = last else { panic!("{last:?}") };
    assert!(last.contains("ConnectionLimitReached"), "{last}");
}

/// A server that answers one request with so many bytes.
async fn serve(bytes: usize) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        // The request is small, and comes whole.
        let _ = peer.read(&mut [0; 4 << 10]).await.unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
        peer.write_all(head.as_bytes()).await.unwrap();
        peer.write_all(&vec![b'x'; bytes]).await.unwrap();
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_100_mb_can_be_read_by_a_guest_that_never_drops_what_it_waited_for() {
    let address = serve(100_000_000).await;
    let limits = "limits = { cpu = '1h', wall = '1h' }";
    let rig = rig("hoarder", granted(&format!("http = ['http://{address}/*']\n{limits}")));
    assert_eq!(number(rig.value("body", &format!("[\"{address}\", \"/all\"]")).await), 100_000_000);
}

#[tokio::test]
async fn what_is_behind_handles_is_measured_while_the_guest_runs() {
    for (method, arguments) in [("headers", "[900, 500]"), ("requests", "[900, 1000000]")] {
        let failure = hoarder().failure(method, arguments).await;
        assert_eq!(failure.kind.outcome(), OutcomeKind::Trapped, "{method}");
        let told = "the minion would hold more than 20 MiB for this job (limits.held, limits.output)";
        assert_eq!(failure.message, told, "{method}");
    }
    let wide = Limits { held: 1 << 30, ..Limits::default() };
    rig("hoarder", ModulePolicy { limits: wide, ..ModulePolicy::default() })
        .value("headers", "[50, 100]")
        .await;
}
