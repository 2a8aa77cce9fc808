//! A module in words: the same from a minion, from an overlord and from a file.

use crate::document::text::{line, printable, since};
use crate::message::method_names::MethodNames;
use crate::message::module::{Module, ModuleState, ModuleVersion};
use crate::value::signature::Signature;
use machine::clock::now_ms;

/// What is said where there is nothing to call.
const NO_METHODS: &str = "no methods";

impl Module {
    /// Name, version, what it is about, and its methods with their documentation.
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

    /// How many methods it has, for a table.
    pub fn count_of_methods(&self) -> String {
        if self.has_nothing_to_call() { NO_METHODS.to_owned() } else { self.methods.len().to_string() }
    }

    /// Whether it serves, and there is no method in it that it could serve with.
    fn has_nothing_to_call(&self) -> bool {
        self.methods.is_empty() && self.state == ModuleState::Active
    }

    /// A line for each version, where there is more to say than that the only one is in service.
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

    /// One method with its documentation, the types in it that have names, and how it is called.
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
