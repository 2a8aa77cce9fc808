//! How much memory messages hold, and what they are made of.

use crate::memory::Held;
use crate::message::call::{LogLine, Progress};
use crate::message::link::JobUpdate;
use crate::message::module::{Module, ModuleState, ModuleVersion};
use crate::message::operator::Update;
use crate::message::outcome::{Failure, ModuleRef, Outcome, Report};

impl Held for ModuleState {
    fn elsewhere(&self) -> usize {
        if let ModuleState::Failed(reason) = self { reason.elsewhere() } else { 0 }
    }
}

impl Held for ModuleVersion {
    fn elsewhere(&self) -> usize {
        self.version.elsewhere() + self.state.elsewhere() + self.signer.elsewhere()
    }
}

impl Held for Module {
    fn elsewhere(&self) -> usize {
        let Module { name, version, digest: _, description, state, methods, imports, versions } = self;
        let texts = name.elsewhere() + version.elsewhere() + description.elsewhere() + state.elsewhere();
        texts + methods.elsewhere() + imports.elsewhere() + versions.elsewhere()
    }
}

impl Held for Progress {
    fn elsewhere(&self) -> usize {
        self.note.elsewhere()
    }
}

impl Held for LogLine {
    fn elsewhere(&self) -> usize {
        self.message.elsewhere() + self.fields.elsewhere()
    }
}

impl Held for Failure {
    fn elsewhere(&self) -> usize {
        let texts = self.message.elsewhere() + self.stderr.elsewhere() + self.backtrace.elsewhere();
        texts + self.value.elsewhere()
    }
}

impl Held for Outcome {
    fn elsewhere(&self) -> usize {
        match self {
            Outcome::Ok(value) => value.elsewhere(),
            Outcome::Failed(failure) => failure.elsewhere(),
        }
    }
}

impl Held for ModuleRef {
    fn elsewhere(&self) -> usize {
        self.version.elsewhere()
    }
}

impl Held for Report {
    fn elsewhere(&self) -> usize {
        self.outcome.elsewhere() + self.module.elsewhere() + self.would.elsewhere()
    }
}

impl Held for JobUpdate {
    fn elsewhere(&self) -> usize {
        match self {
            JobUpdate::Progress(progress) => progress.elsewhere(),
            JobUpdate::Log(line) => line.elsewhere(),
            JobUpdate::Chunk(text) => text.elsewhere(),
            JobUpdate::Finished { report, .. } => report.elsewhere(),
            JobUpdate::State { .. } | JobUpdate::Skipped(_) | JobUpdate::Unknown => 0,
        }
    }
}

impl Held for Update {
    fn elsewhere(&self) -> usize {
        self.minion.elsewhere() + self.update.elsewhere()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::digest::Digest;
    use crate::message::call::LogLevel;
    use crate::message::inventory::Inventory;
    use crate::message::outcome::{Cost, FailureKind};
    use crate::message::v1;
    use crate::name::MethodPath;
    use crate::value::Value;
    use crate::value::arbitrary::{typed_value, types};

    /// Decodes a copy of this, and compares what it says with what an allocator gave for it.
    fn is_what_it_says<T: Held + Serialize + DeserializeOwned>(original: &T) {
        let bytes = postcard::to_stdvec(original).expect("encodes");
        let mut decoded: Option<T> = None;
        let given = allocation_counter::measure(|| decoded = postcard::from_bytes(&bytes).ok());
        let decoded = decoded.expect("decodes");
        let (count, bytes) = (given.count_current as usize, given.bytes_current as usize);
        let said = decoded.elsewhere();
        // An allocator takes at most 31 bytes more for a buffer than was asked for.
        assert!((bytes..=bytes + 31 * count).contains(&said), "says {said}, has {bytes} in {count}");
        assert_eq!(decoded.held(), size_of::<T>() + said);
    }

    fn text(long: usize) -> Option<String> {
        Some("x".repeat(long))
    }

    fn method() -> v1::Method {
        v1::Method {
            interface: text(120),
            name: "m".repeat(70),
            params: vec![("p".repeat(50), v1::Type::String)],
            result: None,
            is_async: false,
            not_callable: text(230),
            docs: text(340),
        }
    }

    fn report(outcome: Outcome) -> Report {
        let module = Some(ModuleRef { version: text(100), digest: Digest::ZERO });
        let would = vec!["w".repeat(200), "v".repeat(90)];
        Report { outcome, module, cost: Cost::default(), would, ended_at: 1 }
    }

    fn failure(value: Option<Value>) -> Outcome {
        let [message, stderr, backtrace] = [300, 400, 500].map(text);
        let message = message.unwrap_or_default();
        Outcome::Failed(Failure { kind: FailureKind::Error, message, value, stderr, backtrace })
    }

    proptest! {
        #[test]
        fn values_hold_what_an_allocator_gave((_, value) in typed_value()) {
            is_what_it_says(&value);
            is_what_it_says(&report(Outcome::Ok(Some(value.clone()))));
            is_what_it_says(&report(failure(Some(value))));
        }

        #[test]
        fn modules_hold_what_an_allocator_gave(
            params in prop::collection::vec(types(), 0..3),
            result in prop::option::of(types()),
        ) {
            let named = |(place, ty)| (format!("parameter-of-some-length-{place}"), ty);
            let params = params.into_iter().enumerate().map(named).collect();
            let method = v1::Method { params, result, ..method() };
            is_what_it_says(&method.interned());
        }
    }

    #[test]
    fn everything_that_a_peer_says_holds_what_an_allocator_gave() {
        let version = ModuleVersion {
            digest: Digest::ZERO,
            version: text(130),
            state: ModuleState::Failed("f".repeat(150)),
            since: 1,
            signer: text(170),
        };
        let module = Module {
            name: "some-module".parse().expect("a name"),
            version: text(110),
            digest: Digest::ZERO,
            description: text(210),
            state: ModuleState::Failed("g".repeat(310)),
            methods: method().interned(),
            imports: vec!["i".repeat(80), "j".repeat(60)],
            versions: vec![version],
        };
        is_what_it_says(&Inventory { modules: vec![module], left_out: 0 });
        let line = LogLine {
            level: LogLevel::Info,
            message: "l".repeat(140),
            fields: vec![("n".repeat(40), "v".repeat(260))],
        };
        let progress = Progress { done: 1, total: 2, note: "n".repeat(90) };
        let report = Box::new(report(failure(None)));
        for update in [
            JobUpdate::Progress(progress),
            JobUpdate::Log(line),
            JobUpdate::Chunk("c".repeat(1000)),
            JobUpdate::Finished { minion_job: None, report },
            JobUpdate::Skipped(3),
            JobUpdate::Unknown,
        ] {
            let minion = "a-minion-with-a-name.example".parse().expect("a name");
            is_what_it_says(&Update { minion, update });
        }
        let method: MethodPath = "module.interface/some-method-with-a-long-name".parse().expect("a method");
        is_what_it_says(&method);
    }
}
