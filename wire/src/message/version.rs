//! The versions of what the sides say to each other, and which of them a message is in.
//!
//! A connection speaks the newest version that both of its ends know, which they agree on by ALPN when it begins.
//! Between two versions only a few types differ, and those know both of their forms. Which form is meant is said
//! once, where a whole message is encoded or decoded, and not to every type inside it that has two.

use std::cell::Cell;

use quinn::Connection;

use crate::transport::alpn::alpn;

/// A version of the messages on minions' and operators' connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `minion/1`, `operator/1`: a signature is a tree of types.
    One,
    /// `minion/2`, `operator/2`: a signature refers to a table of types.
    Two,
    /// `minion/3`, `operator/3`: fields that are marked with `since_three` are said.
    Three,
    /// `minion/4`, `operator/4`: fields that are marked with `since_four` are said too.
    Four,
    /// `minion/5`, `operator/5`: fields that are marked with `since_five` are said too, and identities are asked for,
    /// renewed and taken back.
    Five,
    /// `minion/6`, `operator/6`: fields that are marked with `since_six` are said too: what operators have signed.
    Six,
    /// `minion/7`, `operator/7`: fields that are marked with `since_seven` are said too, and the document of a job that was
    /// followed leaves out the reports that were told before it.
    #[default]
    Seven,
}

impl Version {
    /// The version that the two ends of a connection agreed on.
    pub fn of(connection: &Connection) -> Self {
        match alpn(connection).as_deref() {
            Some(alpn) if alpn.ends_with(b"/1") => Version::One,
            Some(alpn) if alpn.ends_with(b"/2") => Version::Two,
            Some(alpn) if alpn.ends_with(b"/3") => Version::Three,
            Some(alpn) if alpn.ends_with(b"/4") => Version::Four,
            Some(alpn) if alpn.ends_with(b"/5") => Version::Five,
            Some(alpn) if alpn.ends_with(b"/6") => Version::Six,
            _ => Version::Seven,
        }
    }

    /// Runs `code`, which encodes or decodes messages of this version.
    pub(crate) fn speak<T>(self, code: impl FnOnce() -> T) -> T {
        let _former = Former(SPOKEN.with(|spoken| spoken.replace(self)));
        code()
    }

    /// The version of the message that is being encoded or decoded on this thread; the newest outside of
    /// [`Version::speak`].
    pub(crate) fn spoken() -> Self {
        SPOKEN.with(Cell::get)
    }
}

/// The version that was spoken before, which is spoken again once this is dropped, also where a decoder panics.
struct Former(Version);

impl Drop for Former {
    fn drop(&mut self) {
        SPOKEN.with(|spoken| spoken.set(self.0));
    }
}

thread_local! {
    static SPOKEN: Cell<Version> = const { Cell::new(Version::Seven) };
}

/// Declares what goes with the fields that a version brought, as `#[serde(with = "crate::message::version::…")]`.
/// A message of an older version has nothing in their place, and its reader gets their defaults.
macro_rules! since {
    ($name:ident, $first:ident) => {
        pub(crate) mod $name {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            use super::Version;

            pub(crate) fn serialize<T: Serialize, S: Serializer>(
                field: &T,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                if Version::spoken() < Version::$first {
                    serializer.serialize_unit()
                } else {
                    field.serialize(serializer)
                }
            }

            pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
            where
                T: Deserialize<'de> + Default,
                D: Deserializer<'de>,
            {
                if Version::spoken() < Version::$first {
                    <()>::deserialize(deserializer).map(|()| T::default())
                } else {
                    T::deserialize(deserializer)
                }
            }
        }
    };
}

since!(since_three, Three);
since!(since_four, Four);
since!(since_five, Five);
since!(since_six, Six);
since!(since_seven, Seven);
