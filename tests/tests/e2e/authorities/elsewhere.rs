//! Authorities whose root is elsewhere, and whose key is encrypted.

use super::*;

/// What `openssl` makes, in a folder.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        Self::named("Root")
    }

    fn named(name: &str) -> Self {
        let root = Self(tempfile::tempdir().expect("a folder"));
        let extensions =
            "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n";
        fs::write(root.path("intermediate.cnf"), extensions).expect("written");
        root.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 3650 -subj \
             /O=Example/CN={name} -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign",
        ));
        root
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn openssl(&self, arguments: &str) -> String {
        let run =
            Command::new("openssl").args(arguments.split_whitespace()).current_dir(self.0.path()).output();
        let run = run.expect("openssl is there");
        assert!(run.status.success(), "{arguments}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8_lossy(&run.stdout).into_owned()
    }

    /// Signs what an overlord has exported, and gives the path of the chain.
    fn sign(&self, fleet: &Fleet, options: &str) -> String {
        let request = ca(fleet, &["export-csr"]).out;
        fs::write(self.path("overlord.csr"), request).expect("written");
        self.openssl(&format!(
            "x509 -req -in overlord.csr -CA root.pem -CAkey root.key -CAcreateserial -days 1825 -out overlord.pem {options}"
        ));
        let read = |file: &str| fs::read_to_string(self.path(file)).expect("reads");
        fs::write(self.path("chain.pem"), read("overlord.pem") + &read("root.pem")).expect("written");
        self.path("chain.pem").to_str().expect("text").to_owned()
    }
}

const AS_AUTHORITY: &str = "-extfile intermediate.cnf";

#[test]
fn a_fleet_moves_to_an_intermediate_whose_root_is_elsewhere() {
    let (mut fleet, root) = (Fleet::start(&["web1"]), Root::new());
    let refused = fleet.run(&["ca", "import", root.path("root.pem").to_str().expect("text")]);
    assert!(refused.code == 2 && refused.err.contains("overlord ca export-csr"), "{refused:?}");
    let chain = root.sign(&fleet, "");
    let refused = fleet.run(&["ca", "import", &chain]);
    assert!(refused.code == 2 && refused.err.contains("CA:TRUE"), "{refused:?}");
    let chain = root.sign(&fleet, AS_AUTHORITY);
    let alone = root.path("overlord.pem");
    let refused = fleet.run(&["ca", "import", alone.to_str().expect("text")]);
    assert!(refused.code == 2 && refused.err.contains("is missing"), "{refused:?}");
    ca(&fleet, &["import", &chain]);
    await_step(&fleet, "serving");
    ca(&fleet, &["rotate", "--finish"]);
    let moved = await_everybody(&fleet);
    let shown = root.openssl("x509 -in root.pem -noout -fingerprint -sha256");
    let hex: String =
        shown.rsplit('=').next().expect("one").chars().filter(char::is_ascii_hexdigit).collect();
    assert_eq!(fingerprint(&moved), hex.to_lowercase());
    verified(&root, &fleet.minion_dir("web1"));
    ping(&fleet, "web1");

    // Newcomers come in, an operator as well, and all of it is so after a restart.
    join(&mut fleet, "web2");
    let desk = Desk::of(&fleet, "bob", &["admin"]);
    fleet.take_overlord().stop();
    fleet.start_overlord();
    ["web1", "web2"].iter().for_each(|minion| fleet.await_connection(minion, 1));
    assert_eq!(desk.run(&["call", "*", "test.ping"]).code, 0);

    // To another intermediate of the same root, whom everybody trusts already.
    let refused = fleet.run(&["ca", "rotate"]);
    assert!(refused.code == 2 && refused.err.contains("overlord ca export-csr"), "{refused:?}");
    let chain = root.sign(&fleet, AS_AUTHORITY);
    let imported = ca(&fleet, &["import", &chain, "--json"]).json();
    assert_eq!((&imported["move"], fingerprint(&imported)), (&"serving".into(), fingerprint(&moved)));
    // An operator renews at its next command, once the overlord shows the next one.
    until(|| {
        assert_eq!(desk.run(&["call", "*", "test.ping"]).code, 0);
        let status = status(&fleet);
        if missing(&status).is_empty() { Ok(()) } else { Err(status.to_string()) }
    });
    ca(&fleet, &["rotate", "--finish"]);
    assert_eq!(ca(&fleet, &["status", "--json"]).json()["authorities"].as_array().map(Vec::len), Some(1));
    verified(&root, &fleet.minion_dir("web2"));
    assert_eq!(desk.run(&["call", "*", "test.ping"]).code, 0);
}

#[test]
fn a_fleet_moves_from_one_root_that_is_elsewhere_to_another_only_with_a_word_of_the_first() {
    let (fleet, former, next) = (Fleet::start(&["web1"]), Root::new(), Root::named("Next"));
    let move_to = |root: &Root, more: Option<&Path>| {
        let chain = PathBuf::from(root.sign(&fleet, AS_AUTHORITY));
        let text = fs::read_to_string(&chain).expect("reads");
        let more = more.map(|more| fs::read_to_string(more).expect("reads")).unwrap_or_default();
        fs::write(&chain, text + &more).expect("written");
        fleet.run(&["ca", "import", chain.to_str().expect("text")])
    };
    assert_eq!(move_to(&former, None).code, 0);
    await_step(&fleet, "serving");
    ca(&fleet, &["rotate", "--finish"]);
    await_everybody(&fleet);

    // What any authority might sign for another is no such word.
    let endorse = |mark: &str| {
        let extensions =
            format!("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n{mark}");
        fs::write(former.path("endorsement.cnf"), extensions).expect("written");
        fs::copy(next.path("root.pem"), former.path("next.pem")).expect("copied");
        former.openssl(
            "x509 -in next.pem -clrext -CA root.pem -CAkey root.key -CAcreateserial -days 90 -extfile endorsement.cnf -out \
             endorsement.pem",
        );
        former.path("endorsement.pem")
    };
    for more in [None, Some(endorse(""))] {
        let refused = move_to(&next, more.as_deref());
        assert!(refused.code == 2 && refused.err.contains("has to sign for the key"), "{refused:?}");
    }
    let moved = move_to(&next, Some(&endorse("2.25.4916307285164093718=DER:0500\n")));
    assert_eq!(moved.code, 0, "{moved:?}");
    await_step(&fleet, "serving");
    ping(&fleet, "web1");
    ca(&fleet, &["rotate", "--finish"]);
    await_everybody(&fleet);
    ping(&fleet, "web1");
    verified(&next, &fleet.minion_dir("web1"));
}

/// Has `openssl` check the certificate of a minion.
fn verified(root: &Root, minion: &Path) {
    let leaf = minion.join("identity/minion.pem");
    let leaf = leaf.to_str().expect("text");
    root.openssl(&format!("verify -CAfile root.pem -untrusted overlord.pem {leaf}"));
}

/// The command that serves, with this folder of credentials.
fn serve_with(fleet: &Fleet, credentials: &Path) -> Command {
    let mut command = fleet.overlord_command();
    command.arg("serve").env("CREDENTIALS_DIRECTORY", credentials);
    command
}

#[test]
fn the_key_of_an_authority_is_encrypted_with_a_passphrase_that_a_file_or_a_credential_brings() {
    let mut fleet = Fleet::start(&["web1"]);
    let credentials = tempfile::tempdir().expect("a folder");
    let passphrase = credentials.path().join("authority-passphrase");
    fs::write(&passphrase, "correct horse battery\n").expect("written");
    let named = passphrase.to_str().expect("text");
    let unnamed = fleet.run(&["ca", "encrypt"]);
    assert!(unnamed.code != 0 && unnamed.err.contains("passphrase-file"), "{unnamed:?}");
    // While the daemon runs, which goes on.
    ca(&fleet, &["encrypt", "--passphrase-file", named]);
    ping(&fleet, "web1");
    fleet.take_overlord().stop();
    let keys = |fleet: &Fleet| -> Vec<String> {
        let folder = fs::read_dir(fleet.overlord_dir().join("authorities")).expect("listed");
        let paths = folder.map(|entry| entry.expect("an entry").path());
        let keys = paths.filter(|path| path.extension().is_some_and(|end| end == "key"));
        keys.map(|path| fs::read_to_string(path).expect("reads")).collect()
    };
    let are_encrypted = |fleet: &Fleet| {
        let keys = keys(fleet);
        assert!(!keys.is_empty() && !fleet.overlord_dir().join("authority.key").exists());
        keys.iter().all(|key| key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"))
    };
    assert!(are_encrypted(&fleet));

    // Without the passphrase, or with another one, it does not start, and says what is missing.
    let elsewhere = tempfile::tempdir().expect("a folder");
    let without = rig::refused_start(&mut serve_with(&fleet, elsewhere.path()));
    assert!(
        without.err.contains("passphrase-file") && without.err.contains("authority-passphrase"),
        "{without:?}"
    );
    fs::write(elsewhere.path().join("authority-passphrase"), "another").expect("written");
    let wrong = rig::refused_start(&mut serve_with(&fleet, elsewhere.path()));
    assert!(wrong.err.contains("the passphrase is not the one"), "{wrong:?}");

    let daemon = rig::Daemon::start("overlord", &mut serve_with(&fleet, credentials.path()));
    daemon.logged("listening", 1);
    daemon.logged("connected minion=web1", 1);
    ping(&fleet, "web1");
    let status = status(&fleet);
    assert_eq!(status["authorities"][0]["encrypted"], true, "{status}");
    rotate(&fleet);
    assert!(are_encrypted(&fleet), "the key of the new one is");
    daemon.stop();

    // By the configuration as well.
    let path = fleet.overlord_dir().join("overlord.toml");
    let text = fs::read_to_string(&path).expect("reads");
    fs::write(&path, format!("{text}\n[authority]\npassphrase-file = {named:?}\n")).expect("written");
    fleet.start_overlord();
    fleet.await_connection("web1", 1);
    fleet.take_overlord().stop();
    ca(&fleet, &["decrypt"]);
    fs::write(&path, text).expect("written");
    fleet.start_overlord();
    fleet.await_connection("web1", 1);
    ping(&fleet, "web1");
    assert!(!are_encrypted(&fleet));
}

#[test]
fn an_overlord_may_begin_with_an_intermediate_that_was_made_elsewhere() {
    let (root, folder) = (Root::new(), tempfile::tempdir().expect("a folder"));
    root.openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout overlord.key -out overlord.csr -subj /CN=Overlord -addext basicConstraints=critical,CA:TRUE,pathlen:0");
    root.openssl("x509 -req -in overlord.csr -CA root.pem -CAkey root.key -CAcreateserial -days 99 -copy_extensions copy -out overlord.pem");
    let read = |file: &str| fs::read_to_string(root.path(file)).expect("reads");
    fs::write(root.path("chain.pem"), read("root.pem") + &read("overlord.pem")).expect("written");
    let [chain, key] =
        ["chain.pem", "overlord.key"].map(|file| root.path(file).to_str().expect("text").to_owned());
    let dir = folder.path().join("overlord");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(rig::binary("overlord"));
        command.args(["--dir", dir.to_str().expect("text")]).args(arguments).env_remove("OVERLORD_ADDRESS");
        rig::said(&mut command)
    };
    let mixed = run(&["init", "--ca-cert", root.path("root.pem").to_str().expect("text"), "--ca-key", &key]);
    assert!(mixed.code != 0 && mixed.err.contains("none of the certificates"), "{mixed:?}");
    let made = run(&["init", "--listen", "127.0.0.1:0", "--ca-cert", &chain, "--ca-key", &key, "--json"]);
    assert_eq!(made.code, 0, "{made:?}");
    let mut serve = Command::new(rig::binary("overlord"));
    serve.args(["--dir", dir.to_str().expect("text"), "serve"]);
    let daemon = rig::Daemon::start("overlord", &mut serve);
    daemon.logged("listening", 1);
    let status = run(&["ca", "status", "--json"]);
    assert_eq!(fingerprint(&status.json()), made.json()["fingerprint"], "{status:?}");
    daemon.stop();
}
