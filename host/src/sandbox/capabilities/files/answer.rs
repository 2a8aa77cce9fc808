//! What a guest is answered, in the words of either version of WASI.

use std::error::Error;
use std::io;

use wasmtime_wasi::TrappableError;
use wasmtime_wasi::p2::bindings::filesystem::types as wasi_0_2;
use wasmtime_wasi::p3::bindings::filesystem::types as wasi_0_3;

use super::look::Look;
use super::refusal::Refusal;
use crate::sandbox::run::guest::Guest;

/// What a guest is answered. The outer error ends the guest.
pub(super) type Answer<T, C> = wasmtime::Result<Result<T, C>>;

/// An error code of one version of WASI.
pub(super) trait Code: From<Refusal> + From<io::Error> + Error + Send + Sync + 'static {
    /// Whether WASI itself says so where a grant is lacking.
    fn is_refusal(&self) -> bool;
}

/// Says refusals in these codes, which name them alike.
macro_rules! code {
    ($($code:ty),+) => {
        $(
            impl From<Refusal> for $code {
                fn from(refusal: Refusal) -> Self {
                    match refusal {
                        Refusal::NotPermitted => Self::NotPermitted,
                        Refusal::ReadOnly => Self::ReadOnly,
                        Refusal::NoDescriptor | Refusal::NoMemory => Self::InsufficientMemory,
                        Refusal::Busy => Self::Busy,
                    }
                }
            }

            impl Code for $code {
                fn is_refusal(&self) -> bool {
                    matches!(self, Self::NotPermitted | Self::ReadOnly)
                }
            }
        )+
    };
}

code!(wasi_0_2::ErrorCode, wasi_0_3::ErrorCode);

/// What WASI itself answers.
pub(super) fn told<T, C: Code>(result: Result<T, TrappableError<C>>) -> Answer<T, C> {
    result.map(Ok).or_else(|error| error.downcast().map(Err))
}

impl Guest {
    /// What WASI itself answers of what the guest asked for in these words. A refusal for lack of a grant goes to the audit
    /// log.
    pub(super) fn answer<T, C: Code>(
        &self,
        result: Result<T, TrappableError<C>>,
        look: Look,
        words: &str,
    ) -> Answer<T, C> {
        let answer = told(result)?;
        if answer.as_ref().is_err_and(C::is_refusal) {
            self.refused(look, words);
        }
        Ok(answer)
    }
}
