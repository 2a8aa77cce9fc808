//! What a component is instead, where it has no methods.

use super::surface::Surface;

/// Says what a component is whose exports hold no function that could be a method; reads on from the component's
/// name.
pub(super) fn what_it_is(surface: &Surface) -> &'static str {
    let exports = |interface: &str| {
        let versioned = format!("{interface}@");
        surface.exports().iter().any(|export| export == interface || export.starts_with(&versioned))
    };
    if exports("wasi:cli/run") {
        "exports \"wasi:cli/run\" as a command does, without its function `run: func() -> result`"
    } else if exports("wasi:http/incoming-handler") || exports("wasi:http/handler") {
        "is an HTTP proxy, which serves requests"
    } else if surface.exports().is_empty() {
        "exports nothing"
    } else {
        "exports no function of its own"
    }
}
