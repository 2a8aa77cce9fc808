//! Messages on a stream: a length of four bytes, big-endian, and that many bytes of postcard.
//!
//! A reader states how long a message may be and allocates only what has arrived.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::version::Version;

/// Why a message could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream ended between two messages.
    #[error("the other side closed the stream")]
    Closed,
    /// The stream broke, or ended inside a message.
    #[error("the stream broke: {0}")]
    Io(#[from] std::io::Error),
    /// The message is longer than its reader or writer allows.
    #[error("a message of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The bytes are not a message of this kind.
    #[error("the other side sent something that is not a message: {0}")]
    Malformed(#[from] postcard::Error),
}

/// Encodes a message with its length in front.
pub fn encode<T: Serialize>(message: &T, limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = postcard::to_extend(message, vec![0; 4])?;
    let length = bytes.len() - 4;
    match u32::try_from(length) {
        Ok(prefix) if length <= limit => bytes[..4].copy_from_slice(&prefix.to_be_bytes()),
        _ => return Err(FrameError::TooLong { length, limit }),
    }
    Ok(bytes)
}

/// Decodes one message from the bytes behind a length, all of which it must take up.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    let (message, rest) = postcard::take_from_bytes(bytes)?;
    if rest.is_empty() { Ok(message) } else { Err(postcard::Error::SerdeDeCustom.into()) }
}

/// Writes one message.
pub async fn write<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
    limit: usize,
) -> Result<(), FrameError> {
    stream.write_all(&encode(message, limit)?).await?;
    Ok(())
}

/// Writes one message in the form of a version.
pub async fn write_as<T: Serialize>(
    version: Version,
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
    limit: usize,
) -> Result<(), FrameError> {
    let bytes = version.speak(|| encode(message, limit))?;
    stream.write_all(&bytes).await?;
    Ok(())
}

/// Reads one message in the form of a version; otherwise like [`read`].
pub async fn read_as<T: DeserializeOwned>(
    version: Version,
    stream: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> Result<T, FrameError> {
    let bytes = read_bytes(stream, limit).await?;
    version.speak(|| decode(&bytes))
}

/// Reads one message of at most `limit` bytes.
///
/// Returns [`FrameError::Closed`] where the stream ends before the message begins. Not cancel safe.
pub async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> Result<T, FrameError> {
    decode(&read_bytes(stream, limit).await?)
}

/// Reads the bytes of one message.
async fn read_bytes(stream: &mut (impl AsyncRead + Unpin), limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut prefix = [0; 4];
    let first = stream.read(&mut prefix).await?;
    if first == 0 {
        return Err(FrameError::Closed);
    }
    stream.read_exact(&mut prefix[first..]).await?;
    let length = u32::from_be_bytes(prefix) as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    // Grows with what arrives: an announced length alone costs nothing.
    let mut bytes = Vec::with_capacity(length.min(16 << 10));
    let read = stream.take(length as u64).read_to_end(&mut bytes).await?;
    if read < length {
        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::link::{JobUpdate, MinionRequest, Notice};
    use crate::value::Value;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Signed),
            any::<u64>().prop_map(Value::Unsigned),
            any::<char>().prop_map(Value::Char),
            ".*".prop_map(Value::String),
            prop::collection::vec(any::<u8>(), 0..64).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::vec(("[a-z]{1,8}", inner.clone()), 0..6).prop_map(Value::Record),
                prop::option::of(inner.clone()).prop_map(|value| Value::Option(value.map(Box::new))),
                inner.prop_map(|value| Value::Result(Err(Some(Box::new(value))))),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_comes_back_as_it_went(value in values()) {
            let bytes = encode(&value, 1 << 20).expect("fits");
            let back: Value = block_on(read(&mut bytes.as_slice(), 1 << 20)).expect("reads");
            prop_assert_eq!(back, value);
        }

        #[test]
        fn garbage_is_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<Value>(&bytes);
            let _ = decode::<MinionRequest>(&bytes);
            let _ = decode::<JobUpdate>(&bytes);
            let _ = decode::<Notice>(&bytes);
            let _ = block_on(read::<Notice>(&mut bytes.as_slice(), 256));
        }

        #[test]
        fn a_message_that_is_cut_short_is_an_error(value in values(), cut in 1..64usize) {
            let bytes = encode(&value, 1 << 20).expect("fits");
            let short = &bytes[..bytes.len().saturating_sub(cut)];
            prop_assert!(block_on(read::<Value>(&mut &short[..], 1 << 20)).is_err());
        }
    }

    #[test]
    fn the_limit_holds_on_both_sides() {
        let value = Value::Bytes(vec![7; 1000]);
        assert!(matches!(encode(&value, 999), Err(FrameError::TooLong { limit: 999, .. })));
        let bytes = encode(&value, 2000).expect("fits");
        let read = block_on(read::<Value>(&mut bytes.as_slice(), 999));
        assert!(matches!(read, Err(FrameError::TooLong { limit: 999, .. })));
    }

    #[test]
    fn four_announced_gibibytes_cost_nothing() {
        let mut bytes = u32::MAX.to_be_bytes().to_vec();
        bytes.extend([0; 10]);
        assert!(block_on(read::<Value>(&mut bytes.as_slice(), usize::MAX)).is_err());
    }

    #[test]
    fn the_end_of_a_stream_is_told_from_a_broken_message() {
        assert!(matches!(block_on(read::<Value>(&mut &[][..], 10)), Err(FrameError::Closed)));
        assert!(matches!(block_on(read::<Value>(&mut &[0, 0][..], 10)), Err(FrameError::Io(_))));
    }
}
