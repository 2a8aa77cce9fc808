//! What a component is and needs, by what it says of itself: nothing here compiles or runs anything of it.

pub(super) mod advice;
pub(super) mod check;
pub(super) mod describe;
pub(super) mod docs;
pub(super) mod imports;
pub(super) mod inspect;
pub(super) mod javascript;
pub(super) mod remedy;
pub(super) mod surface;
pub(super) mod tool_exports;
pub(super) mod types;
