//! Modules that are commands: `wasi:cli/run` as a method.
//!
//! Every toolchain makes commands, of a `main` without types. So the method has what a program has everywhere:
//! arguments, environment and standard input go in, standard output and an exit code come out.

use wasmparser::component_types::{ComponentDefinedType, ComponentFuncTypeId, ComponentValType};
use wasmparser::types::TypesRef;
use wasmtime::Store;
use wasmtime::component::Func;
use wasmtime_wasi::I32Exit;
use wire::name::ModuleName;
use wire::value::Value;
use wire::value::method::{BadType, Method, Type, TypeId};

use crate::sandbox::component::types::Reflector;
use crate::sandbox::run::guest::Guest;

/// What `doc` and `check` say of the method of a command.
const DOCS: &str = "Runs the command.

- `args`: its arguments; the name of the module goes before them.
- `env`: variables of its environment, `[[\"NAME\", \"value\"]]`, besides those that it is granted.
- `stdin`: what it reads from its standard input.

What it writes to its standard output is the result. An exit code other than 0 is an error.";

/// What a command is run with.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Command {
    /// The arguments, the name of the module first.
    pub(in crate::sandbox) args: Vec<String>,
    /// The variables of the environment that are given besides the granted ones, or in their place.
    pub(in crate::sandbox) env: Vec<(String, String)>,
    /// The contents of the standard input.
    pub(in crate::sandbox) stdin: String,
}

impl Command {
    /// The command of this module, with arguments that were bound to the types of its method.
    ///
    /// # Errors
    /// Where no program could be given them, as with a NUL in them; reads on from the method's name.
    pub(in crate::sandbox) fn of(module: &ModuleName, values: Vec<Value>) -> Result<Self, String> {
        let mut command = Self { args: vec![module.to_string()], ..Self::default() };
        // Bound values are of their types, so there are always three.
        if let Ok([args, env, stdin]) = <[Value; 3]>::try_from(values) {
            command.args.extend(elements(args).into_iter().filter_map(text));
            command.env.extend(elements(env).into_iter().filter_map(variable));
            command.stdin = given(stdin).and_then(text).unwrap_or_default();
        }
        match command.unusable() {
            None => Ok(command),
            Some(problem) => Err(problem),
        }
    }

    /// What programs that read arguments and environments in C would cut off or read as something else; `None`
    /// where nothing is.
    fn unusable(&self) -> Option<String> {
        if let Some(place) = self.args.iter().position(|arg| arg.contains('\0')) {
            // The first argument is the module's name, which was not given.
            return Some(format!("cannot take a NUL in an argument (args[{}])", place - 1));
        }
        let is_bad = |(name, value): &&(String, String)| {
            name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
        };
        let (name, _) = self.env.iter().find(is_bad)?;
        Some(format!(
            "cannot take the variable {name:?}: a name has no \"=\", and neither name nor value a NUL"
        ))
    }
}

/// The elements of a list; none where the value is no list.
fn elements(list: Value) -> Vec<Value> {
    match given(list) {
        Some(Value::List(values)) => values,
        _ => Vec::new(),
    }
}

/// The value of an `option`, where one is given.
fn given(option: Value) -> Option<Value> {
    if let Value::Option(value) = option { value.map(|value| *value) } else { None }
}

fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

fn variable(pair: Value) -> Option<(String, String)> {
    let Value::Tuple(pair) = pair else { return None };
    let [name, value] = <[Value; 2]>::try_from(pair).ok()?;
    Some((text(name)?, text(value)?))
}

/// The method that a command has, where this function of its `wasi:cli/run` is what WASI says that it is: `run:
/// func() -> result`. `None` where it is another function.
pub(in crate::sandbox) fn method(
    interface: &str,
    name: &str,
    function: ComponentFuncTypeId,
    types: TypesRef<'_>,
    reflector: &mut Reflector<'_>,
) -> Result<Option<Method>, BadType> {
    let method = Method {
        interface: Some(interface.to_owned()),
        name: name.to_owned(),
        params: Vec::new(),
        result: None,
        is_async: types[function].async_,
        not_callable: None,
        docs: Some(DOCS.to_owned()),
    };
    if !method.is_command() || !takes_and_tells_nothing(types, function) {
        return Ok(None);
    }
    let (params, result) = signature(reflector)?;
    Ok(Some(Method { params, result: Some(result), ..method }))
}

/// Whether a function is a `func() -> result`.
fn takes_and_tells_nothing(types: TypesRef<'_>, function: ComponentFuncTypeId) -> bool {
    let function = &types[function];
    let is_bare = |id| matches!(types[id], ComponentDefinedType::Result { ok: None, err: None, .. });
    let returns = matches!(function.result, Some(ComponentValType::Type(id)) if is_bare(id));
    function.params.is_empty() && returns
}

/// The parameters and the result of the method of a command: `run(args: option<list<string>>, env:
/// option<list<tuple<string, string>>>, stdin: option<string>) -> result<string, exit>`.
fn signature(reflector: &mut Reflector<'_>) -> Result<(Vec<(String, TypeId)>, TypeId), BadType> {
    let mut add = |ty: Type| reflector.add(ty);
    let string = add(Type::String)?;
    let strings = add(Type::List(string))?;
    let args = add(Type::Option(strings))?;
    let pair = add(Type::Tuple(vec![string, string]))?;
    let pairs = add(Type::List(pair))?;
    let env = add(Type::Option(pairs))?;
    let stdin = add(Type::Option(string))?;
    let code = add(Type::U8)?;
    let exit = add(Type::Record(vec![(CODE.to_owned(), code), (STDOUT.to_owned(), string)]))?;
    let result = add(Type::Result(Some(string), Some(exit)))?;
    let params = [("args", args), ("env", env), ("stdin", stdin)];
    Ok((params.map(|(name, ty)| (name.to_owned(), ty)).to_vec(), result))
}

/// The fields in the error of a command.
const CODE: &str = "code";
const STDOUT: &str = "stdout";

/// The error of a command that ended with this code, after it had written this.
pub(in crate::sandbox) fn exit(code: u8, stdout: String) -> Value {
    let stdout = Value::String(stdout);
    match code {
        0 => Value::Result(Ok(Some(Box::new(stdout)))),
        _ => {
            let code = (CODE.to_owned(), Value::Unsigned(code.into()));
            let exit = Value::Record(vec![code, (STDOUT.to_owned(), stdout)]);
            Value::Result(Err(Some(Box::new(exit))))
        }
    }
}

/// Calls `run`, and returns the exit code.
pub(in crate::sandbox) async fn run(store: &mut Store<Guest>, function: Func) -> wasmtime::Result<u8> {
    let function = function.typed::<(), (Result<(), ()>,)>(&*store)?;
    match function.call_async(store, ()).await {
        Ok((Ok(()),)) => Ok(0),
        Ok((Err(()),)) => Ok(1),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(code)) => Ok(u8::try_from(*code).unwrap_or(u8::MAX)),
            None => Err(error),
        },
    }
}
