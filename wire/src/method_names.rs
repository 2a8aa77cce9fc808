//! What the methods of a module are called.

use std::collections::HashMap;

use crate::signature::{Method, Methods};

/// How many methods of a module have each of their names.
pub(crate) struct MethodNames(HashMap<String, usize>);

impl MethodNames {
    /// Takes each name of each method once.
    pub(crate) fn of(methods: &Methods) -> Self {
        let mut names: HashMap<String, usize> = HashMap::new();
        for method in methods.iter() {
            let [name, qualified, full] = method.names();
            let qualified = (qualified != name).then_some(qualified);
            for name in [Some(name), qualified, Some(full)].into_iter().flatten() {
                *names.entry(name).or_default() += 1;
            }
        }
        Self(names)
    }

    /// The shortest name of a method that is no other's.
    pub(crate) fn shortest(&self, method: &Method) -> String {
        let is_its_own = |name: &String| self.0.get(name) == Some(&1);
        method.names().into_iter().find(is_its_own).unwrap_or_else(|| method.full())
    }
}
