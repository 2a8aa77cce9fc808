//! `service`.

use std::path::Path;

use super::{Bench, can_unshare};

#[test]
fn a_host_without_systemd_says_so() {
    if !can_unshare() || Path::new("/run/systemd/system").exists() {
        return;
    }
    let bench = Bench::new();
    for (method, arguments) in
        [("list", &[][..]), ("failed", &[]), ("status", &["ssh"]), ("restart", &["ssh"])]
    {
        let error = bench.error("manage", &format!("service.{method}"), arguments);
        assert!(
            error["unsupported"].as_str().is_some_and(|why| why.contains("systemd")),
            "{method}: {error}"
        );
    }
}
