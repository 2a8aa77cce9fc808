//! What a certificate says.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use const_oid::ObjectIdentifier;
use der::Decode as _;
use der::asn1::ObjectIdentifier as Oid;
use failure::{time, time_of};
use host_files::reading::hexadecimal;
use sha2::{Digest as _, Sha256};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::exports::minion::certs::certs::Certificate;

/// The seconds of a day.
const DAY: i64 = 86_400;

const RSA: Oid = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: Oid = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// Kinds of keys that have no more to say.
const KEYS: [(Oid, &str); 2] = [
    (ObjectIdentifier::new_unwrap("1.3.101.112"), "Ed25519"),
    (ObjectIdentifier::new_unwrap("1.3.101.113"), "Ed448"),
];
const CURVES: [(Oid, &str); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), "EC P-256"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), "EC P-384"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), "EC P-521"),
];

/// The certificates in what may be PEM or DER, in their order; none where there are none.
pub(crate) fn all(bytes: &[u8]) -> Vec<Vec<u8>> {
    if bytes.first() == Some(&0x30) {
        return vec![bytes.to_vec()];
    }
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut left: &str = &text;
    while let Some(start) = left.find("-----BEGIN ") {
        let block = &left[start..];
        let label = block["-----BEGIN ".len()..].split("-----").next().unwrap_or_default();
        let end = format!("-----END {label}-----");
        let Some(length) = block.find(&end) else { break };
        let whole = &block[..length + end.len()];
        if matches!(label, "CERTIFICATE" | "X509 CERTIFICATE") {
            found.extend(decoded(whole, label));
        }
        left = &block[length + end.len()..];
    }
    found
}

/// The bytes of a block of PEM, whatever its lines are.
fn decoded(block: &str, label: &str) -> Option<Vec<u8>> {
    let begins = format!("-----BEGIN {label}-----");
    let text: String = block.lines().map(str::trim).filter(|line| !line.contains(':')).collect();
    let content = text.strip_prefix(&begins)?.split("-----").next()?;
    let mut lines = String::new();
    for (number, c) in content.chars().enumerate() {
        if number > 0 && number % 64 == 0 {
            lines.push('\n');
        }
        lines.push(c);
    }
    let clean = format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n");
    der::pem::decode_vec(clean.as_bytes()).ok().map(|(_, bytes)| bytes)
}

/// What the bytes of a certificate say.
pub(crate) fn read(bytes: &[u8]) -> Result<Certificate, der::Error> {
    let certificate = CertificateInner::<Raw>::from_der(bytes)?;
    let told = certificate.tbs_certificate();
    let validity = told.validity();
    let seconds =
        |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let not_after = seconds(validity.not_after);
    let now = time_of(SystemTime::now()).seconds;
    let names = told.get_extension::<SubjectAltName>().ok().flatten();
    let constraints = told.get_extension::<BasicConstraints>().ok().flatten();
    Ok(Certificate {
        subject: told.subject().to_string(),
        issuer: told.issuer().to_string(),
        names: names.map_or_else(Vec::new, |(_, names)| names.0.iter().filter_map(name).collect()),
        not_before: time(seconds(validity.not_before)),
        not_after: time(not_after),
        days_left: (not_after - now).div_euclid(DAY),
        serial: hexadecimal(told.serial_number().as_bytes()),
        sha256: hexadecimal(&Sha256::digest(bytes)),
        key: key(told.subject_public_key_info()),
        is_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
        self_issued: told.subject() == told.issuer(),
    })
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::Rfc822Name(name) => Some(name.to_string()),
        GeneralName::UniformResourceIdentifier(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
            four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string())).ok()
        }
        _ => None,
    }
}

fn key(info: &SubjectPublicKeyInfoOwned) -> String {
    let algorithm = info.algorithm.oid;
    let named = |known: &[(Oid, &str)], oid: Oid| {
        known.iter().find(|(known, _)| *known == oid).map(|(_, name)| (*name).to_owned())
    };
    if algorithm == RSA {
        return format!("RSA {}", rsa_bits(info).unwrap_or_default());
    }
    if algorithm == EC {
        let curve = info.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<Oid>().ok());
        return curve.map_or_else(
            || "EC".to_owned(),
            |curve| named(&CURVES, curve).unwrap_or_else(|| format!("EC {curve}")),
        );
    }
    named(&KEYS, algorithm).unwrap_or_else(|| algorithm.to_string())
}

/// How many bits the modulus of a key has: the first number of two.
fn rsa_bits(info: &SubjectPublicKeyInfoOwned) -> Option<usize> {
    let bytes = info.subject_public_key.as_bytes()?;
    let numbers = Vec::<der::asn1::Uint>::from_der(bytes).ok()?;
    let modulus = numbers.first()?.as_bytes();
    let first = modulus.first()?;
    Some(modulus.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_none_and_no_panic() {
        for text in [
            "",
            "text",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nnonsense!\n-----END CERTIFICATE-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "-----BEGIN -----END -----",
        ] {
            let found = all(text.as_bytes());
            assert!(found.iter().all(|bytes| read(bytes).is_err()), "{text}");
        }
        for bytes in [&[0x30][..], &[0x30, 0x82, 0xff, 0xff], &[0x30, 0x80, 0, 0]] {
            assert!(read(bytes).is_err());
        }
        let with_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n\
                        -----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert_eq!(all(with_key.as_bytes()), [vec![0x30, 0]]);
        assert!(std::panic::catch_unwind(|| read(&[0x30, 0])).is_ok());
    }
}
