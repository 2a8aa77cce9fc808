//! What can be fuzzed.

use std::time::Duration;

use fastrand::Rng;

use crate::{arguments, frames, load};

/// A reader of what strangers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// Loading a module: any bytes are a module or a refusal of one line.
    Load,
    /// Binding arguments: any words, JSON or values for any signature are values of it or a short error.
    Arguments,
    /// Decoding messages: any bytes are a message that comes back as it went, or an error.
    Frames,
}

impl Target {
    /// Its name on the command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Target::Load => "load",
            Target::Arguments => "arguments",
            Target::Frames => "frames",
        }
    }

    /// What reads an input, says whether it was good, and panics where it finds something.
    pub fn entry(self) -> fn(&[u8]) -> bool {
        match self {
            Target::Load => load::load,
            Target::Arguments => arguments::arguments,
            Target::Frames => frames::frames,
        }
    }

    /// Good inputs to damage.
    pub(crate) fn corpus(self, rng: &mut Rng) -> anyhow::Result<Vec<Vec<u8>>> {
        match self {
            Target::Load => load::corpus(),
            Target::Arguments => arguments::corpus(rng),
            Target::Frames => frames::corpus(rng),
        }
    }

    /// How long one input may take before it counts as a hang: far longer than any takes on a busy machine.
    pub(crate) fn patience(self) -> Duration {
        match self {
            Target::Load => Duration::from_secs(60),
            Target::Arguments | Target::Frames => Duration::from_secs(10),
        }
    }
}
