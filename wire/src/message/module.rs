//! What a minion says of a module that it has, and how a method is found in it by name.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::message::method_names::MethodNames;
use crate::message::v1;
use crate::message::version::Version;
use crate::name::ModuleName;
use crate::value::method::{Methods, Signature};

pub use crate::message::module_version::{ModuleState, ModuleVersion};

/// A module as a minion has it loaded, or failed to load it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Module {
    /// The module's name, which is the stem of its file.
    pub name: ModuleName,
    /// The version in the component's metadata, if it has one.
    pub version: Option<String>,
    /// SHA-256 of the module's file.
    pub digest: Digest,
    /// One line about it, if it carries one.
    pub description: Option<String>,
    /// Whether it can be called: `Active` where a version is in service, otherwise the state of the newest
    /// version.
    pub state: ModuleState,
    /// The methods that it exports.
    pub methods: Methods,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// Every version that the minion knows under this name, the one in service among them, newest first.
    pub versions: Vec<ModuleVersion>,
}

/// Written in the form of the version that is spoken.
impl Serialize for Module {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Version::spoken() {
            Version::One => v1::Module::from(self).serialize(serializer),
            Version::Two | Version::Three | Version::Four | Version::Five | Version::Six | Version::Seven => {
                Module::serialize(self, serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Module {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Version::spoken() {
            Version::One => v1::Module::deserialize(deserializer).map(Module::from),
            Version::Two | Version::Three | Version::Four | Version::Five | Version::Six | Version::Seven => {
                Module::deserialize(deserializer)
            }
        }
    }
}

impl From<v1::Module> for Module {
    fn from(old: v1::Module) -> Self {
        Module {
            name: old.name,
            version: old.version,
            digest: old.digest,
            description: old.description,
            state: old.state,
            methods: v1::methods(old.methods),
            imports: old.imports,
            versions: old.versions,
        }
    }
}

impl From<&Module> for v1::Module {
    fn from(module: &Module) -> Self {
        v1::Module {
            name: module.name.clone(),
            version: module.version.clone(),
            digest: module.digest,
            description: module.description.clone(),
            state: module.state.clone(),
            methods: v1::trees(&module.methods),
            imports: module.imports.clone(),
            versions: module.versions.clone(),
        }
    }
}

/// Why no method was found under a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MethodError {
    /// The module has no method of that name.
    #[error("module \"{module}\" has no method \"{method}\"{}", did_you_mean(.closest))]
    Unknown {
        /// The module that was searched.
        module: ModuleName,
        /// The name that was looked for.
        method: String,
        /// The names that come closest, as they would be called.
        closest: Vec<String>,
    },
    /// The module has no methods at all.
    #[error("module \"{0}\" has no methods: `minion check` of its file says what it is instead")]
    None(ModuleName),
    /// No version of the module is in service, so that nobody knows yet what it has.
    #[error("module \"{module}\" is not in service: it {standing}")]
    NotInService {
        /// The module that was searched.
        module: ModuleName,
        /// How it stands.
        standing: String,
    },
    /// Several interfaces of the module export the name.
    #[error("\"{module}.{method}\" is ambiguous: write {}", .candidates.join(" or "))]
    Ambiguous {
        /// The module that was searched.
        module: ModuleName,
        /// The name that was looked for.
        method: String,
        /// The name of each of them that leads to it alone.
        candidates: Vec<String>,
    },
}

fn did_you_mean(closest: &[String]) -> String {
    if closest.is_empty() { String::new() } else { format!("; did you mean {}?", closest.join(" or ")) }
}

/// The most memory that a module's description of itself takes, in bytes. A module with a larger one is not
/// loaded.
pub const MAX_HELD: usize = 1 << 20;

impl Module {
    /// Finds the method of that name: `restart`, `unit/restart`, or `acme:service/unit@1.0.0/restart`. A command
    /// is found only under names that no function has.
    ///
    /// # Errors
    /// [`MethodError::Unknown`] where no method has the name, [`MethodError::None`] where the module has no
    /// methods, [`MethodError::NotInService`] where nobody knows them yet, and [`MethodError::Ambiguous`] where several have
    /// the name.
    pub fn method(&self, name: &str) -> Result<Signature<'_>, MethodError> {
        let mut found: Vec<Signature<'_>> =
            self.methods.iter().filter(|method| method.is_called(name)).collect();
        if found.iter().any(|method| !method.is_command()) {
            found.retain(|method| !method.is_command());
        }
        match found.as_slice() {
            [] => return Err(self.unknown(name)),
            [only] => return Ok(*only),
            _ => {}
        }
        let names = MethodNames::of(&self.methods);
        let candidates = found.into_iter().map(|method| format!("{}.{}", self.name, names.shortest(&method)));
        Err(MethodError::Ambiguous {
            module: self.name.clone(),
            method: name.to_owned(),
            candidates: candidates.collect(),
        })
    }

    fn unknown(&self, name: &str) -> MethodError {
        let not_in_service = |standing| MethodError::NotInService { module: self.name.clone(), standing };
        match &self.state {
            ModuleState::Failed(reason) => return not_in_service(reason.clone()),
            ModuleState::Active if self.methods.is_empty() => return MethodError::None(self.name.clone()),
            state @ (ModuleState::Draining | ModuleState::Retired) if self.methods.is_empty() => {
                return not_in_service(format!("is {}", state.as_str()));
            }
            // A minion says what a version has once that is in service, and tells of what came before in one go.
            state if self.methods.is_empty() => {
                return not_in_service(format!("is {} so far", state.as_str()));
            }
            _ => (),
        }
        let names = MethodNames::of(&self.methods);
        let mut near: Vec<(f64, String)> = self
            .methods
            .iter()
            .map(|method| {
                let likeness = strsim::jaro_winkler(&method.name, name);
                (likeness, format!("{}.{}", self.name, names.shortest(&method)))
            })
            .filter(|(likeness, _)| *likeness > 0.6)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        near.dedup_by(|a, b| a.1 == b.1);
        MethodError::Unknown {
            module: self.name.clone(),
            method: name.to_owned(),
            closest: near.into_iter().take(3).map(|(_, name)| name).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::name::MethodPath;

    proptest! {
        /// Whatever packages, versions and roots a module has: what a method is called leads to it, and can be said.
        #[test]
        fn every_method_has_a_name_that_leads_to_it_alone(
            exports in prop::collection::btree_set(
                (prop::option::of(
                    "(acme|x:y):(kv|log)/(store|run)(@(1\\.0\\.0|2\\.0\\.0-rc\\.1))?|wasi:cli/run@0\\.2\\.[06]"
                ), "get|run|store"), 1..12),
        ) {
            let methods = exports.iter().map(|(interface, name)| v1::Method {
                interface: interface.clone(),
                name: name.clone(),
                params: vec![],
                result: None,
                is_async: false,
                not_callable: None,
                docs: None,
            });
            let module = Module { methods: v1::methods(methods.collect()), ..module(&[]) };
            let names = MethodNames::of(&module.methods);
            for method in module.methods.iter() {
                for name in [names.shortest(&method), method.full()] {
                    let found = module.method(&name).expect("its own name");
                    prop_assert_eq!((&found.interface, &found.name), (&method.interface, &method.name));
                    prop_assert!(format!("m.{name}").parse::<MethodPath>().is_ok(), "{}", name);
                    for other in module.methods.iter() {
                        prop_assert_eq!(other.is_called(&name), other.names().contains(&name), "{}", name);
                    }
                }
            }
        }
    }

    #[test]
    fn a_document_of_one_method_calls_it_as_that_of_all_does() {
        let module = module(&[("acme:a/unit@1.0.0", "restart"), ("acme:a/timer@1.0.0", "restart")]);
        let one = module.method("timer/restart").expect("it is there");
        let document = module.document_of(std::iter::once(one));
        assert_eq!(document["methods"][0]["path"], "timer/restart");
        assert_eq!(document["methods"][0], module.document()["methods"][1]);
    }

    #[test]
    fn a_module_without_methods_is_told_from_one_without_that_method() {
        let error = module(&[]).method("run").expect_err("nothing to call").to_string();
        assert!(error.contains("has no methods") && error.contains("`minion check`"), "{error}");
        let error = module(&[("a", "stop")]).method("run").expect_err("not there").to_string();
        assert!(error.contains("has no method \"run\""), "{error}");
    }

    #[test]
    fn a_module_on_its_way_into_service_is_not_said_to_have_no_methods() {
        for (state, standing) in [
            (ModuleState::Verified, "is verified so far"),
            (ModuleState::Compiling, "is compiling so far"),
            (ModuleState::Staged, "is staged so far"),
            (ModuleState::Retired, "is retired"),
            (ModuleState::Failed("needs more".into()), "needs more"),
        ] {
            let error = Module { state, ..module(&[]) }.method("run").expect_err("nothing to call");
            assert_eq!(error.to_string(), format!("module \"service\" is not in service: it {standing}"));
        }
    }

    fn module(methods: &[(&str, &str)]) -> Module {
        let methods = methods.iter().map(|(interface, name)| v1::Method {
            interface: Some((*interface).to_owned()),
            name: (*name).to_owned(),
            params: vec![],
            result: None,
            is_async: false,
            not_callable: None,
            docs: None,
        });
        Module {
            name: "service".parse().expect("a name"),
            version: None,
            digest: Digest::of(b""),
            description: None,
            state: ModuleState::Active,
            methods: v1::methods(methods.collect()),
            imports: vec![],
            versions: vec![],
        }
    }

    #[test]
    fn a_name_in_two_interfaces_needs_the_interface() {
        let module = module(&[("a:s/unit@1.0.0", "restart"), ("a:s/timer@1.0.0", "restart")]);
        let error = module.method("restart").expect_err("ambiguous").to_string();
        assert!(error.contains("service.unit/restart or service.timer/restart"), "{error}");
        assert!(module.method("timer/restart").is_ok());
    }

    #[test]
    fn a_function_goes_before_the_command_that_its_module_is() {
        const RUN: &str = "wasi:cli/run@0.2.6";
        let alone = module(&[(RUN, "run"), ("a:s/unit@1.0.0", "stop")]);
        assert!(alone.method("run").expect("the command").is_command());
        let both = module(&[(RUN, "run"), ("a:s/unit@1.0.0", "run")]);
        assert!(!both.method("run").expect("the function").is_command());
        assert!(both.method("run/run").expect("the command").is_command());
        assert!(both.description().contains("service.run/run()"), "{}", both.description());
    }

    #[test]
    fn an_unknown_name_gets_the_closest_ones() {
        let module = module(&[("a:s/unit@1.0.0", "restart"), ("a:s/unit@1.0.0", "status")]);
        let error = module.method("restrat").expect_err("unknown").to_string();
        assert_eq!(error, "module \"service\" has no method \"restrat\"; did you mean service.restart?");
    }

    #[test]
    fn the_three_closest_names_are_told_the_closest_first_and_each_once() {
        let names =
            ["restart", "restarts", "start", "status", "retard", "zoo"].map(|name| ("a:s/unit@1.0.0", name));
        let error = module(&names).method("restar").expect_err("unknown").to_string();
        let closest = "service.restart or service.restarts or service.retard?";
        assert_eq!(error, format!("module \"service\" has no method \"restar\"; did you mean {closest}"));
        let error = module(&names).method("qqq").expect_err("unknown").to_string();
        assert_eq!(error, "module \"service\" has no method \"qqq\"");
    }

    #[test]
    fn a_module_that_has_told_its_methods_is_searched_for_them_unless_it_failed() {
        use ModuleState::{Active, Draining, Retired, Staged};
        for state in [Active, Draining, Retired, Staged] {
            let module = Module { state, ..module(&[("a", "stop")]) };
            let error = module.method("run").expect_err("not there");
            assert!(matches!(error, MethodError::Unknown { .. }), "{error}");
        }
        let failed = Module { state: ModuleState::Failed("broke".into()), ..module(&[("a", "stop")]) };
        let error = failed.method("run").expect_err("not there").to_string();
        assert_eq!(error, "module \"service\" is not in service: it broke");
        let draining = Module { state: Draining, ..module(&[]) };
        let error = draining.method("run").expect_err("not there").to_string();
        assert_eq!(error, "module \"service\" is not in service: it is draining");
    }

    #[test]
    fn a_method_is_called_by_the_shortest_name_that_is_its_own() {
        let [old, new] = ["wasi:cli/run@0.2.0", "wasi:cli/run@0.2.6"];
        for (methods, names) in [
            (&[(new, "run")][..], &["run"][..]),
            (&[(new, "run"), ("a:s/unit@1.0.0", "run")], &["run/run", "run"]),
            (&[(new, "run"), (old, "run")], &["wasi:cli/run@0.2.6/run", "wasi:cli/run@0.2.0/run"]),
            (&[("a:s/unit@1.0.0", "run"), ("a:s/timer@1.0.0", "run")], &["unit/run", "timer/run"]),
            (
                &[("a:s/unit@1.0.0", "run"), ("b:s/unit@1.0.0", "run")],
                &["a:s/unit@1.0.0/run", "b:s/unit@1.0.0/run"],
            ),
        ] {
            let module = module(methods);
            let shortest = MethodNames::of(&module.methods);
            let shortest: Vec<String> =
                module.methods.iter().map(|method| shortest.shortest(&method)).collect();
            assert_eq!(shortest, names);
        }
    }
}
