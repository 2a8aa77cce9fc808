//! `minion:log`: lines that a module logs.

use wasmtime::component::{HasSelf, Linker};
use wire::call::{LogLevel, LogLine};

use self::bindings::minion::log::log::{self, Host, Level};
use crate::sandbox::guest::Guest;

/// The longest message of one line; what is longer is cut.
const MAX_MESSAGE: usize = 8 << 10;

mod bindings {
    #![allow(missing_docs, clippy::all)]
    wasmtime::component::bindgen!({ path: "../wit/log", interfaces: "import minion:log/log@0.1.0;" });
}

/// Makes the interface available.
pub(in crate::sandbox) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    log::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

impl Host for Guest {
    fn write(&mut self, level: Level, mut message: String, fields: Vec<(String, String)>) {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.job.log.write(LogLine { level, message, fields });
    }
}
