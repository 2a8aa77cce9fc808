//! Declarations for TypeScript, in the form that `componentize-qjs` gives WIT types in JavaScript.
//!
//! By hand, since `js-component-bindgen` declares what programs call and not what a module exports, and would bring a second set of
//! the component tools.

mod words;

use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, Record, Resolve, Type, TypeDefKind, TypeId, TypeOwner,
    WorldItem,
};

use super::error::AuthoringError;
use super::wit::Wit;
use words::{camel, comment, pascal, word};

/// The text of a `.d.ts` file with a module for each interface that the world imports or exports.
///
/// What an imported interface has are functions; of an exported one, `Methods` is what the module must export under
/// the interface's name. One that is both has both, and its types once.
pub(super) fn declarations(wit: &Wit) -> Result<String, AuthoringError> {
    let mut text = "// Made from the WIT. Do not edit.\n".to_owned();
    for module in modules(wit) {
        text += &module.declare()?;
    }
    Ok(text)
}

/// The interfaces of the world, each once.
fn modules(wit: &Wit) -> Vec<Module<'_>> {
    let (resolve, world) = (&wit.resolve, &wit.resolve.worlds[wit.world]);
    let imports = world.imports.iter().map(|item| (item, true));
    let mut modules: Vec<Module<'_>> = Vec::new();
    for ((key, item), imported) in imports.chain(world.exports.iter().map(|item| (item, false))) {
        let WorldItem::Interface { id: interface, .. } = item else { continue };
        let mut name = resolve.name_world_key(key);
        match modules.iter_mut().find(|module| module.name == name) {
            Some(module) if module.interface == *interface => module.exported = true,
            same_name => {
                // Two that are written in the world itself, one on each side, may share a name and nothing else.
                if same_name.is_some() {
                    name.insert_str(0, "exports/");
                }
                let interface = *interface;
                modules.push(Module { resolve, name, interface, imported, exported: !imported });
            }
        }
    }
    modules
}

/// One interface on its way to a module.
struct Module<'a> {
    resolve: &'a Resolve,
    name: String,
    interface: InterfaceId,
    imported: bool,
    exported: bool,
}

impl Module<'_> {
    fn declare(&self) -> Result<String, AuthoringError> {
        let interface = &self.resolve.interfaces[self.interface];
        let mut text =
            format!("\n{}declare module \"{}\" {{\n", comment(&interface.docs, None, ""), self.name);
        for (name, id) in &interface.types {
            text += &self.named_type(&pascal(name), *id)?;
        }
        let functions = interface.functions.values().filter(|function| function.kind.resource().is_none());
        if self.imported {
            for function in functions.clone() {
                text += &self.function(function)?;
            }
        }
        if self.exported {
            text += &format!("  export interface {} {{\n", self.unused("Methods"));
            for function in functions {
                let (name, signature) = (camel(&function.name), self.signature(function)?);
                text += &format!("{}    {name}{signature};\n", self.docs(function, "    "));
            }
            text += "  }\n";
        }
        Ok(text + "}\n")
    }

    fn function(&self, function: &Function) -> Result<String, AuthoringError> {
        let (docs, name) = (self.docs(function, "  "), camel(&function.name));
        let signature = self.signature(function)?;
        Ok(match word(&name) == name {
            true => format!("{docs}  export function {name}{signature};\n"),
            // A word that JavaScript keeps for itself can be exported, but not declared.
            false => format!("{docs}  function {name}_{signature};\n  export {{ {name}_ as {name} }};\n"),
        })
    }

    /// Whether a type of the interface has this name in TypeScript.
    fn has(&self, name: &str) -> bool {
        self.resolve.interfaces[self.interface].types.keys().any(|own| pascal(own) == name)
    }

    /// A name of our own, beside those of the interface's types.
    fn unused(&self, name: &str) -> String {
        if self.has(name) { format!("{name}_") } else { name.to_owned() }
    }

    /// A type of JavaScript, also where the interface has one of that name.
    fn global(&self, name: &str) -> String {
        if self.has(name) { format!("globalThis.{name}") } else { name.to_owned() }
    }

    fn named_type(&self, name: &str, id: TypeId) -> Result<String, AuthoringError> {
        let ty = &self.resolve.types[id];
        let docs = comment(&ty.docs, None, "  ");
        Ok(match &ty.kind {
            TypeDefKind::Record(record) => {
                format!("{docs}  export interface {name} {{\n{}  }}\n", self.fields(record)?)
            }
            TypeDefKind::Resource => {
                format!("{docs}  export class {name} {{\n{}  }}\n", self.resource(id)?)
            }
            kind => format!("{docs}  export type {name} = {};\n", self.kind(kind)?),
        })
    }

    fn fields(&self, record: &Record) -> Result<String, AuthoringError> {
        let mut text = String::new();
        for field in &record.fields {
            let (name, ty) = (camel(&field.name), self.ty(&field.ty)?);
            text += &format!("{}    {name}: {ty};\n", comment(&field.docs, None, "    "));
        }
        Ok(text)
    }

    fn resource(&self, id: TypeId) -> Result<String, AuthoringError> {
        let mut text = String::new();
        let functions = self.resolve.interfaces[self.interface].functions.values();
        let own: Vec<&Function> = functions.filter(|function| function.kind.resource() == Some(id)).collect();
        if !own.iter().any(|function| matches!(function.kind, FunctionKind::Constructor(_))) {
            text += "    private constructor();\n";
        }
        for function in own {
            let (name, signature) = (camel(function.item_name()), self.signature(function)?);
            let head = match function.kind {
                FunctionKind::Constructor(_) => "constructor".to_owned(),
                FunctionKind::Static(_) | FunctionKind::AsyncStatic(_) => format!("static {name}"),
                _ => name,
            };
            text += &format!("{}    {head}{signature};\n", self.docs(function, "    "));
        }
        Ok(text + "    [Symbol.dispose](): void;\n")
    }

    /// Parameters and result. An error is thrown, not returned.
    fn signature(&self, function: &Function) -> Result<String, AuthoringError> {
        let method = matches!(function.kind, FunctionKind::Method(_) | FunctionKind::AsyncMethod(_));
        let mut params = Vec::new();
        // The first parameter of a resource's method is the resource itself.
        for param in function.params.iter().skip(usize::from(method)) {
            params.push(format!("{}: {}", word(&camel(&param.name)), self.ty(&param.ty)?));
        }
        let params = params.join(", ");
        if matches!(function.kind, FunctionKind::Constructor(_)) {
            return Ok(format!("({params})"));
        }
        let result = match function.result {
            Some(result) => match self.result_of(result) {
                Some((Some(ok), _)) => self.ty(&ok)?,
                Some((None, _)) => "void".to_owned(),
                None => self.ty(&result)?,
            },
            None => "void".to_owned(),
        };
        let result =
            if function.kind.is_async() { format!("{}<{result}>", self.global("Promise")) } else { result };
        Ok(format!("({params}): {result}"))
    }

    fn docs(&self, function: &Function, indent: &str) -> String {
        let error = function.result.and_then(|result| self.result_of(result)).and_then(|(_, error)| error);
        let thrown = error.and_then(|error| self.ty(&error).ok());
        comment(&function.docs, thrown.as_deref(), indent)
    }

    fn result_of(&self, ty: Type) -> Option<(Option<Type>, Option<Type>)> {
        let Type::Id(id) = ty else { return None };
        match &self.resolve.types[id].kind {
            TypeDefKind::Result(result) => Some((result.ok, result.err)),
            TypeDefKind::Type(ty) => self.result_of(*ty),
            _ => None,
        }
    }

    fn ty(&self, ty: &Type) -> Result<String, AuthoringError> {
        let name = match ty {
            Type::Bool => "boolean",
            Type::Char | Type::String => "string",
            Type::ErrorContext => "never",
            Type::Id(id) => return self.reference(*id),
            _ => "number",
        };
        Ok(name.to_owned())
    }

    /// A type by its name, where it has one.
    fn reference(&self, id: TypeId) -> Result<String, AuthoringError> {
        let ty = &self.resolve.types[id];
        match (&ty.name, ty.owner) {
            (Some(name), TypeOwner::Interface(owner)) if owner == self.interface => Ok(pascal(name)),
            (Some(name), TypeOwner::Interface(owner)) => {
                let module = self.resolve.id_of(owner).unwrap_or_default();
                Ok(format!("import(\"{module}\").{}", pascal(name)))
            }
            _ => self.kind(&ty.kind),
        }
    }

    fn kind(&self, kind: &TypeDefKind) -> Result<String, AuthoringError> {
        Ok(match kind {
            TypeDefKind::Type(ty) => self.ty(ty)?,
            TypeDefKind::List(Type::U8) => self.global("Uint8Array"),
            TypeDefKind::List(ty) => format!("{}<{}>", self.global("Array"), self.ty(ty)?),
            TypeDefKind::Option(ty) if self.is_option(ty) => {
                format!("{{ tag: \"some\"; val: {} }} | {{ tag: \"none\" }}", self.ty(ty)?)
            }
            TypeDefKind::Option(ty) => format!("{} | null", self.ty(ty)?),
            TypeDefKind::Tuple(tuple) => {
                let types: Result<Vec<String>, AuthoringError> =
                    tuple.types.iter().map(|ty| self.ty(ty)).collect();
                format!("[{}]", types?.join(", "))
            }
            TypeDefKind::Result(result) => {
                let (ok, err) = (self.case("ok", result.ok)?, self.case("err", result.err)?);
                format!("{ok} | {err}")
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| self.case(&case.name, case.ty));
                cases.collect::<Result<Vec<_>, AuthoringError>>()?.join(" | ")
            }
            TypeDefKind::Enum(names) => {
                let cases: Vec<_> = names.cases.iter().map(|case| format!("\"{}\"", case.name)).collect();
                cases.join(" | ")
            }
            TypeDefKind::Flags(flags) => {
                let flags: Vec<_> =
                    flags.flags.iter().map(|flag| format!("{}?: boolean", camel(&flag.name))).collect();
                format!("{{ {} }}", flags.join("; "))
            }
            TypeDefKind::Record(record) => format!("{{ {} }}", self.fields(record)?),
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => self.reference(*id)?,
            other => {
                return Err(AuthoringError::Bindings(format!("a {} cannot be declared", other.as_str())));
            }
        })
    }

    fn case(&self, name: &str, ty: Option<Type>) -> Result<String, AuthoringError> {
        Ok(match ty {
            Some(ty) => format!("{{ tag: \"{name}\"; val: {} }}", self.ty(&ty)?),
            None => format!("{{ tag: \"{name}\" }}"),
        })
    }

    fn is_option(&self, ty: &Type) -> bool {
        let Type::Id(id) = ty else { return false };
        match &self.resolve.types[*id].kind {
            TypeDefKind::Option(_) => true,
            TypeDefKind::Type(ty) => self.is_option(ty),
            _ => false,
        }
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "
        package acme:all@0.1.0;
        interface host {
            resource file { constructor(path: string); read: func(limit: u32) -> result<list<u8>, problem>; }
            variant problem { gone, denied(string) }
            /// Takes it away.
            delete: func(key: string, %in: option<option<bool>>) -> result<_, problem>;
        }
        interface mine {
            use host.{problem};
            enum level { low, very-high }
            flags rights { can-read, can-write }
            record entry { first-name: string, level: level, at: tuple<u64, char>, more: option<rights> }
            %list: func(entries: list<entry>) -> result<result<u8>, string>;
        }
        world module { import host; export mine; }
    ";

    #[test]
    fn every_type_has_its_form() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("all.wit"), WIT).unwrap();
        let text = declarations(&Wit::read(folder.path(), None).unwrap()).unwrap();
        for line in [
            "declare module \"acme:all/host@0.1.0\" {",
            "    constructor(path: string);",
            "    /** @throws {Problem} */\n",
            "    read(limit: number): Uint8Array;",
            "    [Symbol.dispose](): void;",
            "  export type Problem = { tag: \"gone\" } | { tag: \"denied\"; val: string };",
            "  function delete_(key: string, in_: { tag: \"some\"; val: boolean | null } | { tag: \"none\" }): void;",
            "  export { delete_ as delete };",
            "  export type Problem = import(\"acme:all/host@0.1.0\").Problem;",
            "  export type Level = \"low\" | \"very-high\";",
            "  export type Rights = { canRead?: boolean; canWrite?: boolean };",
            "    firstName: string;",
            "    at: [number, string];",
            "    more: Rights | null;",
            "    list(entries: Array<Entry>): { tag: \"ok\"; val: number } | { tag: \"err\" };",
        ] {
            assert!(text.contains(line), "{line:?} is not in\n{text}");
        }
    }
}
