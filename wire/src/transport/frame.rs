//! Messages on a stream: a length of four bytes, big-endian, and that many bytes of postcard.
//!
//! A reader states how long a message may be and allocates only what has arrived. Each kind of message has limits
//! of its own besides, on the wire and in memory, and caps for its fields: see [`Message`].
//!
//! Readers of the messages themselves use [`read_as`], which knows the version that the connection speaks, or
//! [`read_into`] where a message may be large and many peers send at once. [`encode`] and [`decode`] are for what
//! is kept elsewhere than on a stream.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::message::budget::{Budget, Charged};
use crate::message::caps::Unfit;
use crate::message::version::Version;
use crate::message::{Limit, Message, VALUES};
use crate::transport::intake::{Intake, Room, time_for};
use machine::thread::heavy_if_large;

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
        /// The length that was announced or encoded, in bytes.
        length: usize,
        /// The largest length that is taken, in bytes.
        limit: usize,
    },
    /// The bytes are not a message of this kind.
    #[error("the other side sent something that is not a message: {0}")]
    Malformed(#[from] postcard::Error),
    /// The message would take more memory than it may, whatever its length.
    #[error("a message of {length} bytes takes more than {memory} bytes of memory")]
    TooLarge {
        /// The length of the message, in bytes.
        length: usize,
        /// The most memory that it may take, in bytes.
        memory: usize,
    },
    /// A field of the message has more, or something else, than it can have.
    #[error("the other side sent a message that cannot be: {0}")]
    Unfit(#[from] Unfit),
}

/// Encodes a message in the newest version, with its length in front.
///
/// # Errors
/// [`FrameError::TooLong`] where the message has more than `limit` bytes, and [`FrameError::Malformed`] where it
/// holds what cannot be encoded.
pub fn encode<T: Serialize>(message: &T, limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = postcard::to_extend(message, vec![0; 4])?;
    let length = bytes.len() - 4;
    match u32::try_from(length) {
        Ok(prefix) if length <= limit => bytes[..4].copy_from_slice(&prefix.to_be_bytes()),
        _ => return Err(FrameError::TooLong { length, limit }),
    }
    Ok(bytes)
}

/// Decodes one message in the newest version from the bytes behind a length, all of which it must take up. The
/// message may take as much memory as arguments or a result.
///
/// # Errors
/// [`FrameError::TooLarge`] where the message takes more memory than that, and [`FrameError::Malformed`] where the
/// bytes are something else, or more than a message.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    decode_within(bytes, VALUES.memory)
}

/// Decodes like [`decode`], with this much memory.
fn decode_within<T: DeserializeOwned>(bytes: &[u8], memory: usize) -> Result<T, FrameError> {
    let budget = Budget::of(memory);
    let mut postcard = postcard::Deserializer::from_bytes(bytes);
    let decoded = T::deserialize(Charged::new(&mut postcard, &budget));
    if budget.is_exceeded() {
        return Err(FrameError::TooLarge { length: bytes.len(), memory });
    }
    let message = decoded?;
    if postcard.finalize()?.is_empty() { Ok(message) } else { Err(postcard::Error::SerdeDeCustom.into()) }
}

/// Writes one message in the newest version. Where it fails, part of the message may have been written.
///
/// # Errors
/// As [`encode`], and [`FrameError::Io`] where the stream breaks.
pub async fn write<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
    limit: usize,
) -> Result<(), FrameError> {
    stream.write_all(&encode(message, limit)?).await?;
    Ok(())
}

/// Encodes a message in the form of a version, with its length in front.
///
/// # Errors
/// As [`encode`].
pub fn encode_as<T: Serialize>(version: Version, message: &T, limit: usize) -> Result<Vec<u8>, FrameError> {
    version.speak(|| encode(message, limit))
}

/// Writes one message in the form of a version. Where it fails, part of the message may have been written.
///
/// # Errors
/// As [`write()`].
pub async fn write_as<T: Serialize>(
    version: Version,
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
    limit: usize,
) -> Result<(), FrameError> {
    stream.write_all(&encode_as(version, message, limit)?).await?;
    Ok(())
}

/// Reads one message in the newest version, of at most `limit` bytes and of at most as many as its kind may have.
/// Not cancel safe: where it is dropped, the stream stands inside a message.
///
/// # Errors
/// [`FrameError::Closed`] where the stream ends before the message begins, [`FrameError::Io`] where it breaks or
/// ends inside the message, [`FrameError::TooLong`] and [`FrameError::TooLarge`] where the message is over a
/// limit, and [`FrameError::Malformed`] or [`FrameError::Unfit`] where it is not one of this kind.
pub async fn read<T: Message>(stream: &mut (impl AsyncRead + Unpin), limit: usize) -> Result<T, FrameError> {
    read_as(Version::default(), stream, limit).await
}

/// Reads one message in the form of a version; otherwise like [`read`].
///
/// # Errors
/// As [`read`].
pub async fn read_as<T: Message>(
    version: Version,
    stream: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> Result<T, FrameError> {
    let head = head::<T>(stream, limit).await?;
    let bytes = head.rest(stream).await?;
    heavy_if_large(bytes.len(), || version.speak(|| fitting(&bytes, head.limit)))
}

/// Reads one message as [`read_as`] does, once there is room for it. The room is taken until the [`Room`] is
/// dropped, which should live as long as the message.
///
/// From when there is room, a large message has half a minute to arrive, and a second more for every 64 KiB.
///
/// # Errors
/// As [`read`], and [`FrameError::Io`] where the message takes longer than that.
pub async fn read_into<T: Message>(
    version: Version,
    stream: &mut (impl AsyncRead + Unpin),
    limit: usize,
    intake: &Intake,
) -> Result<(T, Room), FrameError> {
    let head = head::<T>(stream, limit).await?;
    let _arriving = intake.arrive(head.length).await;
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let bytes = tokio::time::timeout(time_for(head.length), head.rest(stream)).await.map_err(late)??;
    let room = intake.decode(head.length, head.limit).await;
    let message = heavy_if_large(bytes.len(), || version.speak(|| fitting(&bytes, head.limit)))?;
    Ok((message, room))
}

/// The beginning of a message: its length, and its first byte, which says what kind it is.
struct Head {
    length: usize,
    first: Option<u8>,
    limit: Limit,
}

async fn head<T: Message>(stream: &mut (impl AsyncRead + Unpin), limit: usize) -> Result<Head, FrameError> {
    let mut prefix = [0; 4];
    let read = stream.read(&mut prefix).await?;
    if read == 0 {
        return Err(FrameError::Closed);
    }
    stream.read_exact(&mut prefix[read..]).await?;
    let length = u32::from_be_bytes(prefix) as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    let first = if length == 0 { None } else { Some(stream.read_u8().await?) };
    let kind = T::limit(first.unwrap_or(0));
    if length > kind.bytes {
        return Err(FrameError::TooLong { length, limit: kind.bytes });
    }
    Ok(Head { length, first, limit: kind })
}

impl Head {
    /// Reads the other bytes of the message, and returns all of them.
    async fn rest(&self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, FrameError> {
        let mut bytes = Vec::with_capacity(self.length.min(16 << 10));
        bytes.extend(self.first);
        let mut stream = stream.take((self.length - bytes.len()) as u64);
        while bytes.len() < self.length {
            if bytes.len() == bytes.capacity() {
                // The buffer grows with what arrives, and never beyond the message: an announced length alone costs nothing.
                bytes.reserve_exact(bytes.len().min(self.length - bytes.len()));
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
        Ok(bytes)
    }
}

fn fitting<T: Message>(bytes: &[u8], limit: Limit) -> Result<T, FrameError> {
    let mut message: T = decode_within(bytes, limit.memory)?;
    message.fit()?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::link::{JobUpdate, MinionRequest, Notice};
    use crate::value::Value;

    impl Message for Value {
        fn limit(_: u8) -> Limit {
            VALUES
        }
    }

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
    fn each_kind_of_message_has_a_limit_of_its_own_whatever_its_reader_allows() {
        let of = |length: usize, first: u8| {
            let mut bytes = (length as u32).to_be_bytes().to_vec();
            bytes.push(first);
            bytes.resize(length + 4, 0);
            bytes
        };
        let all = usize::MAX;
        let long = block_on(read::<crate::message::link::Pong>(&mut of(65, 0).as_slice(), all));
        assert!(matches!(long, Err(FrameError::TooLong { length: 65, limit: 64 })));
        let skipped = block_on(read::<JobUpdate>(&mut of(1 << 20, 4).as_slice(), all));
        assert!(matches!(skipped, Err(FrameError::TooLong { .. })));
        let notice = block_on(read::<Notice>(&mut of(16 << 20, 0).as_slice(), all));
        assert!(matches!(notice, Err(FrameError::TooLong { .. })));
    }

    #[test]
    fn a_message_that_is_small_on_the_wire_and_large_in_memory_is_refused() {
        let value = Value::List(vec![Value::List(Vec::new()); 3_000_000]);
        let bytes = encode(&value, 16 << 20).expect("fits");
        let read = block_on(read::<Value>(&mut bytes.as_slice(), 16 << 20));
        assert!(matches!(read, Err(FrameError::TooLarge { .. })), "{:?}", read.map(|_| ()));
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

    #[test]
    fn exactly_what_may_be_said_is_written_and_read() {
        let value = Value::Bytes(vec![7; 1000]);
        let length = encode(&value, usize::MAX).expect("fits").len() - 4;
        let bytes = encode(&value, length).expect("just fits");
        assert_eq!(bytes[..4], (length as u32).to_be_bytes());
        assert_eq!(block_on(read::<Value>(&mut bytes.as_slice(), length)).expect("just fits"), value);
        let long = encode(&value, length - 1).expect_err("too long").to_string();
        assert_eq!(long, format!("a message of {length} bytes is over the limit of {}", length - 1));
        // A word of the protocol may have 64 bytes, whatever the reader allows.
        let padded = |length: u32| [length.to_be_bytes().to_vec(), vec![0; length as usize]].concat();
        let word = block_on(read::<crate::message::link::Pong>(&mut padded(64).as_slice(), 1 << 10));
        assert!(
            matches!(word, Err(FrameError::Malformed(_))),
            "it is read, and found to be too much: {word:?}"
        );
        assert!(matches!(block_on(read::<Value>(&mut &[0; 4][..], 10)), Err(FrameError::Malformed(_))));
    }

    #[test]
    fn what_was_written_is_read_in_the_version_that_it_was_written_in() {
        let target = crate::message::target::Target {
            lenience: crate::message::target::Lenience { ignore_missing: true, assume_unknown: None },
            ..crate::message::target::Target::of("web*")
        };
        let request = crate::message::operator::OperatorRequest::Ping(target);
        let mut newest = Vec::new();
        block_on(write(&mut newest, &request, 1 << 10)).expect("written");
        assert_eq!(newest, encode(&request, 1 << 10).expect("fits"));
        let mut older = Vec::new();
        block_on(write_as(Version::Two, &mut older, &request, 1 << 10)).expect("written");
        assert_eq!(older, encode_as(Version::Two, &request, 1 << 10).expect("fits"));
        assert!(older.len() < newest.len());
        let read_back = block_on(read(&mut newest.as_slice(), 1 << 10)).expect("reads");
        assert_eq!(request, read_back);
        let read_back: crate::message::operator::OperatorRequest =
            block_on(read_as(Version::Two, &mut older.as_slice(), 1 << 10)).expect("reads");
        assert_ne!(request, read_back, "what version 2 cannot say is its default");
    }

    #[test]
    fn a_message_that_ends_early_broke_the_stream() {
        let bytes = encode(&Value::Bytes(vec![7; 100]), 1 << 10).expect("fits");
        for end in [4, 5, 50, bytes.len() - 1] {
            let broken = block_on(read::<Value>(&mut &bytes[..end], 1 << 10));
            assert!(matches!(broken, Err(FrameError::Io(_))), "after {end} bytes: {broken:?}");
        }
        // What follows is the next message, and is left to its reader.
        let twice = [bytes.clone(), bytes].concat();
        let mut stream = twice.as_slice();
        for _ in 0..2 {
            block_on(read::<Value>(&mut stream, 1 << 10)).expect("reads");
        }
        assert!(matches!(block_on(read::<Value>(&mut stream, 1 << 10)), Err(FrameError::Closed)));
    }

    #[test]
    fn a_large_message_takes_room_for_as_long_as_it_is_held() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let intake = Intake::default();
        let value = Value::String("x".repeat(15 << 20));
        let bytes = encode(&value, 16 << 20).expect("fits");
        let take =
            || runtime.block_on(read_into::<Value>(Version::Four, &mut bytes.as_slice(), 16 << 20, &intake));
        let (read, room) = take().expect("reads");
        assert_eq!(read, value);
        let again = async {
            let waits = std::pin::pin!(intake.decode(15 << 20, Value::limit(0)));
            tokio::select! { biased; _ = waits => true, () = std::future::ready(()) => false }
        };
        assert!(!runtime.block_on(again), "the room is taken");
        drop(room);
        assert_eq!(take().expect("reads").0, value);
    }
}
