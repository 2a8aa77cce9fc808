//! How much memory decoded things hold, for queues and records that are bounded by it.

use crate::message::budget::allocation;
use crate::message::call::{LogLine, Progress};
use crate::message::inventory::Inventory;
use crate::message::link::JobUpdate;
use crate::message::module::{Module, ModuleState, ModuleVersion};
use crate::message::operator::Update;
use crate::message::outcome::{Failure, ModuleRef, Outcome, Report};
use crate::name::{MethodPath, MinionName, ModuleName};
use crate::value::Value;
use crate::value::signature::{Definition, Method, Type, TypeId};

/// Something that owns memory besides its own size.
pub trait Held {
    /// The bytes that it owns elsewhere.
    fn elsewhere(&self) -> usize;

    /// All the bytes that it takes.
    fn held(&self) -> usize
    where
        Self: Sized,
    {
        size_of::<Self>() + self.elsewhere()
    }
}

impl Held for String {
    fn elsewhere(&self) -> usize {
        allocation(self.capacity())
    }
}

impl Held for Vec<u8> {
    fn elsewhere(&self) -> usize {
        allocation(self.capacity())
    }
}

impl<T: Held> Held for Vec<T> {
    fn elsewhere(&self) -> usize {
        allocation(self.capacity() * size_of::<T>()) + self.iter().map(T::elsewhere).sum::<usize>()
    }
}

impl<T: Held> Held for Option<T> {
    fn elsewhere(&self) -> usize {
        self.as_ref().map_or(0, T::elsewhere)
    }
}

impl<T: Held> Held for Box<T> {
    fn elsewhere(&self) -> usize {
        allocation(size_of::<T>()) + T::elsewhere(self)
    }
}

impl<A: Held, B: Held> Held for (A, B) {
    fn elsewhere(&self) -> usize {
        self.0.elsewhere() + self.1.elsewhere()
    }
}

impl Held for Value {
    fn elsewhere(&self) -> usize {
        match self {
            Value::Bool(_) | Value::Signed(_) | Value::Unsigned(_) | Value::F32(_) | Value::F64(_) => 0,
            Value::Char(_) => 0,
            Value::String(text) | Value::Enum(text) => text.elsewhere(),
            Value::Bytes(bytes) => bytes.elsewhere(),
            Value::List(values) | Value::Tuple(values) => values.elsewhere(),
            Value::Record(fields) => fields.elsewhere(),
            Value::Variant(case, payload) => case.elsewhere() + payload.elsewhere(),
            Value::Option(inner) | Value::Result(Ok(inner) | Err(inner)) => inner.elsewhere(),
            Value::Flags(names) => names.elsewhere(),
        }
    }
}

impl Held for TypeId {
    fn elsewhere(&self) -> usize {
        0
    }
}

impl Held for Type {
    fn elsewhere(&self) -> usize {
        match self {
            Type::Tuple(types) => types.elsewhere(),
            Type::Record(fields) => fields.elsewhere(),
            Type::Variant(cases) => cases.elsewhere(),
            Type::Enum(names) | Type::Flags(names) => names.elsewhere(),
            Type::Opaque(name) => name.elsewhere(),
            _ => 0,
        }
    }
}

impl Held for Definition {
    fn elsewhere(&self) -> usize {
        self.name.elsewhere() + self.ty.elsewhere()
    }
}

impl Held for Method {
    fn elsewhere(&self) -> usize {
        let Method { interface, name, params, result: _, is_async: _, not_callable, docs } = self;
        let texts = [interface, not_callable, docs].into_iter().map(Held::elsewhere).sum::<usize>();
        texts + name.elsewhere() + params.elsewhere()
    }
}

impl Held for Inventory {
    fn elsewhere(&self) -> usize {
        self.modules.elsewhere()
    }
}

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

/// Names own their text, which they never have to spare.
macro_rules! name {
    ($($name:ident)*) => {$(
        impl Held for $name {
            fn elsewhere(&self) -> usize {
                allocation(self.as_str().len())
            }
        }
    )*};
}

name! { MinionName ModuleName }

impl Held for MethodPath {
    fn elsewhere(&self) -> usize {
        self.module.elsewhere() + self.method.elsewhere()
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
