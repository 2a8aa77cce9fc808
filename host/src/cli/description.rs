//! What a module is and exports, for people.

use wire::module::Module;
use wire::signature::Method;
use wire::text::printable;

/// Name, version, what it is about, and its methods with their documentation.
pub(super) fn description(module: &Module) -> String {
    let version = module.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let mut lines = vec![format!("{}{version} (sha256 {})", module.name, module.digest.short())];
    lines.extend(module.description.as_deref().map(|about| format!("    {about}")));
    for method in &module.methods {
        lines.push(String::new());
        lines.push(format!("{}.{method}", module.name));
        lines.extend(remarks(method).map(|line| format!("    {line}").trim_end().to_owned()));
    }
    printable(&lines.join("\n"))
}

fn remarks(method: &Method) -> impl Iterator<Item = String> {
    let refusal = method.not_callable.as_ref().map(|reason| format!("cannot be called: {reason}"));
    let docs = method.docs.iter().flat_map(|docs| docs.lines());
    refusal.into_iter().chain(docs.map(str::to_owned))
}
