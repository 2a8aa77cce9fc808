//! How one authority vouches for another: see [`super::endorsement`] for what that is worth.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, IsCa,
    KeyUsagePurpose, SubjectPublicKeyInfo,
};
use time::OffsetDateTime;
use x509_parser::asn1_rs::Tag;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

use super::authority::Authority;
use super::endorsement::{ENDORSED_FOR, MARK, NOTHING, is_endorsement};
use super::error::IdentityError;
use super::validity::{BACKDATED_SECS, Moment, Validity};

/// A certificate, in DER, by which an authority vouches for the key of another, whose own certificate is `root`. It is good
/// for 90 days, and for no longer than that one.
///
/// # Errors
/// [`IdentityError::Foreign`] where `root` is no certificate, and [`IdentityError::Certificate`] where it cannot be signed.
pub fn endorse(authority: &Authority, root: &[u8]) -> Result<Vec<u8>, IdentityError> {
    let (_, parsed) = X509Certificate::from_der(root)
        .map_err(|_| IdentityError::Foreign("it is not an X.509 certificate"))?;
    let key = SubjectPublicKeyInfo::from_der(parsed.public_key().raw)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = name(parsed.subject())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.custom_extensions = vec![CustomExtension::from_oid_content(MARK, NOTHING.to_vec())];
    let Moment(now) = Moment::now();
    let until = now.saturating_add_unsigned(ENDORSED_FOR.as_secs()).min(Validity::read(&parsed).until);
    let moment = |second| OffsetDateTime::from_unix_timestamp(second).ok();
    if let (Some(from), Some(until)) = (moment(now.saturating_sub(BACKDATED_SECS)), moment(until)) {
        (params.not_before, params.not_after) = (from, until);
    }
    let endorsement = params.signed_by(&key, authority.issuer())?.der().clone();
    // Names with several parts of a kind are not repeated as they are: they would lead nowhere.
    Validity::read(&parsed).check().map_err(|untimely| {
        IdentityError::Authority(format!("the certificate of the root \"{}\" {untimely}", parsed.subject()))
    })?;
    match is_endorsement(&endorsement, &parsed, authority.own()) {
        true => Ok(endorsement.to_vec()),
        false => Err(IdentityError::Authority("the name of the root is of an unusual form".to_owned())),
    }
}

/// The name of an authority, as it is to be written once more.
fn name(subject: &X509Name<'_>) -> Result<DistinguishedName, IdentityError> {
    let unusual = || IdentityError::Authority("the name of the root is of an unusual form".to_owned());
    let mut name = DistinguishedName::new();
    for attribute in subject.iter_attributes() {
        let oid: Vec<u64> = attribute.attr_type().iter().ok_or_else(unusual)?.collect();
        let text = attribute.as_str().map_err(|_| unusual())?;
        let value = match attribute.attr_value().tag() {
            Tag::Utf8String => DnValue::Utf8String(text.to_owned()),
            Tag::PrintableString => DnValue::PrintableString(text.try_into()?),
            Tag::Ia5String => DnValue::Ia5String(text.try_into()?),
            _ => return Err(unusual()),
        };
        name.push(DnType::from_oid(&oid), value);
    }
    Ok(name)
}
