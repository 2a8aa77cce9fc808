//! A policy that is read again while the minion runs.

use minion_host::{Config, Minion};
use wire::message::link::{Acknowledged, MAX_MESSAGE, Notice};
use wire::message::module::ModuleState;
use wire::transport::frame;

use crate::rig::Overlord;

const GRANTED: &str = "[modules.capabilities]\n\
    process = [{ command = \"true\" }]\nfacts = [\"os.*\"]\nkv = { quota = \"1MiB\" }";

/// Puts a configuration into the minion's folder and has it read again.
async fn reload(overlord: &Overlord, minion: &Minion, config: &str) -> Vec<String> {
    std::fs::write(overlord.folder.config(), config).unwrap();
    minion.reload(Config::load(&overlord.folder.config()).unwrap()).await
}

fn state(minion: &Minion, name: &str) -> ModuleState {
    let modules = minion.modules().list();
    modules.into_iter().find(|module| module.name.as_str() == name).unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_read_again_says_what_it_changes_and_is_in_force() {
    let overlord = Overlord::new();
    let file = overlord.folder.modules().join("capabilities.wasm");
    std::fs::copy(xtask::guests::fixture("capabilities"), file).unwrap();
    let minion = overlord.minion().await;
    let (connection, hello) = overlord.greet().await;
    assert!(matches!(hello.modules.modules[0].state, ModuleState::Failed(_)));

    let changes = reload(&overlord, &minion, GRANTED).await;
    assert_eq!(
        changes,
        [
            "capabilities: process \"true\" is granted",
            "capabilities: facts \"os.*\" is granted",
            "capabilities: kv \"1 MiB\" is granted",
        ]
    );
    assert_eq!(state(&minion, "capabilities"), ModuleState::Active);
    // Facts name the modules that are in service, so they change too, and may be told first. So may the steps that
    // the module takes on its way into service.
    loop {
        let (mut send, mut recv) = connection.accept_bi().await.unwrap();
        let notice = frame::read(&mut recv, MAX_MESSAGE).await.unwrap();
        frame::write(&mut send, &Acknowledged, MAX_MESSAGE).await.unwrap();
        if matches!(notice, Notice::Modules(modules) if modules.modules[0].state == ModuleState::Active) {
            break;
        }
    }

    assert_eq!(reload(&overlord, &minion, GRANTED).await, Vec::<String>::new());
    let changes = reload(&overlord, &minion, "[access]\nallow = []\n[limits]\njobs = 3").await;
    assert_eq!(changes.len(), 5, "{changes:?}");
    assert!(matches!(state(&minion, "capabilities"), ModuleState::Failed(_)));
    assert_eq!(state(&minion, "test"), ModuleState::Active);

    let audit = std::fs::read_to_string(overlord.folder.audit()).unwrap();
    assert_eq!(audit.lines().filter(|line| line.contains("\"event\":\"policy\"")).count(), 2);
    minion.stop().await;
}
