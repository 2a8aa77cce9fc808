//! Where a guest was when it broke, with the names that its functions have in its source.

use std::fmt::Write as _;

use wasmtime::{FrameInfo, WasmBacktrace};

/// A backtrace as text, its innermost function first, cut to this many bytes.
pub(in crate::sandbox) fn text(trace: &WasmBacktrace, most: usize) -> String {
    let mut text = "error while executing at wasm backtrace:".to_owned();
    for (number, frame) in trace.frames().iter().enumerate() {
        if text.len() >= most {
            break;
        }
        let offset = frame.module_offset().map(|offset| format!("{offset:#8x} - ")).unwrap_or_default();
        let module = frame.module().name().unwrap_or("<unknown>");
        // Writing to a string never fails.
        let _ = write!(text, "\n  {number:>3}: {offset}{module}!{}", function(frame));
    }
    text.truncate(text.floor_char_boundary(most));
    text
}

fn function(frame: &FrameInfo) -> String {
    match frame.func_name() {
        Some(name) => demangled(name),
        None => format!("<wasm function {}>", frame.func_index()),
    }
}

/// A name as its source has it, where a compiler mangled it, and otherwise as it stands, since a demangler of C++
/// would take a function `s` for the type `short`.
fn demangled(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return rust.to_string();
    }
    let cpp = name.starts_with("_Z").then(|| cpp_demangle::Symbol::new(name).ok()).flatten();
    cpp.and_then(|symbol| symbol.demangle().ok()).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_manglings_of_rust_are_read() {
        assert!(demangled("_RNvCs1234_7mycrate3foo").ends_with("::foo"));
    }

    #[test]
    fn only_what_is_mangled_is_demangled() {
        for (name, shown) in [
            ("s", "s"),
            ("f", "f"),
            ("i", "i"),
            ("St", "St"),
            ("_ZN4core9panicking5panic17h0123456789abcdefE", "core::panicking::panic::h0123456789abcdef"),
            ("_Z3addii", "add(int, int)"),
            ("_Z", "_Z"),
            ("run", "run"),
        ] {
            assert_eq!(demangled(name), shown);
        }
    }
}
