//! What the minions of a trial set-up grant to their modules.

use serde_json::Value;

use super::DevError;

/// What `minion join` said of the grants that it wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The modules that are granted something, each with the levels.
    modules: Vec<(String, String)>,
    /// The modules that are granted nothing.
    left_out: Vec<String>,
}

impl Granted {
    /// Reads the document of `minion join --json`; what is not in it was not granted.
    pub(super) fn read(document: &[u8]) -> Self {
        let document: Value = serde_json::from_slice(document).unwrap_or_default();
        let list = |key: &str| document[key].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let levels = |grant: &Value| {
            let levels = grant["levels"].as_array().cloned().unwrap_or_default();
            levels.iter().map(text).collect::<Vec<_>>().join(",")
        };
        Self {
            modules: list("grants").iter().map(|grant| (text(&grant["module"]), levels(grant))).collect(),
            left_out: list("left_out").iter().map(|left| text(&left["module"])).collect(),
        }
    }

    /// Whether there is a module of this name.
    pub(super) fn knows(&self, module: &str) -> bool {
        self.has(module) || self.left_out.iter().any(|name| name == module)
    }

    /// Whether a module is granted something.
    pub(super) fn has(&self, module: &str) -> bool {
        self.modules.iter().any(|(name, _)| name == module)
    }

    /// What is wrong with minions that can use nothing, and what to do about it here, where no module is granted anything.
    pub(super) fn explained(&self, error: DevError) -> DevError {
        match error {
            DevError::NothingLoaded { name, reason } if self.modules.is_empty() => DevError::NothingLoaded {
                name,
                reason: format!("{reason}; or have this set-up grant what its modules suggest: --grant read"),
            },
            error => error,
        }
    }

    /// All of it in one line, for people.
    pub(super) fn line(&self) -> String {
        if self.modules.is_empty() {
            return "no module is granted anything of this host: --grant read grants what they suggest"
                .to_owned();
        }
        let granted = self.modules.iter().map(|(module, levels)| format!("{module}:{levels}"));
        let granted = granted.collect::<Vec<_>>().join(", ");
        match self.left_out.as_slice() {
            [] => format!("each minion grants {granted}"),
            left_out => format!("each minion grants {granted}; and nothing to {}", left_out.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_who_is_granted_what_and_who_is_not() {
        let document =
            br#"{"grants": [{"module": "system", "levels": ["read"]}, {"module": "users", "levels": ["read",
            "manage"]}], "left_out": [{"module": "test", "reason": "suggests nothing"}]}"#;
        let granted = Granted::read(document);
        assert_eq!(granted.line(), "each minion grants system:read, users:read,manage; and nothing to test");
        assert!(granted.knows("test") && !granted.has("test") && granted.has("system"));
        assert!(Granted::read(b"").line().contains("--grant read"));
    }
}
