//! What can be said of a module's file without running anything of it.

use wasmparser::{Encoding, Parser, Payload};
use wire::document::text::printable;

/// Why a file is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAModule {
    /// A core module, which only becomes a component by a tool.
    #[error("is a core module, not a component: make one of it with `minion pack`")]
    CoreModule,
    /// Something else altogether.
    #[error("is not WebAssembly")]
    NotWasm,
    /// WebAssembly that cannot be read.
    #[error("is not a WebAssembly component: {0}")]
    Invalid(String),
}

/// The version in the metadata of a component, in the same way as a minion reads it.
pub(super) fn version(bytes: &[u8]) -> Result<Option<String>, NotAModule> {
    if !bytes.starts_with(b"\0asm") {
        return Err(NotAModule::NotWasm);
    }
    let (mut version, mut depth) = (None, 0_usize);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| NotAModule::Invalid(error.to_string()))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(NotAModule::CoreModule);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            // What a compiler writes lands in a module inside, what a tool adds later outside: that counts.
            Payload::CustomSection(section)
                if section.name() == "version" && (depth == 0 || version.is_none()) =>
            {
                version = Some(one_line(section.data()));
            }
            _ => {}
        }
    }
    Ok(version)
}

fn one_line(data: &[u8]) -> String {
    let text = printable(&String::from_utf8_lossy(data));
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_VERSION).collect()
}

/// The longest version that is told, in characters.
const MAX_VERSION: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<String>, NotAModule> {
        version(&wat::parse_str(text).expect("parses"))
    }

    #[test]
    fn the_version_outside_counts_before_the_one_inside() {
        let inner = r#"(core module (@custom "version" "9"))"#;
        assert_eq!(parsed("(component)"), Ok(None));
        assert_eq!(parsed(&format!("(component {inner})")), Ok(Some("9".into())));
        let both = format!(r#"(component {inner} (@custom "version" "1.2.3\n"))"#);
        assert_eq!(parsed(&both), Ok(Some("1.2.3".into())));
    }

    #[test]
    fn what_is_no_component_is_refused_by_what_it_is() {
        assert_eq!(parsed("(module)"), Err(NotAModule::CoreModule));
        assert_eq!(version(b"#!/bin/sh"), Err(NotAModule::NotWasm));
        assert_eq!(version(b""), Err(NotAModule::NotWasm));
        assert!(matches!(version(b"\0asm\x0d\0"), Err(NotAModule::Invalid(_))));
    }
}
