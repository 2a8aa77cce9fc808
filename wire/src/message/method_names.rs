//! What the methods of a module are called: the shortest name of each that leads to it alone.

use std::collections::HashMap;

use crate::value::method::{Method, Methods};

/// How many methods of a module have each of their names.
pub(crate) struct MethodNames(HashMap<String, Bearers>);

/// How many methods bear one name. Where a function and a command do, the name is the function's: an author chose
/// it, while WASI gives the same name to every command.
#[derive(Default)]
struct Bearers {
    functions: usize,
    commands: usize,
}

impl MethodNames {
    /// Counts each name of each method once.
    pub(crate) fn of(methods: &Methods) -> Self {
        let mut names: HashMap<String, Bearers> = HashMap::new();
        for method in methods.iter() {
            let [name, qualified, full] = method.names();
            let qualified = (qualified != name).then_some(qualified);
            for name in [Some(name), qualified, Some(full)].into_iter().flatten() {
                let bearers = names.entry(name).or_default();
                if method.is_command() { bearers.commands += 1 } else { bearers.functions += 1 }
            }
        }
        Self(names)
    }

    /// The shortest name of a method that leads to it alone.
    pub(crate) fn shortest(&self, method: &Method) -> String {
        let is_its_own = |name: &String| match self.0.get(name) {
            Some(Bearers { functions: 0, commands: 1 }) => method.is_command(),
            Some(Bearers { functions: 1, .. }) => !method.is_command(),
            _ => false,
        };
        method.names().into_iter().find(is_its_own).unwrap_or_else(|| method.full())
    }
}
