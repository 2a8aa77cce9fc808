//! How a newcomer becomes a minion: the token it is given, and the one exchange at the `enroll/1` door.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::MinionName;

/// The application protocol of a newcomer's connection.
pub const ALPN: &[u8] = b"enroll/1";

/// The largest message at this door, in bytes.
pub const MAX_MESSAGE: usize = 32 << 10;

/// What a newcomer sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollRequest {
    /// The secret of the newcomer's token.
    pub secret: [u8; 16],
    /// A certificate signing request, in DER. Only its public key is used.
    pub signing_request: Vec<u8>,
}

/// What an overlord answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnrollReply {
    /// The newcomer is a minion now.
    Enrolled {
        /// The name that the token was made for.
        name: MinionName,
        /// The newcomer's certificate, in DER.
        certificate: Vec<u8>,
        /// The certificate of the authority that signed it, in DER.
        authority: Vec<u8>,
    },
    /// The newcomer is refused, and told no more than that: the reason is in the overlord's log.
    Refused,
}

/// An invitation that can be used once: where the overlord is, how to know it, and the secret that it expects.
/// Prints as the line that `overlord minion invite` shows, and is read from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Where the overlord listens: `host:port`.
    pub address: String,
    /// The digest of the certificate of the overlord's authority.
    pub authority: Digest,
    /// What proves that the newcomer was invited.
    pub secret: [u8; 16],
}

/// The error for a text that is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token: copy the whole line that `overlord minion invite NAME` printed")]
pub struct BadToken;

/// The beginning of every token, which says what the text is to someone who finds it in a log or a shell's
/// history.
const PREFIX: &str = "overlord-token-";

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = postcard::to_stdvec(self).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))
    }
}

impl FromStr for Token {
    type Err = BadToken;

    fn from_str(text: &str) -> Result<Self, BadToken> {
        let code = text.trim().strip_prefix(PREFIX).ok_or(BadToken)?;
        let bytes = BASE64URL_NOPAD.decode(code.as_bytes()).map_err(|_| BadToken)?;
        postcard::from_bytes(&bytes).map_err(|_| BadToken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_survives_the_clipboard() {
        let token =
            Token { address: "[::1]:51234".into(), authority: Digest::of(b"authority"), secret: [9; 16] };
        assert_eq!(format!("  {token}\n").parse(), Ok(token));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".{0,80}") {
            let _ = format!("{PREFIX}{text}").parse::<Token>();
            let _ = text.parse::<Token>();
        }
    }
}
