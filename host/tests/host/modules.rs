//! Versions of a module that come over the link.

use std::time::{Duration, SystemTime};

use wire::digest::Digest;
use wire::message::link::{MAX_MESSAGE, ModuleAnswer, ModuleCommand, Stage, Staging};
use wire::message::module::ModuleState;
use wire::signing::SigningKey;
use wire::transport::frame;

use crate::rig::Overlord;
use crate::versions::{
    Tmpfs, activate, activate_signed, ask, asked, audited, change, component, entry, file, listed, name,
    padded, ready, refused, reload, require, serves, signed, stage, staged, states, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_staged_put_into_service_rolled_back_and_removed() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two] = [component(1, "1.0.0"), component(2, "2.0.0")];
    let [first, second] = [Digest::of(&one), Digest::of(&two)];

    let module = ready(&connection, &one).await;
    assert_eq!((module.state, module.version.as_deref()), (ModuleState::Staged, Some("1.0.0")));
    assert!(module.methods.iter().any(|method| method.name == "version"));
    assert!(!file(&overlord).exists() && minion.modules().active(&name()).is_err());
    // What is there already is not sent again.
    assert_eq!(staged(&connection, stage(&one), &[]).await.0, None);

    let done = activate(&connection, &one).await;
    assert_eq!(
        done,
        ModuleAnswer::Done { before: None, now: Some(first), version: Some("1.0.0".to_owned()) }
    );
    assert_eq!(std::fs::read(file(&overlord)).unwrap(), one);
    assert_eq!(
        change(&connection, ModuleCommand::Activate { name: name(), digest: first }).await,
        (Some(first), Some(first))
    );

    ready(&connection, &two).await;
    assert!(serves(&one)(&minion));
    activate(&connection, &two).await;
    assert!(serves(&two)(&minion));
    assert_eq!(change(&connection, ModuleCommand::Rollback(name())).await, (Some(second), Some(first)));
    assert_eq!(std::fs::read(file(&overlord)).unwrap(), one);
    assert_eq!(change(&connection, ModuleCommand::Remove(name())).await, (Some(first), None));
    assert!(!file(&overlord).exists() && minion.modules().active(&name()).is_err());
    assert_eq!(change(&connection, ModuleCommand::Rollback(name())).await, (None, Some(first)));
    until(&minion, |minion| states(minion) == [(second, ModuleState::Retired), (first, ModuleState::Active)])
        .await;

    for request in [
        ModuleCommand::Rollback("test".parse().unwrap()),
        ModuleCommand::Remove("nothing".parse().unwrap()),
        ModuleCommand::Activate { name: name(), digest: Digest::ZERO },
        ModuleCommand::Discard { name: name(), digest: first },
    ] {
        let answer = ask(&connection, request.clone()).await;
        assert!(matches!(answer, ModuleAnswer::Refused(_)), "{request:?}: {answer:?}");
    }
    minion.stop().await;
    let audit = std::fs::read_to_string(overlord.folder.audit()).unwrap();
    let changes: Vec<String> = audit
        .lines()
        .filter(|line| line.contains("\"event\":\"module\"") && line.contains("\"which\""))
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["change"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        changes,
        ["staged", "staged", "activated", "staged", "activated", "rolled-back", "removed", "rolled-back"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_access_list_does_not_name_changes_no_module() {
    let overlord = Overlord::new();
    std::fs::write(overlord.folder.config(), "[access]\nmodules = [{ operator = \"bob\" }]").unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let bytes = component(1, "");
    let why = refused(staged(&connection, stage(&bytes), &bytes).await.1);
    assert!(why.contains("\"ann\"") && why.contains("access list"), "{why}");
    let answer = ask(&connection, ModuleCommand::Remove("test".parse().unwrap())).await;
    assert!(matches!(answer, ModuleAnswer::Refused(why) if why.contains("access list")));
    assert!(minion.modules().active(&"test".parse().unwrap()).is_ok());
    minion.stop().await;
    let audit = std::fs::read_to_string(overlord.folder.audit()).unwrap();
    let denied = |line: &&str| line.contains("\"module-command\"") && line.contains("\"denied\"");
    assert_eq!(audit.lines().filter(denied).count(), 2, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_of_a_version_is_gone_on_with_after_a_broken_link_and_a_restart() {
    let overlord = Overlord::new();
    let bytes = component(1, &"1".repeat(300_000));
    for half in [100_000, 200_000] {
        let minion = overlord.minion().await;
        let (connection, _) = overlord.greet().await;
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        frame::write(&mut send, &asked(ModuleCommand::Stage(Box::new(stage(&bytes)))), MAX_MESSAGE)
            .await
            .unwrap();
        let Staging::Send { from } = frame::read(&mut recv, MAX_MESSAGE).await.unwrap() else {
            panic!("send")
        };
        assert_eq!(from as usize, half - 100_000);
        send.write_all(&bytes[from as usize..half]).await.unwrap();
        // An end that comes too early, as that of a sender that was killed.
        send.finish().unwrap();
        assert!(frame::read::<Staging>(&mut recv, MAX_MESSAGE).await.is_err());
        minion.stop().await;
    }
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let (from, last) = staged(&connection, stage(&bytes), &bytes).await;
    assert_eq!(from, Some(200_000));
    assert!(matches!(last, Staging::Staged(_)), "{last:?}");
    minion.stop().await;

    // What is staged can be put into service by the next process.
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    assert_eq!(states(&minion), [(Digest::of(&bytes), ModuleState::Staged)]);
    assert!(matches!(activate(&connection, &bytes).await, ModuleAnswer::Done { .. }));
    assert!(serves(&bytes)(&minion));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_announced_or_no_module_is_refused_and_leaves_nothing() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let good = component(1, "1.0.0");
    ready(&connection, &good).await;
    activate(&connection, &good).await;

    let two = component(2, "2.0.0");
    let mut changed = two.clone();
    changed[20] ^= 1;
    let longer = [two.clone(), vec![0; 10]].concat();
    let huge = Stage { size: 1 << 40, ..stage(&two) };
    assert!(refused(staged(&connection, stage(&two), &changed).await.1).contains("digest"));
    assert!(refused(staged(&connection, stage(&two), &longer).await.1).contains("larger"));
    assert!(refused(staged(&connection, huge, &two).await.1).contains("the most"));
    let broken = b"\0asm nothing of use".to_vec();
    let reason = refused(staged(&connection, stage(&broken), &broken).await.1);
    assert!(reason.contains("damaged"), "{reason}");
    assert!(matches!(states(&minion)[0], (_, ModuleState::Failed(_))));
    let left = std::fs::read_dir(overlord.folder.staged()).unwrap().count();
    assert_eq!(left, 0);

    // The same under another name is another version, and an older one is wanted only where that is said.
    let old = component(0, "0.9.0");
    let reason = refused(staged(&connection, stage(&old), &old).await.1);
    assert!(reason.contains("--downgrade"), "{reason}");
    let downgrade = Stage { downgrade: true, ..stage(&old) };
    assert!(matches!(staged(&connection, downgrade, &old).await.1, Staging::Staged(_)));
    assert!(serves(&good)(&minion));
    assert_eq!(
        change(&connection, ModuleCommand::Discard { name: name(), digest: Digest::of(&old) }).await,
        (Some(Digest::of(&good)), Some(Digest::of(&good)))
    );
    assert!(states(&minion).iter().all(|(digest, _)| *digest != Digest::of(&old)));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_version_brought_twice_at_once_is_sent_once() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let bytes = component(1, &"1".repeat(1_000_000));
    let (one, two) =
        tokio::join!(staged(&connection, stage(&bytes), &bytes), staged(&connection, stage(&bytes), &bytes));
    let sent = [one.0, two.0].into_iter().flatten().count();
    assert_eq!(sent, 1);
    assert!(matches!((one.1, two.1), (Staging::Staged(_), Staging::Staged(_))));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_of_a_version_is_freed_with_its_last_job_and_no_later() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two] = [component(1, "1.0.0"), component(2, "2.0.0")];
    for bytes in [&one, &two] {
        ready(&connection, bytes).await;
    }
    activate(&connection, &one).await;
    let job = minion.modules().active(&name()).unwrap();
    let code = std::sync::Arc::downgrade(&job);
    activate(&connection, &two).await;
    assert_eq!(states(&minion)[1], (Digest::of(&one), ModuleState::Draining));
    drop(job);
    assert!(code.upgrade().is_none(), "somebody keeps the code");
    until(&minion, |minion| states(minion)[1].1 == ModuleState::Retired).await;

    // A version that jobs still have is put back as it is.
    let job = minion.modules().active(&name()).unwrap();
    change(&connection, ModuleCommand::Rollback(name())).await;
    change(&connection, ModuleCommand::Rollback(name())).await;
    assert!(std::sync::Arc::ptr_eq(&job, &minion.modules().active(&name()).unwrap()));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_versions_are_kept_and_the_oldest_goes_first() {
    let overlord = Overlord::new();
    std::fs::write(overlord.folder.config(), "keep-versions = 2").unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let versions: Vec<Vec<u8>> = (1..=4).map(|n| component(n, &format!("{n}.0.0"))).collect();
    for bytes in &versions {
        ready(&connection, bytes).await;
        activate(&connection, bytes).await;
        until(&minion, |minion| states(minion).iter().all(|(_, state)| *state != ModuleState::Draining))
            .await;
    }
    let kept = [Digest::of(&versions[3]), Digest::of(&versions[2])];
    assert_eq!(states(&minion).iter().map(|(digest, _)| *digest).collect::<Vec<_>>(), kept);
    minion.stop().await;
    let files = std::fs::read_dir(overlord.folder.versions().join("which")).unwrap();
    let files = files.filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "wasm").count();
    assert_eq!(files, 2);
    let minion = overlord.minion().await;
    assert_eq!(states(&minion), [(kept[0], ModuleState::Active), (kept[1], ModuleState::Retired)]);
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_refuses_the_change() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let one = component(1, "1.0.0");
    ready(&connection, &one).await;
    // A folder of that name is in the way of everybody, root too.
    std::fs::create_dir_all(file(&overlord).join("inside")).unwrap();
    let ModuleAnswer::Refused(reason) = activate(&connection, &one).await else { panic!("done") };
    assert!(reason.contains("modules folder"), "{reason}");
    assert_eq!(states(&minion), [(Digest::of(&one), ModuleState::Staged)]);
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_a_version_and_keeps_nothing_of_it() {
    let overlord = Overlord::new();
    let staged_dir = overlord.folder.staged();
    std::fs::create_dir_all(&staged_dir).unwrap();
    let Some(_full) = Tmpfs::mount(&staged_dir, "size=256k") else {
        return println!("skipped: only root can make a small file system");
    };
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let one = component(1, "1.0.0");
    ready(&connection, &one).await;
    activate(&connection, &one).await;
    let large = component(2, &"2".repeat(1_000_000));
    let reason = refused(staged(&connection, stage(&large), &large).await.1);
    assert!(reason.contains("no room on disk"), "{reason}");
    assert_eq!(std::fs::read_dir(&staged_dir).unwrap().count(), 0);
    assert!(serves(&one)(&minion));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_staged_and_never_wanted_goes_by_itself() {
    let overlord = Overlord::new();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let one = component(1, "1.0.0");
    ready(&connection, &one).await;
    minion.stop().await;
    let index = overlord.folder.versions().join("which/index.json");
    let mut noted: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&index).unwrap()).unwrap();
    noted["versions"][0]["since"] = 1.into();
    std::fs::write(&index, noted.to_string()).unwrap();
    let part = overlord.folder.staged().join(format!("{}.part", Digest::of(b"x")));
    let old = std::fs::File::create(&part).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_secs(2 * 24 * 3600)).unwrap();
    let minion = overlord.minion().await;
    assert!(listed(&minion).is_none() && !part.exists());
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_withdraws_what_a_staged_version_needs_keeps_it_out_of_service() {
    let overlord = Overlord::new();
    std::fs::write(overlord.folder.config(), "[modules.which]\nfacts = [\"os\"]").unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let needs = wat::parse_str(
        r#"(component (import "minion:facts/facts@0.1.0" (instance
            (type $e (variant (case "denied" string) (case "cancelled") (case "other" string)))
            (export "error" (type $error (eq $e)))
            (export "get" (func (param "path" string) (result (result (option string) (error $error))))))))"#,
    )
    .unwrap();
    ready(&connection, &needs).await;
    reload(&overlord, &minion, "").await;
    let ModuleAnswer::Refused(reason) = activate(&connection, &needs).await else { panic!("done") };
    assert!(reason.contains("not granted"), "{reason}");
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_version_can_be_gone_back_to_and_no_older_one_put_into_service() {
    let key = SigningKey::generate().unwrap();
    let overlord = Overlord::new();
    std::fs::write(overlord.folder.config(), require(&key)).unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two] = [component(1, "1.0.0"), component(2, "2.0.0")];
    let reason = refused(staged(&connection, stage(&one), &one).await.1);
    assert!(reason.contains("is not signed"), "{reason}");
    for bytes in [&one, &two] {
        activate_signed(&connection, &key, bytes).await;
    }
    let signer = listed(&minion).unwrap().versions[0].signer.clone();
    assert_eq!(signer, Some(key.public_key().to_string()));
    let older = Stage { downgrade: true, ..signed(&key, &one) };
    let reason = refused(staged(&connection, older, &one).await.1);
    assert!(reason.contains("2.0.0 was in service"), "{reason}");

    // Going back is no attack: the minion knows the version, and over a restart too.
    change(&connection, ModuleCommand::Rollback(name())).await;
    assert!(serves(&one)(&minion));
    assert!(file(&overlord).with_extension("wasm.sig").exists());
    minion.stop().await;
    let minion = overlord.minion().await;
    assert!(serves(&one)(&minion), "{:?}", listed(&minion));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_that_was_staged_before_is_refused_at_its_activation_and_that_is_audited() {
    let key = SigningKey::generate().unwrap();
    let overlord = Overlord::new();
    std::fs::write(overlord.folder.config(), require(&key)).unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let [one, two] = [component(1, "1.0.0"), component(2, "2.0.0")];
    let (_, last) = staged(&connection, signed(&key, &one), &one).await;
    assert!(matches!(last, Staging::Staged(_)), "{last:?}");
    activate_signed(&connection, &key, &two).await;
    let ModuleAnswer::Refused(reason) = activate(&connection, &one).await else { panic!("done") };
    assert!(reason.contains("2.0.0 was in service"), "{reason}");
    assert!(serves(&two)(&minion));
    let [changed, three] = [component(4, "4.0.0"), component(3, "3.0.0")];
    assert!(refused(staged(&connection, stage(&three), &changed).await.1).contains("digest"));
    minion.stop().await;
    let audited = audited(&overlord);
    let refused = [entry("refused", "overlord", &one), entry("refused", "overlord", &three)];
    assert_eq!(audited[audited.len() - 2..], refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_never_leaves_a_file_beside_the_signature_of_another() {
    let key = SigningKey::generate().unwrap();
    let overlord = Overlord::new();
    let Some(_full) = Tmpfs::mount(&overlord.folder.modules(), "size=64k") else {
        return println!("skipped: only root can make a small file system");
    };
    std::fs::write(overlord.folder.config(), require(&key)).unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let one = component(1, "1.0.0");
    activate_signed(&connection, &key, &one).await;
    let large = padded(component(2, "2.0.0"), 100_000);
    let (_, last) = staged(&connection, signed(&key, &large), &large).await;
    assert!(matches!(last, Staging::Staged(_)), "{last:?}");
    let ModuleAnswer::Refused(reason) = activate(&connection, &large).await else { panic!("done") };
    assert!(reason.contains("modules folder"), "{reason}");
    let beside = std::fs::read_to_string(file(&overlord).with_extension("wasm.sig")).unwrap();
    assert_eq!(Some(beside), signed(&key, &one).signature);
    assert!(serves(&one)(&minion));
    minion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_trapped_and_was_staged_again_in_vain_is_not_gone_back_to() {
    let overlord = Overlord::new();
    std::fs::write(overlord.folder.config(), "[modules.which]\nrollback = { traps = 1, within = \"1h\" }")
        .unwrap();
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let versions = [component(1, "1.0.0"), component(2, "2.0.0")];
    for bytes in &versions {
        ready(&connection, bytes).await;
        activate(&connection, bytes).await;
    }
    crate::link::run(&connection, "which.trap").await;
    until(&minion, serves(&versions[0])).await;
    ready(&connection, &versions[1]).await;
    change(&connection, ModuleCommand::Discard { name: name(), digest: Digest::of(&versions[1]) }).await;
    minion.stop().await;
    let minion = overlord.minion().await;
    let (connection, _) = overlord.greet().await;
    let answer = ask(&connection, ModuleCommand::Rollback(name())).await;
    assert!(matches!(answer, ModuleAnswer::Refused(_)), "{answer:?}");
    assert!(serves(&versions[0])(&minion), "{:?}", listed(&minion));
    minion.stop().await;
}
