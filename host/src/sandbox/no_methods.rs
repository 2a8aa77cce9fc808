//! What a component is that has no methods, and what its author can do about it.

use super::surface::Surface;

/// What is said of a component whose exports hold no function that could be a method.
pub(super) fn what_it_is(surface: &Surface) -> &'static str {
    let exports = |interface: &str| {
        let versioned = format!("{interface}@");
        surface.exports().iter().any(|export| export == interface || export.starts_with(&versioned))
    };
    if exports("wasi:cli/run") {
        "is a command, which is a program of its own, and has no methods"
    } else if exports("wasi:http/incoming-handler") || exports("wasi:http/handler") {
        "is an HTTP proxy, which serves requests, and has no methods"
    } else if surface.exports().is_empty() {
        "exports nothing, and so has no methods"
    } else {
        "exports no function of its own, and so has no methods"
    }
}
