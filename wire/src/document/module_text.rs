//! A module in words for people: the same from a minion, from an overlord and from a file.

use crate::document::text::{line, printable, since};
use crate::message::method_names::MethodNames;
use crate::message::module::{Module, ModuleState, ModuleVersion};
use crate::value::method::Signature;
use machine::clock::now_ms;

/// What is said of a module that has no methods to call.
const NO_METHODS: &str = "no methods";

impl Module {
    /// The module's name, version and description, its versions, and its methods with their documentation; fit for
    /// a terminal.
    pub fn description(&self) -> String {
        let version =
            self.version.as_deref().map(|version| format!(" {}", line(version))).unwrap_or_default();
        let mut lines = vec![format!("{}{version} (sha256 {})", self.name, self.digest.short())];
        lines.extend(self.description.as_deref().map(|about| format!("    {}", line(about))));
        if let ModuleState::Failed(reason) = &self.state {
            lines.push(format!("    failed: {}", line(reason)));
        }
        lines.extend(self.version_lines());
        lines.extend(self.has_nothing_to_call().then(|| format!("    {NO_METHODS}")));
        let names = MethodNames::of(&self.methods);
        for method in self.methods.iter() {
            lines.push(String::new());
            lines.extend(self.remarks(method, &names.shortest(&method)));
        }
        let types = self.methods.types().iter().filter(|ty| ty.name().is_some());
        let types: Vec<String> = types.map(|ty| format!("    {}", line(&ty.definition_text()))).collect();
        if !types.is_empty() {
            lines.extend([String::new(), "types:".to_owned()]);
            lines.extend(types);
        }
        printable(&lines.join("\n"))
    }

    /// The number of the module's methods, as a table shows it.
    pub fn count_of_methods(&self) -> String {
        if self.has_nothing_to_call() { NO_METHODS.to_owned() } else { self.methods.len().to_string() }
    }

    /// Whether a version is in service, and has no method that could be called.
    fn has_nothing_to_call(&self) -> bool {
        self.methods.is_empty() && self.state == ModuleState::Active
    }

    /// A line for each version, unless there is only one, which is in service and unsigned.
    fn version_lines(&self) -> Vec<String> {
        if let [ModuleVersion { state: ModuleState::Active, signer: None, .. }] = self.versions.as_slice() {
            return Vec::new();
        }
        let now = now_ms();
        let described = |version: &ModuleVersion| {
            let number = line(version.version.as_deref().unwrap_or("-"));
            let (digest, since) = (version.digest.short(), since(version.since, now));
            let state = match &version.state {
                ModuleState::Failed(reason) => format!("failed {since} ago: it {}", line(reason)),
                state => format!("{} for {since}", state.as_str()),
            };
            let signer = version.signer.iter().map(|signer| format!(", signed by {}", line(signer)));
            format!("    version {number} (sha256 {digest}): {state}{}", signer.collect::<String>())
        };
        self.versions.iter().map(described).collect()
    }

    /// One method with its documentation, the definitions of the types in it that have names, and the command that
    /// calls it; fit for a terminal.
    pub fn method_description(&self, method: Signature<'_>) -> String {
        let name = MethodNames::of(&self.methods).shortest(&method);
        let mut lines = self.remarks(method, &name);
        let types = method.definitions();
        if !types.is_empty() {
            lines.push(String::new());
            lines.extend(types.into_iter().map(|definition| format!("    {}", line(&definition))));
        }
        if method.not_callable.is_none() {
            let words: String =
                method.params().map(|(name, _)| format!(" {}", line(&name.to_uppercase()))).collect();
            lines.push(String::new());
            lines.push(format!("    overlord call TARGET {}.{}{words}", self.name, line(&name)));
        }
        printable(&lines.join("\n"))
    }

    fn remarks(&self, method: Signature<'_>, name: &str) -> Vec<String> {
        let refusal =
            method.not_callable.as_ref().map(|reason| format!("cannot be called: {}", line(reason)));
        let docs = method.docs.iter().flat_map(|docs| docs.lines()).map(str::to_owned);
        let remarks = refusal.into_iter().chain(docs).map(|line| format!("    {line}").trim_end().to_owned());
        std::iter::once(line(&format!("{}.{}", self.name, method.called(name)))).chain(remarks).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::message::v1;
    use crate::value::method::{self, Builder, Methods, Type};

    fn module() -> Module {
        let method = v1::Method {
            interface: None,
            name: "restart".into(),
            params: vec![("unit-name".into(), v1::Type::String)],
            result: Some(v1::Type::Bool),
            is_async: false,
            not_callable: None,
            docs: Some("Starts it again.\n\nLater.".into()),
        };
        Module {
            name: "service".parse().expect("a name"),
            version: Some("1.2.0".into()),
            digest: Digest::ZERO,
            description: Some("Units.".into()),
            state: ModuleState::Active,
            methods: method.interned(),
            imports: Vec::new(),
            versions: Vec::new(),
        }
    }

    fn version(state: ModuleState, signer: Option<&str>) -> ModuleVersion {
        let (version, signer) = (Some("1.1.0".into()), signer.map(str::to_owned));
        ModuleVersion { digest: Digest::ZERO, version, state, since: now_ms(), signer }
    }

    #[test]
    fn a_module_is_described_by_its_methods_and_a_method_by_how_it_is_called() {
        let module = module();
        let text = "service 1.2.0 (sha256 000000000000)\n    Units.\n\n\
                    service.restart(unit-name: string) -> bool\n    Starts it again.\n\n    Later.";
        assert_eq!(module.description(), text);
        let method = module.methods.iter().next().expect("a method");
        let text = "service.restart(unit-name: string) -> bool\n    Starts it again.\n\n    Later.\n\n    \
                    overlord call TARGET service.restart UNIT-NAME";
        assert_eq!(module.method_description(method), text);
        assert_eq!(module.count_of_methods(), "1");
    }

    #[test]
    fn types_with_names_are_defined_and_what_cannot_be_called_says_why() {
        let mut table = Builder::default();
        let number = table.add(None, Type::U32).expect("room");
        let point = Type::Record(vec![("x".into(), number)]);
        let point = table.add(Some("point"), point).expect("room");
        let color = table.add(Some("color"), Type::Enum(vec!["red".into()])).expect("room");
        let method = |name: &str, ty, not_callable: Option<&str>| method::Method {
            interface: None,
            name: name.into(),
            params: vec![("to".into(), ty)],
            result: None,
            is_async: false,
            not_callable: not_callable.map(str::to_owned),
            docs: None,
        };
        let methods = vec![method("draw", point, None), method("fill", color, Some("it is\nno use"))];
        let methods = Methods::new(table.build(), methods).expect("defined");
        let module = Module { methods, description: None, version: None, ..module() };
        let text = "service (sha256 000000000000)\n\nservice.draw(to: point)\n\n\
                    service.fill(to: color)\n    cannot be called: it is no use\n\n\
                    types:\n    record point { x: u32 }\n    enum color { red }";
        assert_eq!(module.description(), text);
        let mut methods = module.methods.iter().map(|method| module.method_description(method));
        let draw = "service.draw(to: point)\n\n    record point { x: u32 }\n\n    \
                    overlord call TARGET service.draw TO";
        assert_eq!(methods.next().as_deref(), Some(draw));
        let fill = "service.fill(to: color)\n    cannot be called: it is no use\n\n    enum color { red }";
        assert_eq!(methods.next().as_deref(), Some(fill));
    }

    #[test]
    fn versions_are_listed_unless_the_only_one_is_in_service_and_unsigned() {
        let lines = |versions: Vec<ModuleVersion>| {
            let lines = Module { versions, ..module() }.version_lines();
            lines.iter().map(|line| line.replace("0.0 ms", "T").replace("0.1 ms", "T")).collect::<Vec<_>>()
        };
        assert!(lines(vec![version(ModuleState::Active, None)]).is_empty());
        let signed = lines(vec![version(ModuleState::Active, Some("KEY"))]);
        assert_eq!(signed.len(), 1);
        assert!(signed[0].starts_with("    version 1.1.0 (sha256 000000000000): active for "), "{signed:?}");
        assert!(signed[0].ends_with(", signed by KEY"), "{signed:?}");
        let failed = ModuleState::Failed("was\ntoo large".into());
        let both = lines(vec![version(ModuleState::Active, None), version(failed, None)]);
        assert_eq!(both.len(), 2);
        assert!(both[1].contains(": failed ") && both[1].ends_with(" ago: it was too large"), "{both:?}");
    }

    #[test]
    fn where_there_is_nothing_to_call_it_says_so_or_why() {
        let nothing = Module { methods: Default::default(), ..module() };
        assert!(nothing.description().ends_with("\n    no methods"), "{}", nothing.description());
        assert_eq!(nothing.count_of_methods(), "no methods");
        let failed = Module { state: ModuleState::Failed("broke".into()), ..nothing };
        assert!(failed.description().ends_with("\n    failed: broke"), "{}", failed.description());
        assert_eq!(failed.count_of_methods(), "0");
    }
}
