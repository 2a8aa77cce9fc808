//! A method, as the minions that are meant have it.

use std::collections::HashSet;

use wire::message::operator::{Refusal, RefusalKind};
use wire::name::{MethodPath, MinionName};
use wire::value::method::OneMethod;

use super::Registry;

impl Registry {
    /// The method as the targets have it: each distinct signature once. Refuses a method that no target has,
    /// as far as their modules are known.
    pub(crate) fn methods(
        &self,
        targets: &[MinionName],
        path: &MethodPath,
    ) -> Result<Vec<OneMethod>, Refusal> {
        let (mut methods, mut seen) = (Vec::new(), HashSet::new());
        let (mut missing, mut unknown) = (None, false);
        for minion in targets {
            let found = self.with_module(minion, path.module.as_str(), |module| {
                module.map(|module| {
                    let found = module.method(&path.method);
                    found.map(|method| method.alone()).map_err(|error| error.to_string())
                })
            });
            match found.flatten() {
                Some(Ok(method)) if seen.insert(method.clone()) => methods.push(method),
                Some(Ok(_)) => {}
                Some(Err(why)) => missing = Some(why),
                // One that has never said what it can run, or not all of it, may well have it.
                None if self.may_have_more(minion) => unknown = true,
                None => {}
            }
        }
        if methods.is_empty() && !unknown {
            return Err(self.no_such_method(targets, path, missing));
        }
        Ok(methods)
    }

    fn no_such_method(&self, targets: &[MinionName], path: &MethodPath, missing: Option<String>) -> Refusal {
        if let Some(why) = missing {
            return Refusal::new(RefusalKind::BadRequest, why);
        }
        let mut modules: Vec<String> =
            targets.iter().flat_map(|minion| self.module_names(minion)).map(String::from).collect();
        modules.sort();
        modules.dedup();
        let near = modules
            .iter()
            .map(|name| (strsim::jaro_winkler(name, path.module.as_str()), name))
            .filter(|(likeness, _)| *likeness > 0.6)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = match near {
            Some((_, name)) => format!("did you mean {name}.{}?", path.method),
            None => format!("there is: {}", modules.join(", ")),
        };
        let message = format!("no targeted minion has a module \"{}\"; {hint}", path.module);
        Refusal::new(RefusalKind::BadRequest, message)
    }
}
