//! Requests of web servers, and what is answered.

mod exchange;
mod url;

pub use exchange::{Answer, End, Method, Request, Stop};
pub use url::Url;
