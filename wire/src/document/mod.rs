//! What people and programs are shown of jobs, modules and results: the same in both programs.

pub(crate) mod job;
pub mod json_text;
pub(crate) mod module;
pub(crate) mod module_text;
pub(crate) mod page;
pub mod redaction;
pub(crate) mod report;
pub mod text;
