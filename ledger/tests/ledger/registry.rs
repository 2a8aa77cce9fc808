use ledger::{
    Answer, Certificates, Durability, GlobInvite, HeardFacts, Invitations, Invite, InviteError, Issued, Made,
    MinionRecord, OverlordLedger, Revocation, Standing, Tenure, WaitingHost,
};
use wire::digest::Digest;
use wire::message::inventory::Inventory;
use wire::message::module::{Module, ModuleState};
use wire::value::method::Methods;

use crate::rig::{Folder, T0, id, name};

/// A minion that has never connected.
pub(crate) fn minion(text: &str) -> MinionRecord {
    MinionRecord {
        name: name(text),
        key: Digest::of(text.as_bytes()),
        enrolled_at: T0,
        status: Standing::Active,
        last_seen: None,
        version: None,
        modules: Inventory::default(),
    }
}

fn module() -> Module {
    Module {
        name: "service".parse().unwrap(),
        version: None,
        digest: Digest::of(b"code"),
        description: None,
        state: ModuleState::Active,
        methods: Methods::default(),
        imports: vec!["minion:process/process@0.1.0".into()],
        versions: vec![],
    }
}

/// Who made tokens and took minions back.
pub(crate) fn made() -> Made {
    Made { by: "ann".parse().unwrap(), at: T0 }
}

pub(crate) fn revocation() -> Revocation {
    Revocation { made: made(), why: "it was stolen".into() }
}

fn invite(expires_at: u64) -> Invite {
    Invite { name: name("web1"), secret: Digest::of(b"secret"), expires_at, used_by: None }
}

#[tokio::test]
async fn minions_are_known_after_a_restart_with_what_they_last_said() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.put_minion(minion("web2")).await.unwrap();
    ledger.put_minion(minion("web1")).await.unwrap();
    ledger.minion_seen(&name("web1"), T0 + 5, "0.1.0").await.unwrap();
    ledger.minion_modules(&name("web1"), Inventory::of(vec![module()])).await.unwrap();
    ledger.revoke_minion(&name("web1"), revocation()).await.unwrap();
    drop(ledger);

    let ledger = folder.overlord();
    let expected = MinionRecord {
        status: Standing::Revoked,
        last_seen: Some(T0 + 5),
        version: Some("0.1.0".into()),
        modules: Inventory::of(vec![module()]),
        ..minion("web1")
    };
    assert_eq!(ledger.minions().await.unwrap(), [expected.clone(), minion("web2")]);
    assert_eq!(ledger.minion(&name("web1")).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn a_removed_minion_stays_away_whatever_still_comes_in_about_it() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.put_minion(minion("web1")).await.unwrap();
    ledger.remove_minion(&name("web1")).await.unwrap();
    ledger.minion_seen(&name("web1"), T0, "0.1.0").await.unwrap();
    ledger.minion_modules(&name("web1"), Inventory::of(vec![module()])).await.unwrap();
    ledger.minion_facts(&name("web1"), facts()).await.unwrap();
    assert_eq!(ledger.minion(&name("web1")).await.unwrap(), None);
    assert_eq!(ledger.facts().await.unwrap(), []);
    ledger.put_minion(minion("web1")).await.unwrap();
    assert_eq!(ledger.minion(&name("web1")).await.unwrap(), Some(minion("web1")));
}

#[tokio::test]
async fn facts_are_kept_until_the_name_is_anothers() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.put_minion(minion("web1")).await.unwrap();
    ledger.put_minion(minion("web2")).await.unwrap();
    ledger.minion_facts(&name("web1"), facts()).await.unwrap();
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(ledger.facts().await.unwrap(), [(name("web1"), facts())]);
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    ledger.redeem(&Digest::of(b"secret"), Digest::of(b"another key"), T0).await.unwrap();
    assert_eq!(ledger.facts().await.unwrap(), []);
}

#[tokio::test]
async fn places_are_kept_until_the_name_is_anothers_or_nobodys() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let tenures = |places: &[&str]| -> Vec<Tenure> {
        let place = |place: &&str| Tenure { place: Digest::of(place.as_bytes()), after: Some(id(1)) };
        places.iter().map(place).collect()
    };
    ledger.put_tenures(&name("web1"), tenures(&["here"])).await.unwrap();
    assert_eq!(ledger.tenures(&name("web1")).await.unwrap(), [], "it is not known");
    let put = async |ledger: &OverlordLedger| {
        ledger.put_minion(minion("web1")).await.unwrap();
        ledger.put_tenures(&name("web1"), tenures(&["here", "there"])).await.unwrap();
    };
    put(&ledger).await;
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(ledger.tenures(&name("web1")).await.unwrap(), tenures(&["here", "there"]));
    ledger.remove_minion(&name("web1")).await.unwrap();
    ledger.put_minion(minion("web1")).await.unwrap();
    assert_eq!(ledger.tenures(&name("web1")).await.unwrap(), []);
    put(&ledger).await;
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    ledger.redeem(&Digest::of(b"secret"), Digest::of(b"another key"), T0).await.unwrap();
    assert_eq!(ledger.tenures(&name("web1")).await.unwrap(), []);
}

#[tokio::test]
async fn a_minion_that_is_recorded_as_revoked_has_no_token_left_and_another_keeps_its_own() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    ledger.put_minion(minion("web1")).await.unwrap();
    ledger.unrevoke_minion(&name("web1")).await.unwrap();
    assert_eq!(ledger.invites().await.unwrap(), [invite(T0 + 100)]);
    assert_eq!(ledger.invited(&Digest::of(b"secret"), T0 + 99).await, Ok(name("web1")));
    ledger.put_minion(MinionRecord { status: Standing::Revoked, ..minion("web1") }).await.unwrap();
    assert_eq!(ledger.invites().await.unwrap(), []);
}

fn issued(key: &str, until: i64) -> Issued {
    Issued { key: Digest::of(key.as_bytes()), from: 0, until }
}

#[tokio::test]
async fn the_next_key_of_a_minion_takes_over_when_it_is_seen_and_survives_restarts() {
    let (folder, web1) = (Folder::new(), name("web1"));
    let ledger = folder.overlord();
    ledger.put_minion(minion("web1")).await.unwrap();
    ledger.certificate_shown(&web1, issued("web1", 10), Durability::Written).await.unwrap();
    ledger.put_next_certificate(&web1, issued("lost", 20)).await.unwrap();
    ledger.put_next_certificate(&web1, issued("next", 20)).await.unwrap();
    drop(ledger);

    let ledger = folder.overlord();
    let both = Certificates { shown: Some(issued("web1", 10)), next: Some(issued("next", 20)) };
    assert_eq!(ledger.certificates().await.unwrap(), [(web1.clone(), both)]);
    // One that was never to be used changes nothing, and neither does the present one.
    for (key, is_its_own) in [("lost", false), ("web1", true)] {
        let shown = ledger.certificate_shown(&web1, issued(key, 10), Durability::Synced).await;
        assert_eq!(shown, Ok(is_its_own), "{key}");
    }
    assert_eq!(ledger.certificates().await.unwrap(), [(web1.clone(), both)]);
    assert_eq!(ledger.certificate_shown(&web1, issued("next", 20), Durability::Synced).await, Ok(true));
    drop(ledger);

    let ledger = folder.overlord();
    let one = Certificates { shown: Some(issued("next", 20)), next: None };
    assert_eq!(ledger.certificates().await.unwrap(), [(web1.clone(), one)]);
    assert_eq!(ledger.minion(&web1).await.unwrap().unwrap().key, Digest::of(b"next"));
    let former = ledger.certificate_shown(&web1, issued("web1", 30), Durability::Synced).await;
    assert_eq!(former, Ok(false), "its former key");
    assert_eq!(ledger.certificates().await.unwrap(), [(web1.clone(), one)]);
    ledger.remove_minion(&web1).await.unwrap();
    ledger.put_next_certificate(&web1, issued("later", 40)).await.unwrap();
    assert_eq!(ledger.certificates().await.unwrap(), []);
}

#[tokio::test]
async fn a_former_key_does_not_come_back_by_the_token_that_it_used_once() {
    let (folder, web1) = (Folder::new(), name("web1"));
    let ledger = folder.overlord();
    let (used, fresh, key) = (Digest::of(b"secret"), Digest::of(b"fresh"), Digest::of(b"key"));
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    ledger.put_invite(Invite { secret: fresh, ..invite(T0 + 100) }, made()).await.unwrap();
    ledger.redeem(&used, key, T0).await.unwrap();
    ledger.put_next_certificate(&web1, issued("next", 20)).await.unwrap();
    assert_eq!(ledger.redeem(&used, key, T0).await, Ok(web1.clone()), "its next key was not seen yet");
    ledger.certificate_shown(&web1, issued("next", 20), Durability::Synced).await.unwrap();
    assert_eq!(ledger.redeem(&used, key, T0).await, Err(InviteError::Unknown));
    assert_eq!(ledger.minion(&web1).await.unwrap().unwrap().key, Digest::of(b"next"));
    assert_eq!(ledger.redeem(&fresh, key, T0).await, Ok(web1), "a token that nobody used is for any key");
}

fn facts() -> HeardFacts {
    HeardFacts { at: T0, json: r#"{"role":"db"}"#.to_owned() }
}

#[tokio::test]
async fn a_token_lets_one_key_in_and_that_one_again_until_it_expires() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    let (secret, key, other) = (Digest::of(b"secret"), Digest::of(b"key"), Digest::of(b"other"));
    assert_eq!(ledger.redeem(&secret, key, T0).await.unwrap(), name("web1"));
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(ledger.redeem(&secret, key, T0 + 99).await.unwrap(), name("web1"));
    let used = ledger.redeem(&secret, other, T0).await.unwrap_err();
    assert_eq!(used, InviteError::Used { name: name("web1") });
    let expired = ledger.redeem(&secret, key, T0 + 100).await.unwrap_err();
    assert_eq!(expired, InviteError::Expired { name: name("web1") });
    assert_eq!(ledger.redeem(&key, key, T0).await.unwrap_err(), InviteError::Unknown);
    assert!(expired.to_string().contains("overlord minion invite web1"), "{expired}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_keys_at_once_one_gets_in() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..20u8 {
        let ledger = ledger.clone();
        tries.spawn(async move { ledger.redeem(&Digest::of(b"secret"), Digest::of(&[n]), T0).await });
    }
    assert_eq!(tries.join_all().await.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_token_that_nobody_made_writes_nothing() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    let before = ledger.commits().await;
    for n in 0..100u8 {
        let wrong = ledger.redeem(&Digest::of(&[n]), Digest::of(b"key"), T0).await;
        assert_eq!(wrong.unwrap_err(), InviteError::Unknown);
    }
    let late = ledger.redeem(&Digest::of(b"secret"), Digest::of(b"key"), T0 + 100).await;
    assert_eq!(late.unwrap_err(), InviteError::Expired { name: name("web1") });
    assert_eq!(ledger.commits().await, before);
}

#[tokio::test]
async fn only_a_token_that_is_made_after_the_revocation_lets_a_minion_in_again() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let (used, unused, later) = (Digest::of(b"used"), Digest::of(b"unused"), Digest::of(b"later"));
    let invited = |secret| Invite { secret, ..invite(T0 + 100) };
    ledger.put_invite(invited(used), made()).await.unwrap();
    ledger.put_invite(invited(unused), made()).await.unwrap();
    let of_other = Invite { name: name("web2"), ..invite(T0 + 100) };
    ledger.put_invite(of_other.clone(), made()).await.unwrap();
    let key = Digest::of(b"key");
    ledger.redeem(&used, key, T0).await.unwrap();
    ledger.revoke_minion(&name("web1"), revocation()).await.unwrap();
    for (secret, key) in [(used, key), (unused, key), (unused, Digest::of(b"another key"))] {
        assert_eq!(ledger.redeem(&secret, key, T0).await.unwrap_err(), InviteError::Unknown);
        assert_eq!(ledger.minion(&name("web1")).await.unwrap().unwrap().status, Standing::Revoked);
    }
    assert_eq!(ledger.invites().await.unwrap(), [of_other]);
    ledger.put_invite(invited(later), made()).await.unwrap();
    ledger.redeem(&later, key, T0 + 1).await.unwrap();
    let minion = ledger.minion(&name("web1")).await.unwrap().unwrap();
    assert_eq!((minion.status, minion.key, minion.enrolled_at), (Standing::Active, key, T0 + 1));
}

#[tokio::test]
async fn a_token_does_not_outlive_the_minion_that_it_was_made_for() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let (secret, key) = (Digest::of(b"secret"), Digest::of(b"key"));
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    ledger.redeem(&secret, key, T0).await.unwrap();
    ledger.remove_minion(&name("web1")).await.unwrap();
    assert_eq!(ledger.redeem(&secret, key, T0).await.unwrap_err(), InviteError::Unknown);
    assert_eq!(ledger.minions().await.unwrap(), []);
}

#[tokio::test]
async fn a_key_that_lost_its_name_does_not_get_it_back_by_its_token() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let (first, second) = (Digest::of(b"first"), Digest::of(b"second"));
    for secret in [first, second] {
        ledger.put_invite(Invite { secret, ..invite(T0 + 100) }, made()).await.unwrap();
    }
    let (former, current) = (Digest::of(b"former"), Digest::of(b"current"));
    ledger.redeem(&first, former, T0).await.unwrap();
    ledger.minion_modules(&name("web1"), Inventory::of(vec![module()])).await.unwrap();
    // The same minion again, which did not hear the answer: what is known of it stays.
    ledger.redeem(&first, former, T0 + 1).await.unwrap();
    assert_eq!(ledger.minion(&name("web1")).await.unwrap().unwrap().modules, Inventory::of(vec![module()]));
    ledger.redeem(&second, current, T0 + 2).await.unwrap();
    assert_eq!(ledger.redeem(&first, former, T0 + 3).await.unwrap_err(), InviteError::Unknown);
    ledger.redeem(&second, current, T0 + 4).await.unwrap();
    let minion = ledger.minion(&name("web1")).await.unwrap().unwrap();
    assert_eq!((minion.key, minion.modules), (current, Inventory::default()));
}

#[tokio::test]
async fn expired_tokens_can_be_forgotten() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    assert_eq!(ledger.purge_invites(T0 + 99).await.unwrap(), 0);
    assert_eq!(ledger.invites().await.unwrap(), [invite(T0 + 100)]);
    assert_eq!(ledger.purge_invites(T0 + 100).await.unwrap(), 1);
    assert_eq!(ledger.invites().await.unwrap(), []);
}

fn glob_invite(uses: u32) -> GlobInvite {
    GlobInvite {
        glob: "web*".into(),
        secret: Digest::of(b"glob"),
        uses,
        used: 0,
        expires_at: T0 + 100,
        made: made(),
    }
}

#[tokio::test]
async fn a_token_for_a_glob_is_good_for_so_many_hosts_and_replaces_none() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let (secret, key) = (Digest::of(b"glob"), |n: u8| Digest::of(&[n]));
    ledger.put_glob_invite(glob_invite(2)).await.unwrap();
    ledger.put_minion(minion("web9")).await.unwrap();
    ledger.redeem_glob(&secret, &name("web1"), key(1), T0).await.unwrap();
    // It did not hear the answer and asks again: that uses up nothing.
    ledger.redeem_glob(&secret, &name("web1"), key(1), T0).await.unwrap();
    let taken = ledger.redeem_glob(&secret, &name("web9"), key(9), T0).await.unwrap_err();
    assert_eq!(taken, InviteError::Taken { name: name("web9") });
    assert_eq!(ledger.minion(&name("web9")).await.unwrap(), Some(minion("web9")));
    ledger.redeem_glob(&secret, &name("web2"), key(2), T0).await.unwrap();
    drop(ledger);

    let ledger = folder.overlord();
    let over = ledger.redeem_glob(&secret, &name("web3"), key(3), T0).await.unwrap_err();
    assert_eq!(over, InviteError::UsedUp { glob: "web*".into() });
    ledger.redeem_glob(&secret, &name("web2"), key(2), T0).await.unwrap();
    let late = ledger.invited_by(&secret, T0 + 100).await.unwrap_err();
    assert_eq!(late, InviteError::GlobExpired { glob: "web*".into() });
    assert_eq!(ledger.invitations().await.unwrap().globs, [GlobInvite { used: 2, ..glob_invite(2) }]);
    assert_eq!(ledger.purge_invites(T0 + 100).await.unwrap(), 1);
    assert_eq!(ledger.invitations().await.unwrap(), Invitations::default());
}

#[tokio::test]
async fn a_token_that_is_withdrawn_lets_nobody_in() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let secrets = [Digest::of(b"secret"), Digest::of(b"glob")];
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    ledger.put_glob_invite(glob_invite(2)).await.unwrap();
    let both = ledger.invitations().await.unwrap();
    assert_eq!((both.names, both.globs.len()), (vec![(invite(T0 + 100), Some(made()))], 1));
    ledger.withdraw(secrets.to_vec()).await.unwrap();
    for secret in secrets {
        assert_eq!(ledger.invited_by(&secret, T0).await.unwrap_err(), InviteError::Unknown);
    }
    assert_eq!(ledger.invitations().await.unwrap(), Invitations::default());
}

#[tokio::test]
async fn a_minion_that_is_revoked_is_that_after_a_restart_and_comes_back_with_its_key() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.put_minion(minion("web1")).await.unwrap();
    ledger.put_glob_invite(glob_invite(2)).await.unwrap();
    ledger.revoke_minion(&name("web1"), revocation()).await.unwrap();
    ledger.revoke_minion(&name("web2"), revocation()).await.unwrap();
    drop(ledger);

    let ledger = folder.overlord();
    let standing = async || ledger.minion(&name("web1")).await.unwrap().unwrap().status;
    assert_eq!(standing().await, Standing::Revoked);
    assert_eq!(ledger.revocations().await.unwrap(), [(name("web1"), revocation())]);
    let key = Digest::of(b"web1");
    let again = ledger.redeem_glob(&Digest::of(b"glob"), &name("web1"), key, T0).await;
    assert_eq!(again.unwrap_err(), InviteError::Taken { name: name("web1") });
    assert!(!ledger.enrol_new(&name("web1"), key, T0).await.unwrap());
    ledger.unrevoke_minion(&name("web1")).await.unwrap();
    assert_eq!((standing().await, ledger.revocations().await.unwrap()), (Standing::Active, vec![]));
    assert_eq!(ledger.minion(&name("web1")).await.unwrap(), Some(minion("web1")));
    ledger.revoke_minion(&name("web1"), revocation()).await.unwrap();
    ledger.remove_minion(&name("web1")).await.unwrap();
    assert_eq!(ledger.revocations().await.unwrap(), []);
}

#[tokio::test]
async fn a_host_that_waits_is_known_until_it_is_forgotten_and_enrolled_once_it_is_accepted() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let host = WaitingHost {
        key: Digest::of(b"new key"),
        name: name("web1"),
        from: "192.0.2.1:5".into(),
        since: T0,
        asked_at: T0,
        answer: Answer::None,
    };
    ledger.put_minion(minion("web1")).await.unwrap();
    ledger.put_waiting(host.clone()).await.unwrap();
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(ledger.waiting().await.unwrap(), std::slice::from_ref(&host));
    assert_eq!(ledger.minion(&name("web1")).await.unwrap(), Some(minion("web1")));
    ledger.accept_waiting(host.clone(), made()).await.unwrap();
    assert_eq!(ledger.minion(&name("web1")).await.unwrap().unwrap().key, host.key);
    assert_eq!(
        ledger.waiting().await.unwrap(),
        [WaitingHost { answer: Answer::Accepted(made()), ..host.clone() }]
    );
    ledger.forget_waiting(vec![host.key]).await.unwrap();
    assert_eq!(ledger.waiting().await.unwrap(), []);
}

#[tokio::test]
async fn a_host_that_is_accepted_in_place_of_another_keeps_its_name_from_the_token_of_that_one() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let (secret, key) = (Digest::of(b"secret"), Digest::of(b"key"));
    let host = |key: Digest| WaitingHost {
        key,
        name: name("web1"),
        from: "192.0.2.1:5".into(),
        since: T0,
        asked_at: T0,
        answer: Answer::None,
    };
    ledger.put_invite(invite(T0 + 100), made()).await.unwrap();
    ledger.redeem(&secret, key, T0).await.unwrap();
    ledger.accept_waiting(host(key), made()).await.unwrap();
    assert_eq!(ledger.redeem(&secret, key, T0).await, Ok(name("web1")), "it is the same host");
    ledger.accept_waiting(host(Digest::of(b"new key")), made()).await.unwrap();
    assert_eq!(ledger.redeem(&secret, key, T0).await, Err(InviteError::Unknown));
}
