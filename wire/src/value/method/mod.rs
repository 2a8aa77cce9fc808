//! What the methods of a module take and return, as a minion reads it from a component.
//!
//! [`Methods`] are all methods of a module with one [`Types`] table. A [`Signature`] is one of them, looked at
//! together with that table; [`OneMethod`] owns both, for a method that travels by itself.

mod notation;
mod table;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::memory::Held;

pub use self::table::{BadType, Builder, Definition, MAX_TYPES, Type, TypeId, TypeRef, Types};

/// The interface that every command exports, up to its version.
const COMMAND: &str = "wasi:cli/run@";

/// One function that a module exports. Its types are places in a table: see [`Signature`] for both together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Method {
    /// The interface that exports it (`minion:test/test@0.1.0`), or `None` at the component's root.
    pub interface: Option<String>,
    /// The function's own name: `restart`.
    pub name: String,
    /// The parameters in order: their names, and the places of their types in the table.
    pub params: Vec<(String, TypeId)>,
    /// The place of the type of the result in the table; `None` where the function returns nothing.
    pub result: Option<TypeId>,
    /// Whether the function was declared `async func`.
    pub is_async: bool,
    /// Why the function cannot be called from outside; `None` where it can.
    pub not_callable: Option<String>,
    /// What the author wrote about the function, where the module carries that.
    pub docs: Option<String>,
}

impl Method {
    /// The interface's own name (`unit` of `acme:service/unit@1.0.0`), or `None` at the root.
    pub fn interface_name(&self) -> Option<&str> {
        let path = self.interface.as_deref()?;
        let path = path.split('@').next().unwrap_or(path);
        Some(path.rsplit('/').next().unwrap_or(path))
    }

    /// The name that no other method of its module has: `acme:service/unit@1.0.0/restart`, and `/restart` for a function at
    /// the root.
    pub fn full(&self) -> String {
        format!("{}/{}", self.interface.as_deref().unwrap_or_default(), self.name)
    }

    /// All names of the method, the shortest first; at the root two of them are the same.
    pub fn names(&self) -> [String; 3] {
        [self.name.clone(), self.qualified(), self.full()]
    }

    /// Whether this is one of the names of the method.
    pub fn is_called(&self, name: &str) -> bool {
        let Some((interface, function)) = name.rsplit_once('/') else { return name == self.name };
        let is_its_own = match self.interface.as_deref() {
            Some(full) => interface == full || self.interface_name() == Some(interface),
            None => interface.is_empty(),
        };
        function == self.name && is_its_own
    }

    /// Whether this is the `main` of a module that is a command, `wasi:cli/run`, and no function with types of its own.
    pub fn is_command(&self) -> bool {
        let of_wasi = |interface: &str| interface.starts_with(COMMAND);
        self.name == "run" && self.interface.as_deref().is_some_and(of_wasi)
    }

    /// The name of the method where its short name is taken twice: `unit/restart`.
    pub fn qualified(&self) -> String {
        match self.interface_name() {
            Some(interface) => format!("{interface}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The methods of a module, with the one table that holds their types. Clones share both, since thousands of minions have the
/// same modules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Methods(Arc<Listed>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
struct Listed {
    types: Types,
    methods: Vec<Method>,
}

impl Serialize for Methods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// What a peer says that the methods of a module are, before the places of their types were checked.
#[derive(Deserialize)]
struct Unchecked {
    types: Types,
    methods: Vec<Method>,
}

impl TryFrom<Unchecked> for Methods {
    type Error = BadType;

    fn try_from(Unchecked { types, methods }: Unchecked) -> Result<Self, BadType> {
        Self::new(types, methods)
    }
}

impl Methods {
    /// Puts methods to the table of their types.
    ///
    /// # Errors
    /// [`BadType::Undefined`] where a type of a method is not in the table.
    pub fn new(types: Types, methods: Vec<Method>) -> Result<Self, BadType> {
        let used = |method: &Method| {
            let params = method.params.iter().map(|(_, ty)| *ty);
            params.chain(method.result).all(|ty| types.get(ty).is_some())
        };
        let is_sound = methods.iter().all(used);
        if is_sound { Ok(Self(Arc::new(Listed { types, methods }))) } else { Err(BadType::Undefined) }
    }

    /// Whether both are one and the same in memory.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether these are the only ones of their memory.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// All methods with their types, in the order of the component.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Signature<'_>> {
        self.0.methods.iter().map(|method| Signature { types: &self.0.types, method })
    }

    /// How many methods there are.
    pub fn len(&self) -> usize {
        self.0.methods.len()
    }

    /// Whether the module has no methods.
    pub fn is_empty(&self) -> bool {
        self.0.methods.is_empty()
    }

    /// The table of the types of all methods.
    pub fn types(&self) -> &Types {
        &self.0.types
    }

    /// The methods, to cut what is written about them.
    pub(crate) fn each_mut(&mut self) -> impl Iterator<Item = &mut Method> {
        Arc::make_mut(&mut self.0).methods.iter_mut()
    }

    /// Puts documentation on the method at this place, in the order of [`Methods::iter`]. Where there is no such
    /// place, nothing changes.
    pub fn document(&mut self, place: usize, docs: Option<String>) {
        if let Some(method) = Arc::make_mut(&mut self.0).methods.get_mut(place) {
            method.docs = docs;
        }
    }
}

impl Held for Method {
    fn elsewhere(&self) -> usize {
        let Method { interface, name, params, result: _, is_async: _, not_callable, docs } = self;
        let texts = [interface, not_callable, docs].into_iter().map(Held::elsewhere).sum::<usize>();
        texts + name.elsewhere() + params.elsewhere()
    }
}

impl Held for Methods {
    fn elsewhere(&self) -> usize {
        let Listed { types, methods } = &*self.0;
        size_of::<Listed>() + types.elsewhere() + methods.elsewhere()
    }
}

/// One method, with the table that holds its types. A cheap reference; prints as WIT does: `add(a: s64, b: s64) ->
/// s64`.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    types: &'a Types,
    method: &'a Method,
}

impl<'a> Signature<'a> {
    /// The method itself, whose types are places in the table.
    pub fn method(self) -> &'a Method {
        self.method
    }

    /// The names and types of the parameters, in order.
    pub fn params(self) -> impl ExactSizeIterator<Item = (&'a str, TypeRef<'a>)> + DoubleEndedIterator {
        self.method.params.iter().map(move |(name, ty)| (name.as_str(), self.ty(*ty)))
    }

    /// The name and type of the parameter at this place, which begins at 0; `None` where the method has fewer.
    pub fn param(self, place: usize) -> Option<(&'a str, TypeRef<'a>)> {
        self.params().nth(place)
    }

    /// The type of the result; `None` where the method returns nothing.
    pub fn result(self) -> Option<TypeRef<'a>> {
        self.method.result.map(|ty| self.ty(ty))
    }

    /// Whether the parameter at this place takes bytes or text, so that a file can be given for it.
    pub fn takes_contents(self, place: usize) -> bool {
        let is_contents = |ty: TypeRef<'_>| ty.is_bytes() || matches!(ty.kind(), Type::String);
        self.param(place).is_some_and(|(_, ty)| match ty.kind() {
            Type::Option(inner) => is_contents(ty.part(*inner)),
            _ => is_contents(ty),
        })
    }

    /// Whether the method returns bytes or text, which can be written to a file as they are.
    pub fn gives_contents(self) -> bool {
        let mut ty = self.result();
        while let Some(inner) = ty {
            match inner.kind() {
                Type::String => return true,
                Type::Option(of) => ty = Some(inner.part(*of)),
                Type::Result(ok, _) => ty = inner.maybe(*ok),
                _ => return inner.is_bytes(),
            }
        }
        false
    }

    /// How many arguments must be given: trailing `option` parameters may be left out.
    pub fn required(self) -> usize {
        let optional = |(_, ty): &(&str, TypeRef<'_>)| matches!(ty.kind(), Type::Option(_));
        self.params().len() - self.params().rev().take_while(optional).count()
    }

    /// The types that occur in the signature, each once and after those that it is made of.
    pub fn types(self) -> Vec<TypeRef<'a>> {
        let mut used = vec![false; self.types.len()];
        let mut open: Vec<TypeRef<'_>> = self.params().map(|(_, ty)| ty).chain(self.result()).collect();
        while let Some(ty) = open.pop() {
            if !std::mem::replace(&mut used[ty.id().place()], true) {
                open.extend(ty.kind().parts().into_iter().map(|part| ty.part(part)));
            }
        }
        self.types.iter().filter(|ty| used[ty.id().place()]).collect()
    }

    /// This method alone, with a table that has its types and no others: the same for the same signature.
    pub fn alone(self) -> OneMethod {
        let (mut table, mut known) = (Builder::default(), HashMap::new());
        for ty in self.types() {
            // The copy fits, since the larger table did.
            let _ = table.copy(ty, &mut known);
        }
        let moved = |ty: TypeId| known.get(&ty).copied().unwrap_or(ty);
        let mut method = self.method.clone();
        method.params.iter_mut().for_each(|(_, ty)| *ty = moved(*ty));
        method.result = method.result.map(moved);
        OneMethod { types: table.build(), method }
    }

    fn ty(self, id: TypeId) -> TypeRef<'a> {
        // `Methods` holds no method whose types are not in its table.
        self.types.ty(id)
    }
}

/// One method by itself, with a table of its types: what an overlord answers when it is asked what a method takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OneMethod {
    types: Types,
    method: Method,
}

impl OneMethod {
    /// The method with its types, to look at.
    pub fn signature(&self) -> Signature<'_> {
        Signature { types: &self.types, method: &self.method }
    }
}

impl From<OneMethod> for Methods {
    fn from(OneMethod { types, method }: OneMethod) -> Self {
        Methods(Arc::new(Listed { types, methods: vec![method] }))
    }
}

impl TryFrom<Methods> for OneMethod {
    type Error = BadType;

    fn try_from(Methods(listed): Methods) -> Result<Self, BadType> {
        let Listed { types, methods } = Arc::unwrap_or_clone(listed);
        let method = methods.into_iter().next().ok_or(BadType::Undefined)?;
        Ok(Self { types, method })
    }
}

impl Deref for Signature<'_> {
    type Target = Method;

    fn deref(&self) -> &Method {
        self.method
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests;
