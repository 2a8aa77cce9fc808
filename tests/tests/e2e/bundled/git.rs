//! `git`: what it says of checkouts is what `git` says, and nothing that lies in one is run.

use std::fs;

use serde_json::{Value, json};

use super::archive::has;
use super::{Bench, can_unshare};

/// The folder of the tests, in the copy of the host.
const HERE: &str = "/srv/t";
/// A checkout of `/srv/t/origin.git`.
const APP: &str = "/srv/t/app";

/// A copy of this host with a repository that has two commits, and a checkout of the first of them.
fn bench() -> Option<Bench> {
    if !can_unshare() || !has("git") {
        return None;
    }
    let bench = Bench::new();
    fs::create_dir_all(bench.path(HERE)).expect("made");
    bench.run(
        "git init -q --bare -b main origin.git; git clone -q origin.git author 2>/dev/null; cd author; echo 1 >file; echo 1 >other; \
         git add .; git commit -qm 'first of all'; git push -q origin HEAD:main; cd ..; git clone -q origin.git app; \
         cd author; echo 2 >file; git commit -qam 'second\tone'; git push -q origin HEAD:main",
    );
    Some(bench)
}

impl Bench {
    /// What a script prints in the folder of the tests.
    fn run(&self, script: &str) -> String {
        let environment = [
            ("GIT_AUTHOR_NAME", "Anna"),
            ("GIT_AUTHOR_EMAIL", "anna@example.org"),
            ("GIT_COMMITTER_NAME", "Anna"),
            ("GIT_COMMITTER_EMAIL", "anna@example.org"),
            ("HOME", "/nowhere"),
        ];
        let script = format!("cd {HERE}; {script}");
        let output = self.within("sh").args(["-ec", &script]).envs(environment).output().expect("runs");
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }

    fn head(&self, folder: &str) -> String {
        self.run(&format!("git -C {folder} rev-parse HEAD"))
    }

    fn denied(&self, method: &str) -> String {
        let error = self.error("manage", method, &[APP]);
        error["denied"].as_str().unwrap_or_else(|| panic!("{error}")).to_owned()
    }
}

#[test]
fn a_checkout_is_as_git_says_it_is() {
    let Some(bench) = bench() else { return };
    let status = || bench.value("read", "git.status", &[APP]);
    let clean = status();
    assert_eq!(clean["head"], bench.head(APP), "{clean}");
    assert_eq!((&clean["branch"], &clean["upstream"]), (&json!("main"), &json!("origin/main")), "{clean}");
    assert_eq!((&clean["ahead"], &clean["behind"]), (&json!(0), &json!(0)), "{clean}");
    assert_eq!((&clean["dirty"], &clean["differences"]), (&json!(false), &json!([])), "{clean}");
    assert_eq!(clean["remote"], format!("{HERE}/origin.git"), "{clean}");
    bench.run(
        "cd app; git fetch -q; echo x >>file; rm other; echo new >'a file'; git add 'a file'; echo >unknown",
    );
    let dirty = status();
    assert_eq!(
        (&dirty["dirty"], &dirty["behind"], &dirty["untracked"]),
        (&json!(true), &json!(1), &json!(1)),
        "{dirty}"
    );
    let told: Vec<(&str, &str)> = dirty["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["path"].as_str().expect("text"), it["state"].as_str().expect("a word")))
        .collect();
    assert_eq!(
        told,
        [("a file", "added"), ("file", "modified"), ("other", "deleted"), ("unknown", "untracked")]
    );
    bench.run("cd app; git remote set-url origin https://me:pass@a.example/x.git; git checkout -q --detach");
    assert!(status()["branch"].is_null());
    bench.run("cd app; git checkout -q main");
    assert_eq!(status()["remote"], "https://a.example/x.git");

    let log = bench.value("read", "git.log", &[&format!("{HERE}/author")]);
    let subjects: Vec<&Value> = log.as_array().expect("a list").iter().map(|it| &it["subject"]).collect();
    assert_eq!(subjects, [&json!("second\tone"), &json!("first of all")]);
    let said = bench.run("git -C author log -1 --format='%H %an %ct'");
    let first = &log[0];
    let told = format!(
        "{} {} {}",
        first["id"].as_str().expect("text"),
        first["author"].as_str().expect("text"),
        first["committed"]["seconds"]
    );
    assert_eq!(told, said);
    assert_eq!(bench.value("read", "git.log", &[APP, "1"]).as_array().map(Vec::len), Some(1));

    // A folder below is none, and neither is one that has nothing of git, nor a repository that something could be put into.
    bench.run("mkdir app/below none");
    for folder in
        [format!("{APP}/below"), format!("{HERE}/none"), format!("{HERE}/origin.git"), "/srv/no".to_owned()]
    {
        let error = bench.error("read", "git.status", &[&folder]);
        assert!(error["not-found"].is_string(), "{folder}: {error}");
    }
}

#[test]
fn a_pull_goes_forward_once_and_never_merges() {
    let Some(bench) = bench() else { return };
    let (before, after) = (bench.head(APP), bench.head("author"));
    let dry = bench.dry("manage", "git.pull", &[APP]);
    let expected = json!({
        "changed": true, "changes": [format!("moved main from {before} to {after}")], "before": before, "after": after
    });
    assert_eq!((dry.code, &dry.json()["value"]), (0, &expected), "{dry:?}");
    assert_eq!(bench.head(APP), before);
    // What is another there, and would not be written over, stays.
    bench.run("echo mine >app/other");
    assert_eq!(bench.value("manage", "git.pull", &[APP]), expected);
    assert_eq!((bench.head(APP), bench.run("cat app/file app/other")), (after.clone(), "2\nmine".to_owned()));
    let again = bench.value("manage", "git.pull", &[APP]);
    assert_eq!((&again["changed"], &again["after"]), (&json!(false), &json!(after)));
    let dry = bench.dry("manage", "git.pull", &[APP]).json()["value"].clone();
    assert_eq!(dry["changed"], false, "{dry}");

    // What would be written over is not, and what has commits of its own is not merged.
    bench.run("cd author; echo 3 >other; git commit -qam third; git push -q origin HEAD:main");
    let error = bench.error("manage", "git.pull", &[APP]);
    assert!(error["failed"]["stderr"].to_string().contains("overwritten"), "{error}");
    bench.run("cd app; git checkout -q other; echo own >own; git add own; git commit -qm own");
    let own = bench.head(APP);
    assert!(bench.denied("git.pull").contains("commits of its own"));
    assert_eq!(bench.head(APP), own);
    assert!(bench.error("read", "git.pull", &[APP])["denied"].is_string());
    bench.run("cd app; git checkout -q --detach");
    assert!(bench.error("manage", "git.pull", &[APP])["invalid"].is_string());
}

#[test]
fn nothing_that_lies_in_a_checkout_is_run() {
    let Some(bench) = bench() else { return };
    let canary = format!("{HERE}/canary");
    bench.run(&format!("printf '#!/bin/sh\\necho run >>{canary}; cat\\n' >evil; chmod +x evil"));
    // Hooks are passed over.
    bench.run("for hook in post-merge post-checkout reference-transaction pre-auto-gc post-index-change; do cp evil app/.git/hooks/$hook; done");
    assert_eq!(bench.value("manage", "git.pull", &[APP])["changed"], true);
    assert!(!bench.path(&canary).exists(), "a hook was run");

    // What the configuration would run is refused by its name.
    let evil = format!("{HERE}/evil");
    bench.run(&format!("echo '* filter=x diff=x merge=x' >app/.gitattributes; printf '[core]\\n\\tfsmonitor = {evil}\\n' >evil.config"));
    for (key, value) in [
        ("core.fsmonitor", evil.as_str()),
        ("core.hooksPath", HERE),
        ("core.sshCommand", &evil),
        ("filter.x.clean", &evil),
        ("filter.x.process", &evil),
        ("diff.external", &evil),
        ("merge.x.driver", &evil),
        ("credential.helper", &evil),
        ("include.path", &format!("{HERE}/evil.config")),
        ("remote.origin.uploadpack", &evil),
        ("core.worktree", "/"),
        ("gpg.program", &evil),
    ] {
        bench.run(&format!("cd app; git config {key} '{value}'; touch file"));
        for method in ["git.status", "git.pull", "git.log"] {
            let error = bench.error("manage", method, &[APP]);
            // With another folder to work in it is no checkout at all.
            let told =
                error["denied"].as_str().or(error["not-found"].as_str()).expect("refused").to_lowercase();
            assert!(told.contains(&key.to_lowercase()) || key == "core.worktree", "{method} {key}: {error}");
        }
        bench.run(&format!("cd {HERE}; git config -f app/.git/config --unset-all {key}"));
    }
    // A way that is a program is none, however it is come by.
    for url in [format!("ext::{evil}"), format!("other::{evil}"), "fd::7".to_owned()] {
        bench.run(&format!("cd app; git config remote.origin.url '{url}'"));
        let error = bench.error("manage", "git.pull", &[APP]);
        assert!(error["failed"]["stderr"].to_string().contains("not allowed"), "{url}: {error}");
        let dry = bench.dry("manage", "git.pull", &[APP]);
        assert_eq!(dry.code, 1, "{dry:?}");
    }
    bench.run(&format!(
        "cd app; git config remote.origin.url a:x; git config 'url.ext::{evil} .insteadOf' a:"
    ));
    assert!(bench.error("manage", "git.pull", &[APP])["failed"].is_object());
    // A submodule has a configuration of its own, and is not looked into.
    bench.run(&format!(
        "cd app; git config --unset-all 'url.ext::{evil} .insteadOf'; git config remote.origin.url {HERE}/origin.git; git clone -q ../origin.git sub; \
         printf '[submodule \"sub\"]\\n\\tpath = sub\\n\\turl = ../origin.git\\n' >.gitmodules; git -c core.hooksPath=/dev/null add .gitmodules sub 2>/dev/null; \
         git -C sub config core.fsmonitor {evil}"
    ));
    bench.value("manage", "git.status", &[APP]);
    assert!(!bench.path(&canary).exists(), "something was run: {}", bench.run("cat canary"));
}

#[test]
fn what_somebody_else_may_have_put_there_is_not_used_even_where_the_whole_host_says_so() {
    let Some(bench) = bench() else { return };
    bench.run("git config --system safe.directory '*' || git config -f /etc/gitconfig safe.directory '*'");
    bench.run("chown -R nobody app");
    for method in ["git.status", "git.pull"] {
        assert!(bench.denied(method).contains("is not the user's"), "{method}");
    }
}
