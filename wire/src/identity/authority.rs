//! The authority of one overlord: the key that makes a stranger a minion or an operator.

use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use super::endorsement::{is_issued, public_key};
use super::error::IdentityError;
use super::files::{self, AUTHORITY_PEM, read_certificates, write_private, write_public};
use super::pem::certificates;
use super::validity::BACKDATED_SECS;
use super::{Identity, Side, SigningRequest, Validity};
use crate::digest::Digest;
use crate::message::renewal::Credentials;
use machine::clock;

/// The name in every overlord's certificate: a dialler knows an overlord by its authority, not by its address.
pub const SERVER_NAME: &str = "overlord";

/// A certificate authority, as an overlord's folder holds it. Whoever can read its key can make minions and
/// operators.
///
/// It is a root, or an intermediate whose root may be elsewhere.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate first, then those that lead from it to the root, and the root's last: the same where it is the
    /// root itself.
    chain: Vec<CertificateDer<'static>>,
    lifetimes: Lifetimes,
}

/// For how long certificates are good that an authority signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Those of minions.
    pub minion: Duration,
    /// Those of operators.
    pub operator: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { minion: 30 * DAY, operator: 365 * DAY }
    }
}

impl Authority {
    /// Makes an authority that is good for ten years, and writes `authority.key` (mode 0600) and `authority.pem`
    /// into the folder. Files of these names that are there are replaced.
    ///
    /// # Errors
    /// [`IdentityError::Certificate`] where the key or the certificate cannot be made, and [`IdentityError::File`]
    /// where one of the files cannot be written.
    pub fn create(dir: &Path) -> Result<Self, IdentityError> {
        let authority = Self::new("overlord authority")?;
        write_private(&dir.join(AUTHORITY_KEY), authority.key_pem().as_bytes())?;
        write_public(&dir.join(AUTHORITY_PEM), authority.chain_pem().as_bytes())?;
        Ok(authority)
    }

    /// Makes an authority that is good for ten years and is kept nowhere yet. Its certificate has this name.
    ///
    /// # Errors
    /// [`IdentityError::Certificate`] where the key or the certificate cannot be made.
    pub fn new(name: &str) -> Result<Self, IdentityError> {
        let key = KeyPair::generate()?;
        let mut params = of_authority(name)?;
        validity(&mut params, AUTHORITY_LIFETIME);
        let certificate = params.self_signed(&key)?.der().clone();
        Self::of(key, vec![certificate])
    }

    /// Reads the authority of a folder, as [`Authority::create`] left it there.
    ///
    /// # Errors
    /// [`IdentityError::File`] where a file cannot be read, [`IdentityError::NotPem`] where it holds something
    /// else, and [`IdentityError::Certificate`] where the two do not go together.
    pub fn load(dir: &Path) -> Result<Self, IdentityError> {
        let key = files::read_key(&dir.join(AUTHORITY_KEY))?;
        let (path, spki) = (dir.join(AUTHORITY_PEM), key.subject_public_key_info());
        // Identities in the same folder keep the authorities there that they trust, of which this may be the second.
        let mut there = read_certificates(&path)?;
        there.retain(|certificate| public_key(certificate).is_some_and(|key| key == spki));
        there.truncate(1);
        if there.is_empty() {
            let what = "the certificate of \"authority.key\"";
            return Err(IdentityError::NotPem { path, what });
        }
        Self::of(key, there)
    }

    /// The authority whose key and certificates are these, in PEM: its own first, that of the root last.
    ///
    /// # Errors
    /// [`IdentityError::Authority`] where they do not go together, and [`IdentityError::Certificate`] where they cannot be
    /// used.
    pub fn from_pem(key: &str, chain: &[u8]) -> Result<Self, IdentityError> {
        let key = KeyPair::from_pem(key)?;
        let chain = certificates(chain).ok_or_else(|| {
            IdentityError::Authority("the certificates of the authority cannot be read".to_owned())
        })?;
        if public_key(&chain[0]).is_none_or(|there| there != key.subject_public_key_info()) {
            let what = "the first certificate of the authority is not of its key";
            return Err(IdentityError::Authority(what.to_owned()));
        }
        Self::of(key, chain)
    }

    fn of(key: KeyPair, chain: Vec<CertificateDer<'static>>) -> Result<Self, IdentityError> {
        let issuer = Issuer::from_ca_cert_der(&chain[0], key)?;
        Ok(Self { issuer, chain, lifetimes: Lifetimes::default() })
    }

    /// Its private key in PEM: whoever has that can do all that the authority can.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Its certificates in PEM: its own first, that of the root last.
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|certificate| super::pem("CERTIFICATE", certificate)).collect()
    }

    /// The authority's own certificate, whose key signs: the same as [`Authority::certificate`] where it is a root.
    pub fn own(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// The same authority, whose certificates are good for so long from now on.
    pub fn with_lifetimes(self, lifetimes: Lifetimes) -> Self {
        Self { lifetimes, ..self }
    }

    /// For how long the certificates are good that it signs.
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// The digest of the root's certificate, by which a newcomer knows the overlord before it has that certificate.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.certificate())
    }

    /// The digest of the authority's own certificate. The same as [`Authority::fingerprint`] where it is a root.
    pub fn id(&self) -> Digest {
        Digest::of(&self.chain[0])
    }

    /// The root's certificate, in DER, which peers trust: the authority's own where it is a root.
    pub fn certificate(&self) -> &[u8] {
        // Never empty.
        &self.chain[self.chain.len() - 1]
    }

    /// Whether its certificate is its own root.
    pub fn is_root(&self) -> bool {
        self.chain.len() == 1
    }

    /// The certificates between those that it signs and the root, in DER; none where it is a root.
    pub fn intermediates(&self) -> Vec<Vec<u8>> {
        let between = &self.chain[..self.chain.len() - 1];
        between.iter().map(|certificate| certificate.to_vec()).collect()
    }

    /// The time for which all of its certificates are good.
    ///
    /// # Errors
    /// [`IdentityError::Foreign`] where one cannot be read.
    pub fn validity(&self) -> Result<Validity, IdentityError> {
        let all = self.chain.iter().map(|certificate| Validity::of(certificate));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        let from = all.iter().map(|one| one.from).max().unwrap_or_default();
        let until = all.iter().map(|one| one.until).min().unwrap_or_default();
        Ok(Validity { from, until })
    }

    /// What makes an identity of a key whose certificate it has signed.
    pub fn credentials(&self, certificate: Vec<u8>) -> Credentials {
        let chain = std::iter::once(certificate).chain(self.intermediates()).collect();
        Credentials { chain, authorities: vec![self.certificate().to_vec()] }
    }

    /// The same identity, where its certificate is of this authority: with what leads from it to the root, which alone is
    /// trusted. `None` where it is of another.
    pub fn own_identity(&self, identity: &Identity) -> Option<Identity> {
        let [certificate, ..] = identity.chain.as_slice() else { return None };
        let Credentials { chain, authorities } = self.credentials(certificate.to_vec());
        let [chain, authorities] =
            [chain, authorities].map(|all| all.into_iter().map(CertificateDer::from).collect::<Vec<_>>());
        let key = identity.key.clone();
        // By the authority itself, and not by another one of the same root.
        is_issued(certificate, &self.chain[0]).then_some(Identity { key, chain, authorities })
    }

    /// Whether it has signed a certificate, in DER: itself, and not another authority of the same root.
    pub fn has_signed(&self, certificate: &[u8]) -> bool {
        is_issued(&CertificateDer::from(certificate), &self.chain[0])
    }

    /// Makes a key and a certificate for it, good for as long as the side has it. Used where the key may be made
    /// on the overlord's host; a minion makes its own and sends a [`SigningRequest`].
    ///
    /// # Errors
    /// [`IdentityError::Certificate`] where one of the two cannot be made.
    pub fn issue(&self, side: Side, name: &str) -> Result<Identity, IdentityError> {
        let key = KeyPair::generate()?;
        let certificate = self.sign(&key, side, name, None)?;
        Ok(self.identity(&key, certificate))
    }

    /// Makes another certificate for the key of an identity whose certificate is not good any more, with the same side
    /// and name, for as long as these lifetimes have it.
    ///
    /// # Errors
    /// [`IdentityError::Foreign`] where its certificate is none of ours, and [`IdentityError::Certificate`] where no
    /// other can be made.
    pub fn reissue(&self, identity: &Identity, lifetimes: Lifetimes) -> Result<Identity, IdentityError> {
        let (key, peer) = (identity.key_pair()?, identity.peer()?);
        let lifetime = if peer.side == Side::Minion { lifetimes.minion } else { lifetimes.operator };
        let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        let certificate = self.sign(&key, peer.side, &peer.name, Some(lifetime_ms))?;
        Ok(self.identity(&key, certificate))
    }

    fn identity(&self, key: &KeyPair, certificate: Vec<u8>) -> Identity {
        let Credentials { chain, authorities } = self.credentials(certificate);
        let [chain, authorities] = [chain, authorities].map(|all| all.into_iter().map(Into::into).collect());
        Identity { key: key.serialize_der(), chain, authorities }
    }

    /// Signs the public key of a request for this side and name. Returns the certificate in DER. Nothing else of
    /// the request is believed.
    ///
    /// # Errors
    /// [`IdentityError::Certificate`] where no certificate can be made of that key and name.
    pub fn sign_request(
        &self,
        request: &SigningRequest,
        side: Side,
        name: &str,
    ) -> Result<Vec<u8>, IdentityError> {
        self.sign(request.public_key(), side, name, None)
    }

    /// The same for a certificate that is good for this long, in milliseconds, whatever is usual for the side.
    ///
    /// # Errors
    /// As for [`Authority::sign_request`].
    pub fn sign_request_for(
        &self,
        request: &SigningRequest,
        side: Side,
        name: &str,
        lifetime_ms: u64,
    ) -> Result<Vec<u8>, IdentityError> {
        self.sign(request.public_key(), side, name, Some(lifetime_ms))
    }

    fn sign(
        &self,
        key: &impl PublicKeyData,
        side: Side,
        name: &str,
        lifetime_ms: Option<u64>,
    ) -> Result<Vec<u8>, IdentityError> {
        // Only an overlord has a name that a dialler accepts, and only it may serve.
        let (names, usage, lifetime) = match side {
            Side::Overlord => {
                (vec![SERVER_NAME.to_owned()], ExtendedKeyUsagePurpose::ServerAuth, OVERLORD_LIFETIME)
            }
            Side::Minion => (Vec::new(), ExtendedKeyUsagePurpose::ClientAuth, self.lifetimes.minion),
            Side::Operator => (Vec::new(), ExtendedKeyUsagePurpose::ClientAuth, self.lifetimes.operator),
        };
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::OrganizationalUnitName, side.as_str());
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let asked = lifetime_ms.map(|ms| Duration::from_millis(ms).min(AUTHORITY_LIFETIME));
        validity(&mut params, asked.unwrap_or(lifetime));
        if !self.is_root() {
            // What leads to the root is checked with the certificate, and at its last moment.
            let end = OffsetDateTime::from_unix_timestamp(self.validity()?.until);
            params.not_after = params.not_after.min(end.unwrap_or(params.not_after));
        }
        Ok(params.signed_by(key, &self.issuer)?.der().to_vec())
    }
}

/// What a certificate of an authority says, whoever signs it.
pub(super) fn of_authority(name: &str) -> Result<CertificateParams, IdentityError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Lets a certificate be good for so long, and from an hour ago for peers whose clock is slow.
fn validity(params: &mut CertificateParams, lifetime: Duration) {
    let now = OffsetDateTime::from(clock::now());
    params.not_before = now - Duration::from_secs(BACKDATED_SECS as u64);
    params.not_after = now + lifetime;
}

const AUTHORITY_KEY: &str = "authority.key";
const DAY: Duration = Duration::from_secs(24 * 3600);
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(3650 * 24 * 3600);
/// The overlord renews its own certificate while it runs.
const OVERLORD_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::{Peer, signing_request};
    use super::*;

    #[test]
    fn an_authority_survives_its_folder_and_its_keys_are_private() {
        let dir = tempfile::tempdir().expect("a folder");
        let made = Authority::create(dir.path()).expect("made");
        let read = Authority::load(dir.path()).expect("read");
        assert_eq!(made.fingerprint(), read.fingerprint());
        let mode = std::fs::metadata(dir.path().join(AUTHORITY_KEY)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_request_gets_the_role_and_name_that_the_authority_chose() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create(dir.path()).expect("made");
        let key = KeyPair::generate().expect("a key");
        let request = signing_request(&key).expect("a request");
        let request = SigningRequest::from_der(&request).expect("parses");
        let certificate = authority.sign_request(&request, Side::Minion, "web1").expect("signed");
        let peer = Peer::of(&certificate).expect("ours");
        assert_eq!((peer.side, peer.name.as_str(), peer.key), (Side::Minion, "web1", request.key()));
    }

    #[test]
    fn only_the_same_authority_renews_an_identity_and_only_as_what_it_is() {
        let folders = [0, 1].map(|_| tempfile::tempdir().expect("a folder"));
        let [own, other] = [0, 1].map(|one| Authority::create(folders[one].path()).expect("made"));
        let before = own.issue(Side::Minion, "web1").expect("issued");
        let key = KeyPair::generate().expect("a key");
        let signed = |authority: &Authority, side, name: &str| authority.sign(&key, side, name, None);
        let renewed = |leaf: Result<Vec<u8>, IdentityError>, authorities: &[&Authority]| {
            let authorities = authorities.iter().map(|one| one.certificate().to_vec()).collect();
            let credentials = Credentials { chain: vec![leaf.expect("signed")], authorities };
            before.renewed(&key, credentials).map_err(|error| error.to_string())
        };
        let good = renewed(signed(&own, Side::Minion, "web1"), &[&own]).expect("renewed");
        assert_eq!(good.authority(), before.authority());
        // Others that an overlord names are not trusted for that, in whatever order they come.
        let more = renewed(signed(&own, Side::Minion, "web1"), &[&other, &own]).expect("renewed");
        assert_eq!(more.authority(), before.authority());
        for (leaf, authorities, why) in [
            (signed(&other, Side::Minion, "web1"), vec![&other], "not of the authority"),
            (signed(&other, Side::Minion, "web1"), vec![&own, &other], "not of the authority"),
            (signed(&other, Side::Minion, "web1"), vec![&other, &own], "not of the authority"),
            (signed(&own, Side::Minion, "web1"), vec![&other], "not of the authority"),
            (signed(&own, Side::Minion, "web2"), vec![&own], "another side or name"),
            (signed(&own, Side::Operator, "web1"), vec![&own], "another side or name"),
        ] {
            let error = renewed(leaf, &authorities).expect_err("refused");
            assert!(error.contains(why), "{error}");
        }
        let moment = |mut params: CertificateParams| {
            params.not_after = OffsetDateTime::now_utc() - DAY;
            params.not_before = params.not_after - DAY;
            params.distinguished_name.push(DnType::OrganizationalUnitName, "minion");
            params.distinguished_name.push(DnType::CommonName, "web1");
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.signed_by(&key, &own.issuer).expect("signed").der().to_vec()
        };
        let ended = renewed(Ok(moment(CertificateParams::new(Vec::new()).expect("parameters"))), &[&own]);
        assert!(ended.expect_err("refused").contains("has ended"));
    }

    #[test]
    fn an_identity_survives_its_files() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create(dir.path()).expect("made");
        let made = authority.issue(Side::Operator, "ann").expect("issued");
        made.save(dir.path(), "operator").expect("saved");
        let read = Identity::load(dir.path(), "operator").expect("read");
        assert_eq!(read.peer().expect("ours"), made.peer().expect("ours"));
        assert_eq!(read.key(), made.key());
    }

    #[test]
    fn a_certificate_is_good_from_an_hour_ago_for_as_long_as_its_role_has_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create(dir.path()).expect("made");
        let about = |is: i64, expected: i64| (is - expected).abs() < 600;
        let now = super::super::Moment::now().0;
        let own = super::super::Validity::of(authority.certificate()).expect("its own");
        let mut all = vec![(own, 3_650)];
        for (side, days) in [(Side::Overlord, 365), (Side::Minion, 30), (Side::Operator, 365)] {
            let identity = authority.issue(side, "web1").expect("issued");
            assert_eq!(identity.peer().expect("ours").side, side);
            assert_eq!(identity.authority().as_ref(), authority.certificate());
            all.push((identity.validity().expect("its own"), days));
        }
        for (validity, days) in all {
            assert!(about(validity.from, now - 3_600), "{validity}");
            assert!(about(validity.until, now + days * 24 * 3_600), "{validity} is not {days} days");
        }
    }

    #[test]
    fn the_fingerprint_is_the_digest_of_the_certificate() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create(dir.path()).expect("made");
        assert_eq!(authority.fingerprint(), Digest::of(authority.certificate()));
        assert!(SigningRequest::from_der(authority.certificate()).is_err(), "that is no request");
    }
}
