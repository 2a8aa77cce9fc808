//! A module as a page of Markdown.

use crate::document::text::{line, printable};
use crate::message::method_names::MethodNames;
use crate::message::module::Module;

impl Module {
    /// The module's description, its methods with their documentation, and its types. Version and digest are left
    /// out, so that the page changes only with what it tells.
    pub fn page(&self) -> String {
        let mut blocks = vec![format!("# {}", self.name)];
        blocks.extend(self.description.as_deref().map(line));
        let names = MethodNames::of(&self.methods);
        for method in self.methods.iter() {
            let name = names.shortest(&method);
            blocks.push(format!("## {}.{}", self.name, line(&name)));
            blocks.push(code(&line(&format!("{}.{}", self.name, method.called(&name)))));
            blocks.extend(
                method.not_callable.as_ref().map(|reason| format!("Cannot be called: {}", line(reason))),
            );
            blocks.extend(method.docs.as_deref().map(|docs| docs.trim().to_owned()));
        }
        let types = self.methods.types().iter().filter(|ty| ty.name().is_some());
        let types: Vec<String> = types.map(|ty| line(&ty.definition_text())).collect();
        if !types.is_empty() {
            blocks.push("## Types".to_owned());
            blocks.push(code(&types.join("\n")));
        }
        printable(&blocks.join("\n\n"))
    }
}

fn code(text: &str) -> String {
    format!("```wit\n{text}\n```")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::message::module::ModuleState;
    use crate::message::v1::{Method, Type};
    use crate::value::method::{self, Builder, Methods};

    fn module(methods: Methods) -> Module {
        Module {
            name: "sums".parse().expect("a name"),
            version: Some("1.0.0".into()),
            digest: Digest::of(b""),
            description: Some("Sums \u{1b}[31m".into()),
            state: ModuleState::Active,
            methods,
            imports: Vec::new(),
            versions: Vec::new(),
        }
    }

    #[test]
    fn a_page_has_every_method_with_its_words() {
        let method = Method {
            interface: None,
            name: "add".into(),
            params: vec![("a".into(), Type::S64)],
            result: Some(Type::S64),
            is_async: false,
            not_callable: None,
            docs: Some("Adds.\n\n- `a`: what.\n".into()),
        };
        let page = module(method.interned()).page();
        let expected = "## sums.add\n\n```wit\nsums.add(a: s64) -> s64\n```\n\nAdds.\n\n- `a`: what.";
        assert!(page.starts_with("# sums\n\nSums ") && page.ends_with(expected), "{page}");
        assert!(!page.contains('\u{1b}'), "{page}");
    }

    #[test]
    fn a_page_ends_with_the_types_that_have_names() {
        let mut table = Builder::default();
        let number = table.add(None, method::Type::U32).expect("room");
        let fields = vec![("x".to_owned(), number)];
        let point = table.add(Some("point"), method::Type::Record(fields)).expect("room");
        let draw = method::Method {
            interface: None,
            name: "draw".into(),
            params: vec![("to".into(), point)],
            result: None,
            is_async: false,
            not_callable: Some("it is\nno use".into()),
            docs: None,
        };
        let page = module(Methods::new(table.build(), vec![draw]).expect("defined")).page();
        let expected = "## sums.draw\n\n```wit\nsums.draw(to: point)\n```\n\nCannot be called: it is no use\n\n\
                        ## Types\n\n```wit\nrecord point { x: u32 }\n```";
        assert!(page.ends_with(expected), "{page}");
    }
}
