//! One method as it travels by itself, in the form of each version of the messages.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::message::v1;
use crate::message::version::Version;
use crate::value::method::{Methods, OneMethod};

/// Written in the form of the version that is spoken.
impl Serialize for OneMethod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Version::spoken() {
            Version::One => v1::tree(self.signature()).serialize(serializer),
            Version::Two | Version::Three | Version::Four | Version::Five | Version::Six | Version::Seven => {
                Methods::from(self.clone()).serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for OneMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let methods = match Version::spoken() {
            Version::One => v1::methods(vec![v1::Method::deserialize(deserializer)?]),
            Version::Two | Version::Three | Version::Four | Version::Five | Version::Six | Version::Seven => {
                Methods::deserialize(deserializer)?
            }
        };
        Self::try_from(methods).map_err(D::Error::custom)
    }
}
