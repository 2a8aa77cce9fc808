//! Keys and certificates as PEM, the text in which they lie in files.

use pem::{EncodeConfig, LineEnding, Pem};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// The certificates in a text, each in DER; none where there is none, or one is spoiled.
pub fn certificates_of_pem(text: &[u8]) -> Vec<Vec<u8>> {
    certificates(text).unwrap_or_default().iter().map(|certificate| certificate.to_vec()).collect()
}

/// Certificates in DER, as PEM.
pub fn certificates_to_pem(certificates: &[Vec<u8>]) -> String {
    certificates.iter().map(|certificate| pem("CERTIFICATE", certificate)).collect()
}

/// The certificates in a text, of which there is at least one; `None` where there is none, or one is spoiled.
pub(super) fn certificates(text: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    certificates.ok().filter(|certificates| !certificates.is_empty())
}

/// The PKCS#8 document of a private key in PEM; `None` where the text is something else.
pub(crate) fn pkcs8_from_pem(text: &[u8]) -> Option<Vec<u8>> {
    Some(PrivatePkcs8KeyDer::from_pem_slice(text).ok()?.secret_pkcs8_der().to_vec())
}

/// Writes a document as PEM with this label.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    ::pem::encode_config(&Pem::new(label, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_has_lines_of_64_letters_and_is_read_back() {
        let der = vec![7; 100];
        let text = pem("PRIVATE KEY", &der);
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lines, [27, 64, 64, 8, 25]);
        assert_eq!(pkcs8_from_pem(text.as_bytes()), Some(der));
        assert_eq!(pkcs8_from_pem(b"-----BEGIN CERTIFICATE-----"), None);
    }
}
