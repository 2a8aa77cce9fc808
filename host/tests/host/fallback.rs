//! Versions that come back: what serves where the newest cannot.

use std::fs;

use minion_host::Minion;
use wire::digest::Digest;
use wire::message::link::ModuleCommand;
use wire::message::module::ModuleState;
use wire::signing::SigningKey;

use crate::rig::Overlord;
use crate::versions::{
    activate, activate_signed, change, component, file, kept, listed, name, ready, reload, require, serves,
    signed, states, until,
};

fn versions() -> [Vec<u8>; 3] {
    [component(1, "1.0.0"), component(2, "2.0.0"), component(3, "3.0.0")]
}

fn damage(overlord: &Overlord, bytes: &[u8]) {
    let path = kept(overlord, bytes);
    assert!(path.is_file());
    fs::write(path, "damaged").unwrap();
}

fn sits_out(minion: &Minion) -> bool {
    listed(minion).is_some_and(|module| matches!(module.state, ModuleState::Failed(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_passes_over_a_kept_version_that_is_damaged() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two, _] = versions();
    for bytes in [&one, &two] {
        ready(&connection, bytes).await;
        activate(&connection, bytes).await;
    }
    minion.stop().await;
    damage(&overlord, &two);
    fs::write(file(&overlord), "no component").unwrap();
    let minion = overlord.minion().await;
    assert!(serves(&one)(&minion), "{:?}", listed(&minion));
    // It is kept again once it is brought again.
    let (connection, _) = overlord.greet().await;
    ready(&connection, &two).await;
    assert_eq!(fs::read(kept(&overlord, &two)).unwrap(), two);
    minion.stop().await;

    for bytes in [&one, &two] {
        damage(&overlord, bytes);
    }
    let minion = overlord.minion().await;
    assert!(sits_out(&minion), "{:?}", listed(&minion));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_traps_gives_way_to_one_that_is_not_damaged() {
    let overlord = Overlord::new();
    fs::write(overlord.folder.config(), "[modules.which]\nrollback = { traps = 1, within = \"1h\" }")
        .unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two, three] = versions();
    for bytes in [&one, &two, &three] {
        ready(&connection, bytes).await;
        activate(&connection, bytes).await;
    }
    until(&minion, |minion| states(minion)[1].1 == ModuleState::Retired).await;
    damage(&overlord, &two);
    crate::link::run(&connection, "which.trap").await;
    until(&minion, serves(&one)).await;
    assert_eq!(fs::read(file(&overlord)).unwrap(), one);
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_a_start_refused_as_older_can_still_be_gone_back_to() {
    let key = SigningKey::generate().unwrap();
    let overlord = Overlord::new();
    fs::write(overlord.folder.config(), require(&key)).unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two, three] = versions();
    for bytes in [&one, &two, &three] {
        activate_signed(&connection, &key, bytes).await;
    }
    minion.stop().await;
    // Killed while it went back, before that was written down.
    fs::write(file(&overlord), &two).unwrap();
    fs::write(file(&overlord).with_extension("wasm.sig"), signed(&key, &two).signature.unwrap()).unwrap();
    let minion = overlord.minion().await;
    assert!(serves(&three)(&minion), "{:?}", listed(&minion));
    let (connection, _) = overlord.greet().await;
    assert_eq!(
        change(&connection, ModuleCommand::Rollback(name())).await,
        (Some(Digest::of(&three)), Some(Digest::of(&two)))
    );
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_mended_brings_back_what_it_was_in_the_way_of() {
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let overlord = Overlord::new();
    fs::write(overlord.folder.config(), require(&key)).unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two, _] = versions();
    for bytes in [&one, &two] {
        activate_signed(&connection, &key, bytes).await;
    }
    reload(&overlord, &minion, &require(&other)).await;
    assert!(sits_out(&minion), "{:?}", listed(&minion));
    reload(&overlord, &minion, &require(&key)).await;
    assert!(serves(&two)(&minion), "{:?}", listed(&minion));
    change(&connection, ModuleCommand::Rollback(name())).await;
    assert!(serves(&one)(&minion), "{:?}", listed(&minion));
    minion.stop().await;

    // So too where it is not the file in the folder that serves.
    fs::write(file(&overlord), "no component").unwrap();
    let minion = overlord.minion().await;
    assert!(serves(&one)(&minion), "{:?}", listed(&minion));
    reload(&overlord, &minion, &require(&other)).await;
    assert!(sits_out(&minion), "{:?}", listed(&minion));
    reload(&overlord, &minion, &require(&key)).await;
    assert!(serves(&one)(&minion), "{:?}", listed(&minion));
    minion.stop().await;
}
