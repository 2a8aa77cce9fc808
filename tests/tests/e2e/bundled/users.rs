//! `users` and `groups`.

use serde_json::json;

use super::{Bench, can_unshare, printed};

#[test]
fn users_and_groups_become_what_is_wished_once() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let changed =
        |method: &str, arguments: &[&str]| bench.value("manage", method, arguments)["changed"] == true;
    assert!(changed("groups.ensure", &["deployers", "4242"]));
    assert!(!changed("groups.ensure", &["deployers", "4242"]));
    assert_eq!(bench.line("group", "deployers:").as_deref(), Some("deployers:x:4242:"));

    let wish =
        r#"{name: "deploy", uid: 4343, shell: "/bin/bash", comment: "Deploys", groups: ["deployers"]}"#;
    let dry = bench.dry("manage", "users.ensure", &[wish]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert!(bench.line("passwd", "deploy:").is_none());
    assert!(changed("users.ensure", &[wish]) && !changed("users.ensure", &[wish]));
    assert!(bench.printed("getent", &["passwd", "deploy"]).starts_with("deploy:x:4343:"));
    let line = bench.line("passwd", "deploy:").expect("made");
    assert!(
        line.starts_with("deploy:x:4343:") && line.ends_with(":Deploys:/home/deploy:/bin/bash"),
        "{line}"
    );
    assert!(bench.path("home/deploy").is_dir());
    assert_eq!(bench.line("group", "deployers:").as_deref(), Some("deployers:x:4242:deploy"));
    let info = bench.value("read", "users.info", &["deploy"]);
    assert_eq!(
        (&info["uid"], &info["groups"], &info["may-log-in"]),
        (&json!(4343), &json!(["deployers"]), &json!(true))
    );
    let is_listed = |may_log_in: &str| {
        let listed = bench.value("read", "users.list", &[may_log_in]);
        listed.as_array().expect("a list").iter().any(|user| user["name"] == "deploy")
    };
    assert!(is_listed("true") && !is_listed("false") && is_listed("none"));
    for shell in ["/bin/sync", "/usr/sbin/nologin"] {
        let wish = format!(r#"{{name: "deploy", shell: "{shell}", groups: []}}"#);
        assert!(changed("users.ensure", &[&wish]));
        assert_eq!(bench.value("read", "users.info", &["deploy"])["may-log-in"], false);
        assert!(is_listed("false") && !is_listed("true") && is_listed("none"));
    }
    assert_eq!(bench.line("group", "deployers:").as_deref(), Some("deployers:x:4242:"));

    assert_it_is_locked_and_a_member_as_wished(&bench);
    assert!(changed("users.remove", &["deploy", "true"]) && !changed("users.remove", &["deploy"]));
    assert!(bench.line("passwd", "deploy:").is_none() && !bench.path("home/deploy").exists());
    assert!(changed("groups.remove", &["deployers"]) && !changed("groups.remove", &["deployers"]));
    assert!(bench.error("read", "users.info", &["deploy"])["not-found"].is_string());
    // The host's own tables are as they were.
    assert!(!printed("getent", &["passwd"]).contains("deploy"));
}

/// A password, a lock and membership of a group become what is wished for `deploy`, once.
fn assert_it_is_locked_and_a_member_as_wished(bench: &Bench) {
    let changed =
        |method: &str, arguments: &[&str]| bench.value("manage", method, arguments)["changed"] == true;
    assert_eq!(bench.value("read", "users.is-locked", &["deploy"]), true);
    let hash = "$6$salt$0123456789abcdef";
    assert!(changed("users.set-password", &["deploy", hash]));
    assert!(!changed("users.set-password", &["deploy", hash]));
    assert!(bench.line("shadow", "deploy:").is_some_and(|line| line.starts_with(&format!("deploy:{hash}:"))));
    assert!(changed("users.lock", &["deploy"]) && !changed("users.lock", &["deploy"]));
    assert!(changed("users.unlock", &["deploy"]) && !changed("users.unlock", &["deploy"]));
    assert!(changed("groups.add-member", &["deployers", "deploy"]));
    assert!(!changed("groups.add-member", &["deployers", "deploy"]));
    assert!(changed("groups.remove-member", &["deployers", "deploy"]));
    assert!(
        bench.error("manage", "groups.add-member", &["no-such-group", "deploy"])["not-found"].is_string()
    );
}

#[test]
fn a_user_expires_on_the_day_that_is_wished() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let ensured = |expires: &str| {
        let wish = format!(r#"{{name: "leaver", expires: "{expires}"}}"#);
        bench.value("manage", "users.ensure", &[&wish])["changed"] == true
    };
    assert!(ensured("2027-12-31") && !ensured("2027-12-31"));
    assert!(bench.printed("chage", &["-l", "leaver"]).contains("Dec 31, 2027"));
    assert_eq!(bench.value("read", "users.expiry", &["leaver"]), "2027-12-31");
    assert!(ensured("never") && !ensured("never"));
    assert_eq!(bench.value("read", "users.expiry", &["leaver"]), json!(null));
    let wish = r#"{name: "leaver", expires: "2027-02-30"}"#;
    assert!(bench.error("manage", "users.ensure", &[wish])["invalid"].is_string());
}

/// A key, and what it is known by, as `ssh-keygen -l` says it.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti ann@example.org";
const FINGERPRINT: &str = "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ";

#[test]
fn keys_are_whole_lines_of_a_file_that_is_the_users_own() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let changed =
        |method: &str, arguments: &[&str]| bench.value("manage", method, arguments)["changed"] == true;
    assert!(changed("users.ensure", &[r#"{name: "deploy"}"#]));
    assert_eq!(bench.value("read", "users.keys", &["deploy"]), json!([]));
    let dry = bench.dry("manage", "users.add-key", &["deploy", KEY]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert!(!bench.path("home/deploy/.ssh").exists());
    assert!(bench.error("read", "users.add-key", &["deploy", KEY])["denied"].is_string());
    assert!(changed("users.add-key", &["deploy", KEY]) && !changed("users.add-key", &["deploy", KEY]));
    let file = bench.path("home/deploy/.ssh/authorized_keys");
    assert_eq!(std::fs::read_to_string(&file).expect("read"), format!("{KEY}\n"));
    let shown = |path: &str| bench.printed("stat", &["-c", "%a %U %G", path]);
    assert_eq!(shown("/home/deploy/.ssh/authorized_keys"), "600 deploy deploy\n");
    assert_eq!(shown("/home/deploy/.ssh"), "700 deploy deploy\n");

    let limited = format!(r#"restrict,command="echo \"a, b\"" {KEY}"#);
    std::fs::write(&file, format!("# ours\n{KEY}\n")).expect("written");
    assert!(changed("users.add-key", &["deploy", &limited]));
    assert_eq!(std::fs::read_to_string(&file).expect("read"), format!("# ours\n{limited}\n"));
    let keys = bench.value("read", "users.keys", &["deploy"]);
    assert_eq!((&keys[0]["line"], &keys[0]["fingerprint"]), (&json!(limited), &json!(FINGERPRINT)));
    assert_eq!(
        (&keys[0]["algorithm"], &keys[0]["comment"]),
        (&json!("ssh-ed25519"), &json!("ann@example.org"))
    );
    assert!(changed("users.remove-key", &["deploy", FINGERPRINT]));
    assert!(!changed("users.remove-key", &["deploy", KEY]));
    assert_eq!(std::fs::read_to_string(&file).expect("read"), "# ours\n");
    assert!(bench.error("manage", "users.add-key", &["deploy", "ssh-ed25519 AAAA"])["invalid"].is_string());
}

#[test]
fn a_link_in_a_home_leads_to_nothing_that_its_user_could_not_have() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    bench.value("manage", "users.ensure", &[r#"{name: "mallory"}"#]);
    let tables =
        || ["passwd", "shadow"].map(|table| std::fs::read(bench.path("etc").join(table)).expect("read"));
    let (before, home) = (tables(), bench.path("home/mallory"));
    std::fs::create_dir(home.join(".ssh")).expect("made");
    bench.printed("chown", &["mallory:", "/home/mallory/.ssh"]);
    let keys = home.join(".ssh/authorized_keys");
    std::os::unix::fs::symlink("/etc/shadow", &keys).expect("linked");
    for (level, method, arguments) in
        [("read", "users.keys", &["mallory"][..]), ("manage", "users.add-key", &["mallory", KEY])]
    {
        let error = bench.error(level, method, arguments);
        assert!(error["failed"]["stderr"].as_str().is_some_and(|why| why.contains("denied")), "{error}");
    }
    std::fs::remove_file(&keys).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", &keys).expect("linked");
    bench.value("manage", "users.add-key", &["mallory", KEY]);
    assert!(keys.symlink_metadata().expect("there").is_file(), "the link is replaced, and not followed");
    std::fs::remove_dir_all(home.join(".ssh")).expect("removed");
    std::os::unix::fs::symlink("/etc", home.join(".ssh")).expect("linked");
    assert!(bench.error("manage", "users.add-key", &["mallory", KEY])["failed"].is_object());
    assert!(tables() == before && !bench.path("etc/authorized_keys.new").exists());
}

#[test]
fn a_user_and_a_group_get_other_names_and_keep_the_rest() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let changed =
        |method: &str, arguments: &[&str]| bench.value("manage", method, arguments)["changed"] == true;
    assert!(changed("groups.ensure", &["crew", "4242"]) && changed("groups.ensure", &["taken"]));
    assert!(changed("users.ensure", &[r#"{name: "ann", uid: 4343, groups: ["crew"]}"#]));
    assert!(changed("users.ensure", &[r#"{name: "ben"}"#]));
    for (method, table, old, new, other) in [
        ("users.rename", "passwd", "ann", "anna", "ben"),
        ("groups.rename", "group", "crew", "hands", "taken"),
    ] {
        let line = bench.line(table, &format!("{old}:")).expect("there");
        let dry = bench.dry("manage", method, &[old, new]);
        assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
        assert_eq!(bench.line(table, &format!("{old}:")).as_ref(), Some(&line));
        assert!(bench.error("read", method, &[old, new])["denied"].is_string());
        assert!(bench.error("manage", method, &[old, other])["invalid"].is_string());
        assert!(bench.error("manage", method, &[old, "-x"])["invalid"].is_string());
        assert!(!changed(method, &[old, old]));
        assert!(changed(method, &[old, new]) && !changed(method, &[old, new]));
        assert!(bench.line(table, &format!("{old}:")).is_none());
        let now = bench.printed("getent", &[table, new]);
        let rest = |line: &str| line.trim().split_once(':').expect("fields").1.replace("ann,", "").to_owned();
        assert_eq!(rest(&now).replace("anna", "ann"), rest(&line), "all but the name stays");
        assert!(bench.error("manage", method, &[old, "nobody-at-all"])["not-found"].is_string());
        assert!(changed(method, &[new, old]), "and back");
    }
    assert_eq!(bench.line("group", "crew:").as_deref(), Some("crew:x:4242:ann"));
}

#[test]
fn a_home_is_moved_with_all_that_is_in_it_or_stays() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let ensured = |wish: &str| {
        bench.value("manage", "users.ensure", &[&format!("{{name: \"ann\", {wish}}}")])["changed"] == true
    };
    assert!(ensured(r#"home: "/srv/ann""#) && !ensured(r#"home: "/srv/ann", move-home: true"#));
    assert!(bench.path("srv/ann").is_dir() && !bench.path("home/ann").exists());
    std::fs::write(bench.path("srv/ann/letter"), "dear\n").expect("written");
    let home = || bench.value("read", "users.info", &["ann"])["home"].clone();

    // What is in the way is kept, and so is where the home is.
    std::fs::create_dir(bench.path("srv/other")).expect("made");
    let wish = r#"{name: "ann", home: "/srv/other", move-home: true}"#;
    let error = bench.error("manage", "users.ensure", &[wish]);
    assert!(error["failed"]["stderr"].as_str().is_some_and(|why| why.contains("exists")), "{error}");
    assert_eq!(home(), "/srv/ann");
    std::fs::remove_dir(bench.path("srv/other")).expect("removed");
    let dry = bench.dry("manage", "users.ensure", &[wish]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert!(bench.path("srv/ann/letter").exists() && home() == "/srv/ann");
    assert!(ensured(r#"home: "/srv/other", move-home: true"#));
    assert!(!ensured(r#"home: "/srv/other", move-home: true"#));
    assert_eq!(std::fs::read_to_string(bench.path("srv/other/letter")).expect("moved"), "dear\n");
    assert!(!bench.path("srv/ann").exists() && home() == "/srv/other");
    assert!(bench.printed("getent", &["passwd", "ann"]).contains(":/srv/other:"));
    // Without that wish it is only named.
    assert!(ensured(r#"home: "/srv/named""#) && home() == "/srv/named");
    assert!(bench.path("srv/other/letter").exists() && !bench.path("srv/named").exists());
}

#[test]
fn a_number_is_shared_only_where_that_is_wished() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let changed =
        |method: &str, arguments: &[&str]| bench.value("manage", method, arguments)["changed"] == true;
    assert!(changed("users.ensure", &[r#"{name: "ann", uid: 4343}"#]));
    assert!(changed("groups.ensure", &["crew", "4242"]));
    let taken = r#"{name: "ben", uid: 4343}"#;
    for said in
        [bench.call("manage", "users.ensure", &[taken]), bench.dry("manage", "users.ensure", &[taken])]
    {
        let error = &said.json()["error"]["value"]["invalid"];
        assert!(error.as_str().is_some_and(|why| why.contains("\"ann\"")), "{said:?}");
    }
    assert!(bench.line("passwd", "ben:").is_none(), "nobody is made whose number is taken");
    let error = bench.error("manage", "groups.ensure", &["hands", "4242"]);
    assert!(error["invalid"].as_str().is_some_and(|why| why.contains("\"crew\"")), "{error}");
    assert!(bench.line("group", "hands:").is_none());

    let shared = r#"{name: "ben", uid: 4343, non-unique: true}"#;
    assert!(changed("users.ensure", &[shared]) && !changed("users.ensure", &[shared]));
    assert!(!changed("users.ensure", &[taken]), "it has that number");
    assert_eq!(bench.printed("id", &["-u", "ben"]), "4343\n");
    let shared = ["hands", "4242", "true"];
    assert!(changed("groups.ensure", &shared) && !changed("groups.ensure", &shared));
    assert_eq!(bench.line("group", "hands:").as_deref(), Some("hands:x:4242:"));
    assert!(changed("groups.ensure", &["hands", "4244"]) && !changed("groups.ensure", &["hands", "4244"]));
    assert!(bench.printed("getent", &["group", "4244"]).starts_with("hands:"));
}

#[test]
fn days_of_inactivity_and_a_password_as_it_is_typed_are_set() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let ensured = |days: &str| {
        let wish = format!(r#"{{name: "ann", inactive: {days}}}"#);
        bench.value("manage", "users.ensure", &[&wish])["changed"] == true
    };
    let field = |number: usize| {
        let line = bench.line("shadow", "ann:").expect("there");
        line.split(':').nth(number).expect("a field").to_owned()
    };
    for (days, kept) in [("5", "5"), ("0", "0"), ("-1", "")] {
        assert!(ensured(days) && !ensured(days), "{days}");
        assert_eq!(field(6), kept);
    }
    let error = bench.error("manage", "users.ensure", &[r#"{name: "ann", inactive: -2}"#]);
    assert!(error["invalid"].is_string(), "{error}");

    let (password, before) = ("pä: $(x) -e", field(1));
    let dry = bench.dry("manage", "users.set-plain-password", &["ann", password]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert!(!format!("{dry:?}").contains(password), "{dry:?}");
    assert_eq!(field(1), before);
    assert!(bench.error("read", "users.set-plain-password", &["ann", password])["denied"].is_string());
    assert_eq!(bench.value("manage", "users.set-plain-password", &["ann", password])["changed"], true);
    let hash = field(1);
    let made = bench.printed("perl", &["-e", "print crypt($ARGV[0], $ARGV[1])", password, &hash]);
    assert_eq!((hash.starts_with('$'), made), (true, hash.clone()));
    for bad in ["", "\n", "a\nroot:b", "a\rb", &"x".repeat(512)] {
        let error = bench.error("manage", "users.set-plain-password", &["ann", bad]);
        assert!(error["invalid"].is_string(), "{bad:?}: {error}");
    }
    assert_eq!(field(1), hash);
}
