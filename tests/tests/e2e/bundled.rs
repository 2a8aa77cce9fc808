//! The bundled modules on the host that the tests run on: what they say is what the system's own tools say, and what they
//! change is changed in a copy of the host's tables that only they see.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rig::{Fleet, Said, binary, bundled_dir, said, say_skipped};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The modules, each with the level beyond `read` that it suggests, if it does.
const MODULES: [(&str, Option<&str>); 5] = [
    ("groups", Some("manage")),
    ("network", None),
    ("process", Some("manage")),
    ("service", Some("manage")),
    ("users", Some("manage")),
];

/// A folder with a policy of each level for each module, and copies of the host's tables of users.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().expect("a folder"));
        for (module, manage) in MODULES {
            for level in ["read"].into_iter().chain(manage) {
                fs::write(bench.policy(module, level), policy(module, level)).expect("written");
            }
        }
        fs::create_dir(bench.path("home")).expect("made");
        let copied = Command::new("cp").args(["-a", "/etc"]).arg(bench.path("etc")).status().expect("runs");
        assert!(copied.success());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn policy(&self, module: &str, level: &str) -> PathBuf {
        self.path(&format!("{module}-{level}.toml"))
    }

    /// Calls a method, with the copies in the place of the host's tables.
    fn call(&self, level: &str, method: &str, arguments: &[&str]) -> Said {
        let (module, method) = method.split_once('.').expect("a method");
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$0/etc\" /etc && mount --bind \"$0/home\" /home && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script]).arg(self.0.path()).arg(binary("minion"));
        command.arg("call").arg("--policy").arg(self.policy(module, level)).args(["--json"]);
        command.arg(bundled_dir().join(format!("{module}.wasm"))).arg(method).arg("--").args(arguments);
        said(&mut command)
    }

    /// The value of a call that is `ok`.
    fn value(&self, level: &str, method: &str, arguments: &[&str]) -> Value {
        let said = self.call(level, method, arguments);
        assert_eq!(said.code, 0, "{method} {arguments:?}: {said:?}");
        said.json()["value"].clone()
    }

    /// The error value of a call that is not.
    fn error(&self, level: &str, method: &str, arguments: &[&str]) -> Value {
        let said = self.call(level, method, arguments);
        assert_eq!(said.code, 1, "{method} {arguments:?}: {said:?}");
        said.json()["error"]["value"].clone()
    }

    /// The line of a table that begins so.
    fn line(&self, table: &str, beginning: &str) -> Option<String> {
        let text = fs::read_to_string(self.path("etc").join(table)).expect("read");
        text.lines().find(|line| line.starts_with(beginning)).map(str::to_owned)
    }
}

/// The policy of a level that a module suggests, as a table of a minion's policy.
fn policy(module: &str, level: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../plugins/{module}/policy.toml"));
    let levels: toml::Table = fs::read_to_string(path).expect("read").parse().expect("TOML");
    let included = levels[level].get("includes").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let names = included.iter().filter_map(toml::Value::as_str).chain([level]);
    let programs: Vec<toml::Value> =
        names.flat_map(|name| levels[name]["process"].as_array().expect("programs").clone()).collect();
    let entry = toml::Table::from_iter([("process".to_owned(), toml::Value::Array(programs))]);
    let modules = toml::Table::from_iter([(module.to_owned(), toml::Value::Table(entry))]);
    toml::Table::from_iter([("modules".to_owned(), toml::Value::Table(modules))]).to_string()
}

/// What a program of the host prints.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("runs");
    String::from_utf8(output.stdout).expect("text")
}

/// Whether these tests can have a copy of the host's tables, which takes root; says so where they cannot.
fn can_unshare() -> bool {
    let works = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    let can = works.is_ok_and(|status| status.success());
    if !can {
        say_skipped("the bundled modules are tried as root alone");
    }
    can
}

/// A process that sleeps until it is dropped.
struct Sleeper(Child);

impl Sleeper {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().expect("started"))
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // It may have ended by a signal of the test.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn processes_are_those_of_the_host_and_get_signals() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let mut sleeper = Sleeper::new();
    let pid = sleeper.pid();
    let info = bench.value("read", "process.info", &[&pid]);
    let own = std::process::id();
    assert_eq!(
        (&info["parent"], &info["name"], &info["command"]),
        (&json!(own), &json!("sleep"), &json!("sleep 600"))
    );
    let user = printed("id", &["-un"]);
    assert_eq!(info["user"], user.trim());
    let by_name = bench.value("read", "process.by-name", &["sleep"]);
    assert!(by_name.as_array().expect("a list").contains(&info), "{by_name}");
    let tree = bench.value("read", "process.tree", &[&own.to_string()]);
    let child =
        tree.as_array().expect("a list").iter().find(|branch| branch["process"]["pid"] == info["pid"]);
    assert_eq!(child.expect("in the tree")["depth"], 1);
    let top = bench.value("read", "process.top", &["memory", "2"]);
    let memory = |place: usize| top[place]["memory"].as_u64().expect("a number");
    assert!(memory(0) >= memory(1) && top[2].is_null(), "{top}");

    assert!(bench.error("read", "process.kill", &[&pid])["denied"].is_string());
    assert!(sleeper.0.try_wait().expect("asked").is_none(), "it was killed without a grant");
    assert!(bench.error("manage", "process.kill", &["1"])["denied"].is_string());
    assert!(bench.error("manage", "process.kill", &["4194305"])["not-found"].is_string());
    assert_eq!(bench.value("manage", "process.kill", &[&pid])["changed"], true);
    assert!(!sleeper.0.wait().expect("ends").success());
    let nobody = bench.value("manage", "process.kill-by-name", &["no-such-program"]);
    assert_eq!(nobody, json!({ "changed": false, "pids": [] }));
}

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
    let dry = bench.call("manage", "users.ensure", &[wish]);
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(!changed("users.ensure", &[wish]));
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
    assert!(changed("users.ensure", &[r#"{name: "deploy", shell: "/usr/sbin/nologin", groups: []}"#]));
    assert_eq!(bench.value("read", "users.info", &["deploy"])["may-log-in"], false);
    assert_eq!(bench.line("group", "deployers:").as_deref(), Some("deployers:x:4242:"));

    assert_eq!(bench.value("read", "users.is-locked", &["deploy"]), true);
    let hash = "$6$salt$0123456789abcdef";
    assert!(changed("users.set-password", &["deploy", hash]));
    assert!(bench.line("shadow", "deploy:").is_some_and(|line| line.starts_with(&format!("deploy:{hash}:"))));
    assert!(changed("users.lock", &["deploy"]) && !changed("users.lock", &["deploy"]));
    assert!(changed("users.unlock", &["deploy"]) && !changed("users.unlock", &["deploy"]));
    assert!(changed("groups.add-member", &["deployers", "deploy"]));
    assert!(!changed("groups.add-member", &["deployers", "deploy"]));
    assert!(changed("groups.remove-member", &["deployers", "deploy"]));
    assert!(
        bench.error("manage", "groups.add-member", &["no-such-group", "deploy"])["not-found"].is_string()
    );

    assert!(changed("users.remove", &["deploy", "true"]) && !changed("users.remove", &["deploy"]));
    assert!(bench.line("passwd", "deploy:").is_none() && !bench.path("home/deploy").exists());
    assert!(changed("groups.remove", &["deployers"]) && !changed("groups.remove", &["deployers"]));
    assert!(bench.error("read", "users.info", &["deploy"])["not-found"].is_string());
    // The host's own tables are as they were.
    assert!(!printed("getent", &["passwd"]).contains("deploy"));
}

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

#[test]
fn the_pages_of_the_modules_are_what_they_say_of_themselves() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let policy: String = MODULES.iter().map(|(module, _)| policy(module, "read")).collect();
    fs::write(fleet.minion_dir("web1").join("minion.toml"), policy).expect("written");
    fleet.start_minion_with("web1", &bundled_dir());
    fleet.await_connection("web1", 1);
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/modules");
    for module in MODULES.map(|(module, _)| module).into_iter().chain(["system", "test"]) {
        let said = fleet.run(&["doc", module, "--markdown"]);
        assert_eq!(said.code, 0, "{said:?}");
        let page = pages.join(format!("{module}.md"));
        if std::env::var_os("WRITE_PAGES").is_some() {
            fs::write(&page, &said.out).expect("written");
        }
        let kept = fs::read_to_string(&page).unwrap_or_default();
        assert_eq!(
            kept, said.out,
            "write it anew: WRITE_PAGES=1 cargo test -p overlord-tests --test e2e pages_of_the_modules"
        );
    }
}

#[test]
fn a_grant_that_the_minion_names_is_all_that_a_module_needs() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let modules = fleet.minion_dir("web1").join("modules");
    fs::create_dir_all(&modules).expect("made");
    for module in ["system", "process"] {
        let file = format!("{module}.wasm");
        fs::copy(bundled_dir().join(&file), modules.join(&file)).expect("copied");
    }
    let written = "# Ours.\n[limits]\njobs = 7 # enough\n";
    let config = fleet.minion_dir("web1").join("minion.toml");
    fs::write(&config, written).expect("written");
    fleet.start_minion_with("web1", &modules);
    fleet.await_connection("web1", 1);
    let minion = |words: &[&str]| said(fleet.minion_command("web1").args(words));

    let refused = fleet.run(&["call", "web1", "system.info", "--json"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.out.contains("minion grant system:read"), "{refused:?}");
    let unasked = minion(&["grant", "system"]);
    assert!(unasked.code != 0 && unasked.err.contains("--yes"), "{unasked:?}");
    assert_eq!(fs::read_to_string(&config).expect("read"), written);

    let granted = minion(&["grant", "system", "--yes"]);
    assert_eq!(granted.code, 0, "{granted:?}");
    let now = fs::read_to_string(&config).expect("read");
    assert!(now.starts_with(written) && now.contains("[modules.system]"), "{now}");
    let again = minion(&["grant", "system", "--yes"]);
    assert_eq!((again.code, fs::read_to_string(&config).expect("read")), (0, now), "{again:?}");

    let info = fleet.run(&["call", "web1", "system.info", "--json"]);
    assert_eq!(info.code, 0, "{info:?}");
    let info = info.json()["results"]["web1"]["value"].clone();
    assert_eq!(info["hostname"], printed("hostname", &[]).trim(), "{info}");
    assert_eq!(info["kernel"], printed("uname", &["-r"]).trim(), "{info}");
    assert_eq!(info["arch"], printed("uname", &["-m"]).trim(), "{info}");
    let total = fs::read_to_string("/proc/meminfo").expect("read");
    let total: u64 = total.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
    assert_eq!(info["memory-total"], total * 1024, "{info}");
    assert_eq!(info["cpus"].to_string(), printed("nproc", &["--all"]).trim(), "{info}");

    let revoked = minion(&["revoke-grant", "system", "--yes"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_eq!(fs::read_to_string(&config).expect("read").trim_end(), written.trim_end());
    assert_eq!(fleet.run(&["call", "web1", "system.info"]).code, 1);
}

/// The methods of a module, each with the schema of its arguments.
fn methods(module: &str) -> Vec<(String, Value)> {
    let checked = said(
        Command::new(binary("minion"))
            .args(["check", "--json"])
            .arg(bundled_dir().join(format!("{module}.wasm"))),
    );
    let methods = checked.json()["module"]["methods"].clone();
    let method =
        |method: &Value| (method["name"].as_str().expect("a name").to_owned(), method["parameters"].clone());
    methods.as_array().expect("methods").iter().map(method).collect()
}

/// A value that fits a schema, with this text wherever one may be.
fn filled(schema: &Value, root: &Value, text: &str) -> Value {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).expect("defined"),
        None => schema,
    };
    if let Some(first) =
        schema["anyOf"].as_array().or(schema["oneOf"].as_array()).and_then(|cases| cases.first())
    {
        return filled(first, root, text);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|cases| cases.first()) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    match kind {
        Some("string") => text.into(),
        // No process has this id.
        Some("integer" | "number") => {
            schema["maximum"].as_u64().map_or(4_194_305, |most| most.min(4_194_305)).into()
        }
        Some("boolean") => true.into(),
        Some("array") => vec![filled(&schema["items"], root, text)].into(),
        Some("object") => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            properties
                .iter()
                .map(|(name, inner)| (name.clone(), filled(inner, root, text)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        _ => Value::Null,
    }
}

/// Calls every method of every module with this text in the place of every text.
fn every_method(bench: &Bench, level: &str, text: &str, mut look: impl FnMut(&str, &Said)) {
    for (module, manage) in MODULES {
        let level = if manage.is_some() { level } else { "read" };
        for (method, parameters) in methods(module) {
            let arguments = filled(&parameters, &parameters, text).to_string();
            let mut command = Command::new("unshare");
            let script =
                "mount --bind \"$0/etc\" /etc && mount --bind \"$0/home\" /home && cd \"$0\" && exec \"$@\"";
            command.args(["--mount", "sh", "-c", script]).arg(bench.0.path()).arg(binary("minion"));
            command.arg("call").arg("--policy").arg(bench.policy(module, level)).arg("--json");
            command
                .args(["--args", &arguments])
                .arg(bundled_dir().join(format!("{module}.wasm")))
                .arg(&method);
            look(&format!("{module}.{method} {arguments}"), &said(&mut command));
        }
    }
}

/// Everything in the tables of users and groups.
fn tables(bench: &Bench) -> Vec<Vec<u8>> {
    let read = |table: &str| fs::read(bench.path("etc").join(table)).expect("read");
    ["passwd", "group", "shadow", "gshadow"].map(read).to_vec()
}

#[test]
fn nothing_that_is_written_into_an_argument_is_obeyed() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let before = tables(&bench);
    let canary = bench.path("canary");
    let touch = canary.to_str().expect("text");
    let long = "x".repeat(20_000);
    for text in [
        &format!("; touch {touch}"),
        &format!("$(touch {touch})"),
        &format!("`touch {touch}`"),
        &format!("x\ntouch {touch}"),
        "-rf",
        "--root=/tmp",
        "../../etc",
        "a\0b",
        "",
        &long,
    ] {
        every_method(&bench, "manage", text, |what, said| {
            let document = said.json();
            let outcome = document["outcome"].as_str().unwrap_or_default();
            assert!(matches!(outcome, "ok" | "error" | "rejected"), "{what}: {said:?}");
            assert!(!said.err.contains("panicked"), "{what}: {said:?}");
        });
        assert!(!canary.exists(), "{text:?} was obeyed");
        assert!(tables(&bench) == before, "{text:?} changed something");
    }
}

#[test]
fn who_may_read_changes_nothing_whatever_is_called() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let before = tables(&bench);
    let sleeper = Sleeper::new();
    every_method(&bench, "read", "nobody", |what, said| {
        let document = said.json();
        let changed = document["value"]["changed"] == true;
        assert!(!changed, "{what}: {said:?}");
    });
    let mut sleeper = sleeper;
    assert!(sleeper.0.try_wait().expect("asked").is_none());
    assert!(tables(&bench) == before);
}
