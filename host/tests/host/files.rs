//! Versions of a module that come through the folder.

use std::time::UNIX_EPOCH;

use minion_host::Minion;
use wire::digest::Digest;
use wire::message::link::{Acknowledged, MAX_MESSAGE, Notice};
use wire::message::module::ModuleState;
use wire::signing::SigningKey;
use wire::transport::frame;

use crate::rig::Overlord;
use crate::versions::{
    audited, component, entry, file, listed, name, reload, require, serves, signed, states, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_is_followed_and_a_broken_file_never_replaces_a_good_version() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let [one, two] = [component(1, "1.0.0"), component(2, "2.0.0")];
    std::fs::write(file(&overlord), &one).unwrap();
    until(&minion, serves(&one)).await;
    let aside = overlord.folder.modules().join("which.new");
    std::fs::write(&aside, &two).unwrap();
    std::fs::rename(&aside, file(&overlord)).unwrap();
    until(&minion, serves(&two)).await;

    std::fs::write(file(&overlord), b"no component").unwrap();
    let failed = |minion: &Minion| matches!(states(minion).first(), Some((_, ModuleState::Failed(_))));
    until(&minion, failed).await;
    assert!(serves(&two)(&minion));
    minion.stop().await;

    // Nor over a restart, with the version that served last.
    let minion = overlord.minion().await;
    assert!(serves(&two)(&minion) && failed(&minion), "{:?}", listed(&minion));
    std::fs::remove_file(file(&overlord)).unwrap();
    until(&minion, |minion| minion.modules().active(&name()).is_err()).await;
    minion.stop().await;
    let minion = overlord.minion().await;
    assert_eq!(listed(&minion).unwrap().state, ModuleState::Retired);
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_killed_half_way_leaves_the_good_version_in_service() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let one = component(1, "1.0.0");
    std::fs::write(file(&overlord), &one).unwrap();
    until(&minion, serves(&one)).await;
    minion.stop().await;
    // Between keeping a version and writing that down, and in the middle of writing anything.
    let folder = overlord.folder.versions().join("which");
    let two = component(2, "2.0.0");
    std::fs::write(folder.join(format!("{}.wasm", Digest::of(&two))), &two).unwrap();
    let left = [&folder, &overlord.folder.modules(), &overlord.folder.cache()].map(|folder| {
        let path = folder.join(".writing-abc");
        std::fs::write(&path, &two[..10]).unwrap();
        std::fs::File::open(&path).unwrap().set_modified(UNIX_EPOCH).unwrap();
        path
    });
    let minion = overlord.minion().await;
    assert!(serves(&one)(&minion));
    assert_eq!(states(&minion).len(), 1);
    assert_eq!(left.map(|path| path.exists()), [false; 3]);
    minion.stop().await;
    // Between putting a version into the folder and writing that down: the folder says what serves.
    std::fs::write(file(&overlord), &two).unwrap();
    let minion = overlord.minion().await;
    assert!(serves(&two)(&minion));
    until(&minion, |minion| states(minion)[1] == (Digest::of(&one), ModuleState::Retired)).await;
    minion.stop().await;
    // What served before did so until then.
    let [.., recalled, loaded] = &audited(&overlord)[..] else { panic!("nothing") };
    assert_eq!([recalled, loaded], [&entry("recalled", "minion", &one), &entry("loaded", "folder", &two)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_traps_too_often_is_taken_back_and_stays_away() {
    let overlord = Overlord::new();
    std::fs::write(overlord.folder.config(), "[modules.\"wh*\"]\nrollback = { traps = 3, within = \"1h\" }")
        .unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two] = [component(1, "1.0.0"), component(2, "2.0.0")];
    std::fs::write(file(&overlord), &one).unwrap();
    until(&minion, serves(&one)).await;
    std::fs::write(file(&overlord), &two).unwrap();
    until(&minion, serves(&two)).await;
    for _ in 0..3 {
        crate::link::run(&connection, "which.trap").await;
    }
    until(&minion, serves(&one)).await;
    let (digest, state) = states(&minion)[0].clone();
    assert_eq!(digest, Digest::of(&two));
    let ModuleState::Failed(reason) = state else { panic!("{state:?}") };
    assert!(reason.contains("rolled back after 3 traps"), "{reason}");
    assert_eq!(std::fs::read(file(&overlord)).unwrap(), one);
    minion.stop().await;

    // As if the folder could not have been written: its file is still the one that trapped.
    let index = overlord.folder.versions().join("which/index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    let mut noted: serde_json::Value = serde_json::from_str(&text).unwrap();
    noted["file"]["digest"] = Digest::of(&two).to_string().into();
    std::fs::write(&index, noted.to_string()).unwrap();
    std::fs::write(file(&overlord), &two).unwrap();
    let minion = overlord.minion().await;
    assert!(serves(&one)(&minion), "{:?}", listed(&minion));
    minion.stop().await;

    // A file that is another one since then is somebody's wish.
    noted["file"]["digest"] = Digest::of(&one).to_string().into();
    std::fs::write(&index, noted.to_string()).unwrap();
    let minion = overlord.minion().await;
    assert!(serves(&two)(&minion), "{:?}", listed(&minion));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overlord_is_told_of_what_came_into_service() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let one = component(1, "1.0.0");
    std::fs::write(file(&overlord), &one).unwrap();
    loop {
        let (mut send, mut recv) = connection.accept_bi().await.unwrap();
        let notice = frame::read(&mut recv, MAX_MESSAGE).await.unwrap();
        frame::write(&mut send, &Acknowledged, MAX_MESSAGE).await.unwrap();
        let Notice::Modules(modules) = notice else { continue };
        let Some(module) = modules.modules.into_iter().find(|module| module.name == name()) else { continue };
        if module.state == ModuleState::Active {
            assert_eq!(module.versions.len(), 1);
            assert_eq!(module.versions[0].digest, Digest::of(&one));
            break;
        }
    }
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_looked_at_is_listed_and_stops_no_other() {
    let overlord = Overlord::new();
    std::os::unix::fs::symlink("which.wasm", file(&overlord)).unwrap();
    let minion = overlord.minion().await;
    let ModuleState::Failed(reason) = listed(&minion).unwrap().state else { panic!("{:?}", listed(&minion)) };
    assert!(reason.contains("cannot be read"), "{reason}");
    assert!(minion.modules().active(&"test".parse().unwrap()).is_ok());

    let one = component(1, "1.0.0");
    let aside = overlord.folder.modules().join("which.new");
    std::fs::write(&aside, &one).unwrap();
    std::fs::rename(&aside, file(&overlord)).unwrap();
    until(&minion, serves(&one)).await;
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_is_put_beside_a_refused_file_brings_it_into_service() {
    let key = SigningKey::generate().unwrap();
    let overlord = Overlord::new();
    std::fs::write(overlord.folder.config(), require(&key)).unwrap();
    let minion = overlord.minion().await;
    let one = component(1, "1.0.0");
    std::fs::write(file(&overlord), &one).unwrap();
    let refused =
        |minion: &Minion| listed(minion).is_some_and(|module| matches!(module.state, ModuleState::Failed(_)));
    until(&minion, refused).await;
    let signature = file(&overlord).with_extension("wasm.sig");
    let put = |text: &[u8]| {
        let aside = overlord.folder.modules().join("which.sig.new");
        std::fs::write(&aside, text).unwrap();
        std::fs::rename(aside, &signature).unwrap();
    };
    let refusals = || audited(&overlord).iter().filter(|change| change.0 == "refused").count();
    put(signed(&key, &one).signature.unwrap().as_bytes());
    until(&minion, serves(&one)).await;
    // One that vouches for nothing is refused, and what serves goes on.
    let before = refusals();
    put(b"nothing of use");
    until(&minion, |_| refusals() == before + 1).await;
    assert!(serves(&one)(&minion));
    minion.stop().await;
    // Over a restart too, with the signature that it was kept with.
    let minion = overlord.minion().await;
    assert!(serves(&one)(&minion), "{:?}", listed(&minion));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_put_in_later_counts_the_traps_of_before() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two] = [component(1, "1.0.0"), component(2, "2.0.0")];
    for bytes in [&one, &two] {
        std::fs::write(file(&overlord), bytes).unwrap();
        until(&minion, serves(bytes)).await;
    }
    for _ in 0..4 {
        crate::link::run(&connection, "which.trap").await;
    }
    reload(&overlord, &minion, "[modules.which]\nrollback = { traps = 3, within = \"1h\" }").await;
    assert!(serves(&two)(&minion));
    crate::link::run(&connection, "which.trap").await;
    until(&minion, serves(&one)).await;
    minion.stop().await;
}
