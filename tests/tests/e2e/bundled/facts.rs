//! `facts`, and what `files.template` makes of them.

use std::fs;

use rig::{Fleet, bundled_dir};
use serde_json::json;

use super::{grant, printed};

#[test]
fn facts_are_those_of_the_host_and_fit_or_do_not() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    grant(&fleet.minion_dir("web1"), "facts", "read");
    fleet.start_minion_with("web1", &bundled_dir());
    fleet.await_connection("web1", 1);
    let call = |method: &str, argument: &[&str]| {
        fleet.run(&[&["call", "web1", method, "--json", "--"], argument].concat())
    };
    let value = |method: &str, argument: &[&str]| {
        let said = call(method, argument);
        assert_eq!(said.code, 0, "{said:?}");
        said.json()["results"]["web1"]["value"].clone()
    };
    let kernel = printed("uname", &["-r"]);
    assert_eq!(value("facts.show", &["kernel"]), kernel.trim());
    assert_eq!(value("facts.show", &["arch"]), printed("uname", &["-m"]).trim());
    let all = value("facts.list", &[]);
    assert!(all.as_array().expect("a list").contains(&json!({ "path": "kernel", "value": kernel.trim() })));
    let memory = value("facts.list", &["mem"]);
    let paths: Vec<&str> =
        memory.as_array().expect("a list").iter().filter_map(|it| it["path"].as_str()).collect();
    assert_eq!(paths, ["mem.available", "mem.total"]);

    let hostname = format!("hostname={}", printed("hostname", &[]).trim());
    let fits = value("facts.query", &[&json!([hostname, "mem.total>=1MiB", "kernel>=2.6"]).to_string()]);
    assert!(fits["fits"] == true && fits["checks"][2]["value"] == kernel.trim(), "{fits}");
    let not = value("facts.query", &[&json!([hostname, "arch=none", "rack=b12", "rack!=b12"]).to_string()]);
    let each: Vec<_> =
        not["checks"].as_array().expect("a list").iter().map(|it| it["fits"] == true).collect();
    assert_eq!((&not["fits"], each), (&json!(false), vec![true, false, false, true]), "{not}");

    let near = call("facts.show", &["mem.totl"]);
    assert!(near.code == 1 && near.out.contains("did you mean \\\"mem.total\\\"?"), "{near:?}");
    let wrong = call("facts.query", &[r#"["kernel"]"#]);
    assert!(wrong.code == 1 && wrong.out.contains("is no condition"), "{wrong:?}");
}

#[test]
fn a_template_has_the_facts_the_settings_and_the_values() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let dir = tempfile::tempdir_in("/tmp").expect("made");
    // What is granted here is one folder: the tests may run as anybody, on any host.
    let policy = format!(
        "[modules.files]\nfiles = [{{ host = {0:?}, mode = 'rw' }}]\nfacts = ['*']\n\
         settings = {{ proxy = {{ port = 8080 }} }}\n\
         process = [{{ command = 'stat', args = ['-c', '%f:%h:%u:%g:%U:%G:%s:%Y:%n', '--', '**'], read-only = true }}, \
         {{ command = 'chmod', args = ['--', '*', '*'] }}, {{ command = 'chown', args = ['-h', '--', '*', '*'] }}]\n",
        dir.path()
    );
    fs::write(fleet.minion_dir("web1").join("minion.toml"), policy).expect("written");
    fleet.start_minion_with("web1", &bundled_dir());
    fleet.await_connection("web1", 1);
    let file = dir.path().join("motd");
    let path = file.to_str().expect("text");
    let template = "{{ facts.hostname }} {{ fact('os') }} {{ facts.os.id }} {{ settings.proxy.port }} {{ values.name }}\n\
                    {% if facts.mem.total > 1000 %}large{% endif %}\n";
    let put = |template: &str| {
        let arguments = json!({ "path": path, "template": template, "values": [["name", "<web>"]] });
        fleet.run(&["call", "web1", "files.template", "--json", "--args", &arguments.to_string()])
    };
    let first = put(template);
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(first.json()["results"]["web1"]["value"]["changed"], true);
    let release = fs::read_to_string("/etc/os-release").expect("read");
    let id = release.lines().find_map(|line| line.strip_prefix("ID=")).expect("a name").trim_matches('"');
    let expected = format!("{} {id} {id} 8080 <web>\nlarge\n", printed("hostname", &[]).trim());
    assert_eq!(fs::read_to_string(&file).expect("written"), expected);
    assert_eq!(put(template).json()["results"]["web1"]["value"]["changed"], false);

    let missing = put("first\n{{ facts.hostnam }}\n");
    assert!(missing.code == 1, "{missing:?}");
    for part in ["facts.hostnam", "line 2"] {
        assert!(missing.out.contains(part), "{missing:?}");
    }
    assert_eq!(fs::read_to_string(&file).expect("kept"), expected);
}
