//! What stands behind a name: `app.integrations`, a provider, an account, a function, and the calls of it. Only what is certain is named.

use std::rc::Rc;
use std::sync::Arc;

use full_moon::ast::{Call, Expression, FunctionArgs, Index, Prefix, Suffix};
use full_moon::tokenizer::TokenReference;

use crate::base::name::{nearest, printable, slug};
use crate::lua::check::arguments::{self, Given, place};
use crate::lua::check::literal;
use crate::lua::check::names::{self, Library};
use crate::lua::check::walk::Walk;
use crate::lua::check::{Place, Remark, Severity};
use crate::lua::mcp;
use crate::registry::catalog::{Callable, Opened};
use crate::registry::function::UPSTREAMS;

/// The options of `:each` and `:all`.
const OPTIONS: [&str; 2] = ["max_items", "max_pages"];

/// What a value is known to be.
#[derive(Clone)]
pub enum Known {
    Nothing,
    App,
    Integrations,
    /// `app.mcp`.
    Servers,
    /// A server whose tools are known.
    Server(Rc<Opened>),
    Provider(Rc<Opened>),
    /// A provider's account, or a function that there is not: what follows tells.
    Account(Rc<Opened>, String),
    Function(Arc<Callable>),
    Library(&'static Library),
    /// `pcall`, which calls what it is given.
    Protected,
    Require,
}

impl Walk<'_> {
    /// A name or value with the indexes and calls behind it.
    pub fn chain(&mut self, prefix: &Prefix, suffixes: &[&Suffix]) -> Known {
        let mut known = match prefix {
            Prefix::Name(token) => self.read(token),
            Prefix::Expression(inner) => self.expression(inner),
            _ => Known::Nothing,
        };
        let mut named: Option<Place> = place(prefix);
        for suffix in suffixes {
            known = match suffix {
                Suffix::Index(Index::Dot { name, .. }) => {
                    named = place(name);
                    self.step(known, name, literal::name(name))
                }
                Suffix::Index(Index::Brackets { expression: Expression::String(token), .. }) => {
                    named = place(token);
                    let key = literal::text(token);
                    key.map_or(Known::Nothing, |key| self.step(known, token, &key))
                }
                Suffix::Index(Index::Brackets { expression, .. }) => {
                    self.expression(expression);
                    Known::Nothing
                }
                Suffix::Call(call) => {
                    self.call(known, call, named);
                    Known::Nothing
                }
                _ => known,
            };
        }
        known
    }

    /// One index.
    fn step(&mut self, known: Known, token: &TokenReference, key: &str) -> Known {
        match known {
            Known::App if key == "integrations" => Known::Integrations,
            Known::App if key == "mcp" => Known::Servers,
            Known::App => self.no_member_of_app(token, key),
            Known::Integrations => self.provider(token, key),
            Known::Provider(opened) if has(&opened, key) => self.named(token, &opened, key),
            Known::Provider(opened) => Known::Account(opened, key.to_owned()),
            Known::Account(opened, _) => self.named(token, &opened, key),
            Known::Function(callable) => {
                let message = format!("{} has no member '{}'", callable.name, printable(key));
                let hints = match key {
                    "each" | "all" | "envelope" => vec![format!("{}:{key}{{…}} with a colon", callable.function.id)],
                    _ => Vec::new(),
                };
                self.say(token, "unknown_function", message, hints);
                Known::Nothing
            }
            Known::Library(library) => self.member(token, library, key),
            Known::Servers => self.server(key),
            Known::Server(opened) => self.tool(token, &opened, key),
            Known::Nothing | Known::Protected | Known::Require => Known::Nothing,
        }
    }

    /// What a host adds to `app` is not known here: only likely slips are named.
    fn no_member_of_app(&mut self, token: &TokenReference, key: &str) -> Known {
        let meant = if self.catalog.ids().unwrap_or_default().iter().any(|id| id == key) {
            format!("app.integrations.{key}")
        } else {
            match nearest(key, ["integrations", "mcp"]).first() {
                Some(near) => format!("app.{near}"),
                None => return Known::Nothing,
            }
        };
        self.say(token, "unknown_global", format!("app has no member '{}'", printable(key)), vec![format!("Did you mean '{meant}'?")]);
        Known::Nothing
    }

    /// A server that was never asked for its tools says nothing of them.
    fn server(&mut self, name: &str) -> Known {
        let opened = self.catalog.provider(&format!("{UPSTREAMS}{}", slug(name))).ok();
        opened.filter(|opened| !opened.functions.is_empty()).map_or(Known::Nothing, |opened| Known::Server(Rc::new(opened)))
    }

    /// The tools are those of the last time: a server may have others by now.
    fn tool(&mut self, token: &TokenReference, opened: &Opened, key: &str) -> Known {
        let provider = &opened.provider.id;
        let found =
            mcp::find(&opened.functions, provider, key).and_then(|found| self.catalog.function(&format!("{provider}.{}", found.id)));
        match found {
            Ok(callable) => Known::Function(callable),
            Err(error) => {
                let at = place(token).unwrap_or(Place { line: 1, column: 1 });
                let remark = Remark { severity: Severity::Warning, ..Remark::error(at, "unknown_function", error.message) };
                self.remarks.push(remark.hints(error.hints));
                Known::Nothing
            }
        }
    }

    fn provider(&mut self, token: &TokenReference, id: &str) -> Known {
        if let Some(opened) = self.opened.get(id) {
            return Known::Provider(opened.clone());
        }
        match self.catalog.provider(id) {
            Ok(opened) => {
                let opened = Rc::new(opened);
                self.opened.insert(id.to_owned(), opened.clone());
                Known::Provider(opened)
            }
            Err(error) => {
                self.say(token, "unknown_provider", error.message, error.hints);
                Known::Nothing
            }
        }
    }

    fn named(&mut self, token: &TokenReference, opened: &Opened, function: &str) -> Known {
        match self.catalog.function(&format!("{}.{function}", opened.provider.id)) {
            Ok(callable) => Known::Function(callable),
            Err(error) => {
                self.say(token, "unknown_function", error.message, error.hints);
                Known::Nothing
            }
        }
    }

    fn member(&mut self, token: &TokenReference, library: &Library, key: &str) -> Known {
        if library.members.contains(&key) {
            return Known::Nothing;
        }
        let full = format!("{}.{key}", library.name);
        match names::removed(&full) {
            Some(instead) => self.say(token, "removed", format!("'{full}' is not part of workflows"), vec![instead.to_owned()]),
            None => {
                let near = nearest(key, library.members.iter().copied()).into_iter();
                let hints = near.map(|near| format!("Did you mean '{}.{near}'?", library.name)).collect();
                self.say(token, "unknown_global", format!("{} has no member '{}'", library.name, printable(key)), hints);
            }
        }
        Known::Nothing
    }

    // ---- calls ----

    fn call(&mut self, known: Known, call: &Call, named: Option<Place>) {
        let at = named.unwrap_or(Place { line: 1, column: 1 });
        match call {
            Call::AnonymousCall(arguments) => {
                let first = self.arguments(arguments);
                match known {
                    Known::Protected => self.protected(arguments, first, at),
                    Known::Require => self.require(arguments),
                    other => self.invoke(other, &Given::of(arguments), at),
                }
            }
            Call::MethodCall(method) => {
                self.arguments(method.args());
                self.method(known, method.name(), &Given::of(method.args()));
            }
            _ => {}
        }
    }

    /// Looks at what is handed over; answers what the first value is.
    fn arguments(&mut self, arguments: &FunctionArgs) -> Known {
        match arguments {
            FunctionArgs::Parentheses { arguments, .. } => self.each(arguments.iter()).into_iter().next().unwrap_or(Known::Nothing),
            FunctionArgs::TableConstructor(table) => {
                self.table(table);
                Known::Nothing
            }
            _ => Known::Nothing,
        }
    }

    fn invoke(&mut self, known: Known, given: &Given<'_>, at: Place) {
        match known {
            Known::Function(callable) => self.compare(&callable, given, at),
            Known::Account(opened, name) => {
                if let Err(error) = self.catalog.function(&format!("{}.{name}", opened.provider.id)) {
                    self.remarks.push(Remark::error(at, "unknown_function", error.message).hints(error.hints));
                }
            }
            Known::Provider(opened) => {
                let id = &opened.provider.id;
                let message = format!("{id} is a provider; one of its functions is called");
                let hint = format!("angelia integrations:docs {id}");
                self.remarks.push(Remark::error(at, "unknown_function", message).hints([hint]));
            }
            _ => {}
        }
    }

    /// `pcall(f, …)` calls `f(…)`.
    fn protected(&mut self, arguments: &FunctionArgs, first: Known, at: Place) {
        if let FunctionArgs::Parentheses { arguments, .. } = arguments {
            let at = arguments.iter().next().and_then(place).unwrap_or(at);
            self.invoke(first, &Given::list(arguments.iter().skip(1)), at);
        }
    }

    fn require(&mut self, arguments: &FunctionArgs) {
        if let Some(name) = literal::only_text(arguments).filter(|name| names::leads_away(name)) {
            let message = format!("require does not take '{}': a module lies beside the workflow or below its folder", printable(&name));
            self.say(arguments, "removed", message, vec![String::from("Write a name without '..' and without a '/' at its start")]);
        }
    }

    fn compare(&mut self, callable: &Callable, given: &Given<'_>, at: Place) {
        if callable.function.deprecated {
            let message = format!("{} is deprecated", callable.name);
            let hint = format!("angelia integrations:docs {}", callable.name);
            let remark = Remark { severity: Severity::Warning, ..Remark::error(at, "deprecated", message) };
            self.remarks.push(remark.hints([hint]));
        }
        self.remarks.extend(arguments::check(callable, given, at));
    }

    fn method(&mut self, known: Known, token: &TokenReference, given: &Given<'_>) {
        let (method, at) = (literal::name(token), place(token).unwrap_or(Place { line: 1, column: 1 }));
        match known {
            Known::Function(callable) if matches!(method, "each" | "all") => {
                if callable.function.pagination(&callable.provider).is_none() {
                    let message = format!("{} is not a list: it has no ':{method}'", callable.name);
                    self.say(token, "not_a_list", message, vec![format!("Call it alone: {}{{…}}", callable.function.id)]);
                }
                let (arguments, options) = given.of_list();
                if let Some(arguments) = arguments {
                    self.compare(&callable, &arguments, at);
                }
                for (name, place) in options.into_iter().flat_map(arguments::names) {
                    if !OPTIONS.contains(&name.as_str()) {
                        let message = format!("':{method}' has no option '{}'", printable(&name));
                        let hint = format!("There are {}", OPTIONS.join(" and "));
                        self.remarks.push(Remark::error(place.unwrap_or(at), "unknown_argument", message).hints([hint]));
                    }
                }
            }
            Known::Function(callable) if method == "envelope" => self.compare(&callable, given, at),
            Known::Function(callable) => {
                let message = format!("{} has no method '{}'", callable.name, printable(method));
                self.say(
                    token,
                    "unknown_function",
                    message,
                    vec![String::from("Functions have :envelope{…}, lists also :each{…} and :all{…}")],
                );
            }
            Known::Provider(opened) | Known::Account(opened, _) if has(&opened, method) => {
                let message = format!("{}.{method} is called with a dot, not with a colon", opened.provider.id);
                self.say(token, "unknown_function", message, vec![format!(".{method}{{…}}")]);
            }
            Known::Account(opened, name) if matches!(method, "each" | "all" | "envelope") => _ = self.named(token, &opened, &name),
            Known::Provider(opened) | Known::Account(opened, _) => _ = self.named(token, &opened, method),
            _ => {}
        }
    }
}

fn has(opened: &Opened, function: &str) -> bool {
    opened.functions.iter().any(|known| known.id == function)
}
