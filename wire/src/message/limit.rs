//! How large each kind of message may be, on the wire and in memory.
//!
//! Only a [`Message`] can be read from a stream, so that no door can forget its limits and its caps.

use serde::de::DeserializeOwned;

use crate::message::caps::Unfit;
use crate::message::enroll::{EnrollReply, EnrollRequest};
use crate::message::link::{
    Acknowledged, Cancelled, JobUpdate, MinionRequest, ModuleAnswer, Notice, Pong, Staging, Welcome,
};
use crate::message::newcomer::{Newcomer, NewcomerReply};
use crate::message::operator::{OperatorReply, OperatorRequest};
use crate::message::renewal::{MAX_SIGNING_REQUEST, Renewal};
use crate::signing::MAX_SIGNATURE;
use crate::signing::mandate::MAX_MANDATE;

/// Something that is read from a stream, with its limits and its caps.
pub trait Message: DeserializeOwned {
    /// What a message may take whose first byte is `kind`: for an enum that is the number of its variant.
    fn limit(kind: u8) -> Limit;

    /// Cuts texts for people that are too long, and checks everything else. Called on every message that was read.
    ///
    /// # Errors
    /// [`Unfit`], where a list has too many elements or a name is none.
    fn fit(&mut self) -> Result<(), Unfit> {
        Ok(())
    }
}

/// What a message may take: the reader refuses one that takes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The most bytes on the wire.
    pub bytes: usize,
    /// The most bytes of memory once it is decoded.
    pub memory: usize,
}

impl Limit {
    /// A limit of so many bytes on the wire, and so many of memory.
    pub const fn new(bytes: usize, memory: usize) -> Self {
        Self { bytes, memory }
    }
}

/// A word of the protocol that carries nothing.
const WORD: Limit = Limit::new(64, 1 << 10);
/// A few ids and numbers, and a text for people.
const ANSWER: Limit = Limit::new(64 << 10, 256 << 10);
/// What carries values: arguments or a result. Numbers take 16 times as much in memory as on the wire, so that a
/// list of two million of them fits.
pub(crate) const VALUES: Limit = Limit::new(16 << 20, 72 << 20);
/// What a minion tells of its modules, which the overlord keeps.
const MODULES: Limit = Limit::new(6 << 20, 16 << 20);
/// A line of a log, with its fields.
const LINE: Limit = Limit::new(2 << 20, 4 << 20);
/// A part of a result, as text.
const TEXT: Limit = Limit::new(16 << 20, 17 << 20);
/// Facts as text. Facts longer than [`MAX_FACTS`](crate::message::link::MAX_FACTS) are read and not taken.
const FACTS: Limit = Limit::new(256 << 10, 512 << 10);
/// What an operator asks: names, expressions, and no arguments.
const QUESTION: Limit = Limit::new(1 << 20, 4 << 20);
/// A document for an operator, with all the outcomes of a job.
const DOCUMENT: Limit = Limit::new(crate::message::operator::MAX_MESSAGE, 1 << 30);

impl Message for MinionRequest {
    fn limit(kind: u8) -> Limit {
        match kind {
            1 => VALUES,
            // The signature of the module, and what the operator has signed.
            5 => Limit::new(MAX_SIGNATURE + MAX_MANDATE + (8 << 10), 2 * (MAX_SIGNATURE + MAX_MANDATE)),
            _ => WORD,
        }
    }
}

impl Message for Pong {
    fn limit(_: u8) -> Limit {
        WORD
    }
}

impl Message for Cancelled {
    fn limit(_: u8) -> Limit {
        WORD
    }
}

impl Message for Acknowledged {
    fn limit(_: u8) -> Limit {
        WORD
    }
}

impl Message for Staging {
    fn limit(kind: u8) -> Limit {
        if kind == 2 { MODULES } else { ANSWER }
    }

    fn fit(&mut self) -> Result<(), Unfit> {
        self.fit_caps()
    }
}

impl Message for ModuleAnswer {
    fn limit(_: u8) -> Limit {
        ANSWER
    }

    fn fit(&mut self) -> Result<(), Unfit> {
        self.fit_caps()
    }
}

impl Message for JobUpdate {
    fn limit(kind: u8) -> Limit {
        match kind {
            1 => ANSWER,
            2 => LINE,
            3 => TEXT,
            5 => VALUES,
            _ => WORD,
        }
    }

    fn fit(&mut self) -> Result<(), Unfit> {
        self.cut();
        Ok(())
    }
}

impl Message for Notice {
    fn limit(kind: u8) -> Limit {
        match kind {
            2 => FACTS,
            3 | 5 => Limit::new(MAX_SIGNING_REQUEST + 64, 2 * MAX_SIGNING_REQUEST),
            4 => WORD,
            _ => MODULES,
        }
    }

    fn fit(&mut self) -> Result<(), Unfit> {
        self.fit_caps()
    }
}

impl Message for Welcome {
    fn limit(_: u8) -> Limit {
        Limit::new(256 << 10, 512 << 10)
    }

    fn fit(&mut self) -> Result<(), Unfit> {
        self.fit_caps()
    }
}

impl Message for Renewal {
    fn limit(_: u8) -> Limit {
        ANSWER
    }

    fn fit(&mut self) -> Result<(), Unfit> {
        self.fit_caps()
    }
}

impl Message for OperatorRequest {
    fn limit(kind: u8) -> Limit {
        if kind == 0 { VALUES } else { QUESTION }
    }
}

impl Message for OperatorReply {
    fn limit(_: u8) -> Limit {
        DOCUMENT
    }
}

impl Message for EnrollRequest {
    fn limit(_: u8) -> Limit {
        Limit::new(crate::message::enroll::MAX_MESSAGE, 2 * crate::message::enroll::MAX_MESSAGE)
    }
}

impl Message for EnrollReply {
    fn limit(_: u8) -> Limit {
        Limit::new(crate::message::enroll::MAX_MESSAGE, 2 * crate::message::enroll::MAX_MESSAGE)
    }
}

impl Message for Newcomer {
    fn limit(_: u8) -> Limit {
        Limit::new(crate::message::newcomer::MAX_MESSAGE, 2 * crate::message::newcomer::MAX_MESSAGE)
    }
}

impl Message for NewcomerReply {
    fn limit(_: u8) -> Limit {
        Limit::new(crate::message::newcomer::MAX_MESSAGE, 2 * crate::message::newcomer::MAX_MESSAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::call::{LogLevel, LogLine, Progress};
    use crate::message::inventory::Inventory;
    use crate::message::link::Hello;
    use crate::message::outcome::{Outcome, Report};

    fn kind(message: &impl serde::Serialize) -> u8 {
        postcard::to_stdvec(message).expect("encodes")[0]
    }

    #[test]
    fn limits_are_those_of_the_variants_that_are_meant() {
        let line = LogLine { level: LogLevel::Info, message: String::new(), fields: Vec::new() };
        assert_eq!(JobUpdate::limit(kind(&JobUpdate::Log(line))), LINE);
        let progress = Progress { done: 0, total: 0, note: String::new() };
        assert_eq!(JobUpdate::limit(kind(&JobUpdate::Progress(progress))), ANSWER);
        assert_eq!(JobUpdate::limit(kind(&JobUpdate::Chunk(String::new()))), TEXT);
        let report = Box::new(Report::without_run(Outcome::Ok(None), 0));
        assert_eq!(JobUpdate::limit(kind(&JobUpdate::Finished { minion_job: None, report })), VALUES);
        assert_eq!(JobUpdate::limit(kind(&JobUpdate::Skipped(1))), WORD);
        assert_eq!(JobUpdate::limit(kind(&JobUpdate::Unknown)), WORD);
        let hello = Hello {
            version: String::new(),
            modules: Inventory::default(),
            unacknowledged: Vec::new(),
            facts: String::new(),
            instance: None,
        };
        assert_eq!(Notice::limit(kind(&Notice::Hello(hello))), MODULES);
        assert_eq!(Notice::limit(kind(&Notice::Facts(String::new()))), FACTS);
        assert!(Notice::limit(kind(&Notice::Renew(Vec::new()))).bytes < ANSWER.bytes);
        assert!(Notice::limit(kind(&Notice::Move(Vec::new()))).bytes < ANSWER.bytes);
        assert_eq!(Notice::limit(kind(&Notice::Proof)), WORD);
        assert_eq!(MinionRequest::limit(kind(&MinionRequest::Ping)), WORD);
        assert_eq!(Staging::limit(kind(&Staging::Refused(String::new()))), ANSWER);
        assert_eq!(Staging::limit(kind(&Staging::Send { from: 0 })), ANSWER);
        assert_eq!(OperatorRequest::limit(kind(&OperatorRequest::Minions)), QUESTION);
    }

    /// Peers of other versions hold on to the same limits: a smaller one would refuse what they may say.
    #[test]
    fn every_message_may_take_what_it_always_could() {
        const KIB: usize = 1 << 10;
        const MIB: usize = 1 << 20;
        let word = (64, KIB);
        let answer = (64 * KIB, 256 * KIB);
        let values = (16 * MIB, 72 * MIB);
        let modules = (6 * MIB, 16 * MIB);
        let newcomer = (32 * KIB, 64 * KIB);
        fn limits<T: Message>(most: u8) -> Vec<(usize, usize)> {
            (0..=most).map(T::limit).map(|limit| (limit.bytes, limit.memory)).collect()
        }
        let change = (328 * KIB, 640 * KIB);
        assert_eq!(limits::<MinionRequest>(6), [word, values, word, word, word, change, word]);
        assert_eq!(limits::<Pong>(0), [word]);
        assert_eq!(limits::<Cancelled>(0), [word]);
        assert_eq!(limits::<Acknowledged>(0), [word]);
        assert_eq!(limits::<Staging>(3), [answer, answer, modules, answer]);
        assert_eq!(limits::<ModuleAnswer>(1), [answer; 2]);
        let (line, text) = ((2 * MIB, 4 * MIB), (16 * MIB, 17 * MIB));
        assert_eq!(limits::<JobUpdate>(6), [word, answer, line, text, word, values, word]);
        assert_eq!(limits::<Notice>(2), [modules, modules, (256 * KIB, 512 * KIB)]);
        assert_eq!(limits::<Welcome>(0), [(256 * KIB, 512 * KIB)]);
        assert_eq!(limits::<OperatorRequest>(1), [values, (MIB, 4 * MIB)]);
        assert_eq!(limits::<OperatorReply>(0), [(256 * MIB, 1024 * MIB)]);
        assert_eq!(limits::<EnrollRequest>(0), [newcomer]);
        assert_eq!(limits::<EnrollReply>(0), [newcomer]);
        assert_eq!(crate::message::link::MAX_MESSAGE, 16 * MIB);
        assert_eq!(crate::message::link::MAX_FACTS, 64 * KIB);
        assert_eq!(crate::message::catalogue::MAX_FILE, 64 << 20);
        assert_eq!(crate::message::module::MAX_HELD, MIB);
        assert_eq!((MAX_SIGNATURE, MAX_MANDATE), (64 * KIB, 256 * KIB));
    }

    #[test]
    fn whatever_is_read_is_held_against_its_caps() {
        let long = || "r".repeat(1 << 20);
        let mut staging = Staging::Refused(long());
        staging.fit().expect("fits");
        assert!(matches!(staging, Staging::Refused(reason) if reason.len() <= 4_096));
        let mut answer = ModuleAnswer::Refused(long());
        answer.fit().expect("fits");
        assert!(matches!(answer, ModuleAnswer::Refused(reason) if reason.len() <= 4_096));
        let mut update = JobUpdate::Progress(Progress { done: 0, total: 0, note: long() });
        update.fit().expect("fits");
        assert!(matches!(update, JobUpdate::Progress(progress) if progress.note.len() <= 1_024));
        let hello = Hello {
            version: "1\n".to_owned(),
            modules: Inventory::default(),
            unacknowledged: Vec::new(),
            facts: String::new(),
            instance: None,
        };
        assert!(Notice::Hello(hello).fit().is_err());
        let name = "web1".parse().expect("a name");
        assert!(
            Welcome {
                name,
                version: "1\n".to_owned(),
                settled: Vec::new(),
                renew_in_ms: None,
                heartbeat_ms: None
            }
            .fit()
            .is_err()
        );
    }
}
