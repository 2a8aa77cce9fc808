//! Joins at an overlord's door that lets in, refuses, or says what is not so.

use std::net::SocketAddr;

use quinn::Endpoint;

use wire::identity::Authority;

use super::*;

/// An overlord's enrolment door, in the form that older overlords have.
fn overlord(authority: &Authority) -> (SocketAddr, Endpoint) {
    let identity = authority.issue(Side::Overlord, "overlord").expect("an identity");
    let endpoint =
        endpoint::listen(([127, 0, 0, 1], 0).into(), &identity, identity.authorities(), &[enroll::ALPN])
            .expect("listens");
    (endpoint.local_addr().expect("an address"), endpoint)
}

/// Lets one newcomer in, or refuses it.
async fn answer(endpoint: Endpoint, authority: Authority, certified: &str) {
    let Some(incoming) = endpoint.accept().await else { return };
    let Ok(connection) = incoming.await else { return };
    let (mut send, mut recv) = connection.accept_bi().await.expect("a stream");
    let request: EnrollRequest = frame::read(&mut recv, MAX_MESSAGE).await.expect("a request");
    let reply = if request.secret == [7; 16] {
        let asked = SigningRequest::from_der(&request.signing_request).expect("parses");
        let certificate = authority.sign_request(&asked, Side::Minion, certified).expect("signed");
        let authority = authority.certificate().to_vec();
        EnrollReply::Enrolled { name: "web1".parse().expect("a name"), certificate, authority }
    } else {
        EnrollReply::Refused
    };
    frame::write(&mut send, &reply, MAX_MESSAGE).await.expect("written");
    connection.closed().await;
}

async fn join_with(secret: [u8; 16], fingerprint: Option<Digest>) -> Result<Folder, JoinError> {
    let dir = tempfile::tempdir().expect("a folder").keep();
    let authority = Authority::create(&dir).expect("an authority");
    let joining = Joining {
        address: String::new(),
        authority: fingerprint.unwrap_or(authority.fingerprint()),
        secret: Some(secret),
        name: None,
        is_named: false,
    };
    let folder = Folder::at(dir.join("minion"));
    let ours = Authority::load(&dir).expect("there");
    let door = Door { ours, issuing: authority, certified: "web1" };
    door.lets_in(&folder, joining).await.map(|_| folder)
}

/// An overlord of one authority that issues what another one makes, for this name, and calls it `web1`.
struct Door {
    ours: Authority,
    issuing: Authority,
    certified: &'static str,
}

impl Door {
    async fn lets_in(self, folder: &Folder, joining: Joining) -> Result<Enrolment, JoinError> {
        let (address, endpoint) = overlord(&self.ours);
        let joining = Joining { address: address.to_string(), ..joining };
        let server = tokio::spawn(answer(endpoint, self.issuing, self.certified));
        let joined = join(folder, &joining, |_| {}).await;
        server.await.expect("no panic");
        joined
    }
}

#[tokio::test]
async fn a_token_makes_this_host_a_minion() {
    let folder = join_with([7; 16], None).await.expect("joins");
    let peer = folder.identity().expect("there").peer().expect("ours");
    assert_eq!((peer.side, peer.name.as_str()), (Side::Minion, "web1"));
    assert_eq!(folder.enrolment().expect("there").name.as_str(), "web1");
    assert!(!folder.identity_dir().join(JOINING_KEY).exists());
}

#[tokio::test]
async fn a_token_that_the_overlord_does_not_know_is_refused_and_the_secret_not_repeated() {
    let error = join_with([8; 16], None).await.expect_err("refused");
    assert!(matches!(error, JoinError::Refused(_)), "{error}");
    assert!(!error.to_string().contains("8, 8"));
}

#[tokio::test]
async fn an_overlord_of_another_authority_is_a_stranger() {
    let error = join_with([7; 16], Some(Digest::of(b"another"))).await.expect_err("refused");
    assert!(matches!(error, JoinError::Stranger(_)), "{error}");
}

#[tokio::test]
async fn an_older_overlord_lets_nobody_wait_and_that_is_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let authority = Authority::create(dir.path()).expect("an authority");
    let (address, endpoint) = overlord(&authority);
    let server = tokio::spawn(async move {
        let connection = endpoint.accept().await.expect("dialled").await.expect("shakes hands");
        connection.closed().await;
    });
    let (address, name) = (address.to_string(), "web1".parse().ok());
    let joining = Joining { address, authority: authority.fingerprint(), secret: None, name, is_named: true };
    let folder = Folder::at(dir.path().join("minion"));
    let error = join(&folder, &joining, |_| {}).await.expect_err("refused");
    assert!(matches!(error, JoinError::Older(_)), "{error}");
    server.await.expect("no panic");
}

#[tokio::test]
async fn no_overlord_gives_this_host_another_name_than_it_has_or_asks_for() {
    let folder = join_with([7; 16], None).await.expect("joins");
    let identity = || folder.identity().expect("there");
    let dir = folder.dir().parent().expect("a folder").to_owned();
    let authority = || Authority::load(&dir).expect("there");
    // The folder now holds the certificate of a minion of another name.
    let db1 = authority().issue(Side::Minion, "db1").expect("an identity");
    folder.enrol(&db1, &folder.enrolment().expect("there")).expect("kept");
    let joining = |name: Option<&str>| Joining {
        address: String::new(),
        authority: authority().fingerprint(),
        secret: Some([7; 16]),
        name: name.and_then(|name| name.parse().ok()),
        is_named: name.is_some(),
    };
    let door = || Door { ours: authority(), issuing: authority(), certified: "web1" };
    for wanted in [None, Some("db1")] {
        let refused = door().lets_in(&folder, joining(wanted)).await.expect_err("refused");
        assert!(matches!(refused, JoinError::NameDiffers { .. }), "{refused}");
        assert!(refused.to_string().contains("--name web1"), "{refused}");
        assert!(identity().has_certificate_of(&db1), "nothing was changed");
    }
    door().lets_in(&folder, joining(Some("web1"))).await.expect("it was asked for");
    assert_eq!(identity().peer().expect("ours").name, "web1");
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_another_authority_is_not_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    Authority::create(dir.path()).expect("an authority");
    let authority = || Authority::load(dir.path()).expect("there");
    let other = tempfile::tempdir().expect("a folder");
    let other = Authority::create(other.path()).expect("an authority");
    let joining = Joining {
        address: String::new(),
        authority: authority().fingerprint(),
        secret: Some([7; 16]),
        name: None,
        is_named: false,
    };
    let folder = Folder::at(dir.path().join("minion"));
    for (issuing, certified) in [(authority(), "web2"), (other, "web1")] {
        let door = Door { ours: authority(), issuing, certified };
        let refused = door.lets_in(&folder, joining.clone()).await.expect_err("refused");
        assert!(matches!(refused, JoinError::Identity(IdentityError::Foreign(_))), "{refused}");
        assert!(matches!(folder.identity(), Err(FolderError::NotEnrolled(_))));
    }
}
