//! The walk over a workflow's tree: which name means what where, and what stands behind `app.integrations`. Types are not looked at.
//! A name that is assigned again means nothing from there on.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use full_moon::ast::{
    Assignment, Ast, Block, Call, CompoundAssignment, Expression, Field, FunctionArgs, FunctionBody, FunctionDeclaration, Index, LastStmt,
    Parameter, Prefix, Stmt, Suffix, TableConstructor, Var,
};
use full_moon::node::Node;
use full_moon::tokenizer::TokenReference;
use full_moon::visitors::Visitor;

use crate::base::error::Error;
use crate::base::name::{nearest, printable};
use crate::lua::check::arguments::{self, Given, place};
use crate::lua::check::literal;
use crate::lua::check::names::{self, GLOBALS, Library};
use crate::lua::check::{Place, Remark, Severity};
use crate::registry::catalog::{Callable, Catalog, Opened};

/// What a value is known to be.
#[derive(Clone)]
pub enum Known {
    Nothing,
    App,
    Integrations,
    Provider(Rc<Opened>),
    /// A provider's account, or a function that there is not: what follows tells.
    Account(Rc<Opened>, String),
    Function(Arc<Callable>),
    Library(&'static Library),
    /// `pcall`, which calls what it is given.
    Protected,
    Require,
}

struct Local {
    name: String,
    known: Known,
    /// How many functions are around its declaration.
    depth: usize,
}

/// The state of a walk.
pub struct Walk<'a> {
    catalog: &'a Catalog,
    remarks: Vec<Remark>,
    locals: Vec<Local>,
    /// Names that are assigned somewhere without `local`.
    assigned: HashSet<String>,
    depth: usize,
    opened: HashMap<String, Rc<Opened>>,
}

/// Collects the names that are assigned.
struct Assigned(HashSet<String>);

impl Assigned {
    fn var(&mut self, var: &Var) {
        if let Var::Name(token) = var {
            self.0.insert(literal::name(token).to_owned());
        }
    }
}

impl Visitor for Assigned {
    fn visit_assignment(&mut self, node: &Assignment) {
        node.variables().iter().for_each(|var| self.var(var));
    }

    fn visit_compound_assignment(&mut self, node: &CompoundAssignment) {
        self.var(node.lhs());
    }

    fn visit_function_declaration(&mut self, node: &FunctionDeclaration) {
        if node.name().names().len() == 1 {
            self.0.extend(node.name().names().iter().map(|token| literal::name(token).to_owned()));
        }
    }
}

impl<'a> Walk<'a> {
    /// Begins a walk.
    pub fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, remarks: Vec::new(), locals: Vec::new(), assigned: HashSet::new(), depth: 0, opened: HashMap::new() }
    }

    /// Walks over a whole workflow.
    pub fn over(mut self, tree: &Ast) -> Vec<Remark> {
        let mut assigned = Assigned(HashSet::new());
        assigned.visit_ast(tree);
        self.assigned = assigned.0;
        self.block(tree.nodes());
        self.remarks
    }

    fn say(&mut self, node: &impl Node, code: &'static str, message: String, hints: Vec<String>) {
        let at = place(node).unwrap_or(Place { line: 1, column: 1 });
        self.remarks.push(Remark::error(at, code, message).hints(hints));
    }

    fn refuse(&mut self, node: &impl Node, code: &'static str, error: Error) {
        self.say(node, code, error.message, error.hints);
    }

    // ---- names ----

    fn declare(&mut self, token: &TokenReference, known: Known) {
        self.locals.push(Local { name: literal::name(token).to_owned(), known, depth: self.depth });
    }

    fn reassign(&mut self, token: &TokenReference) {
        let name = literal::name(token);
        if let Some(local) = self.locals.iter_mut().rev().find(|local| local.name == name) {
            local.known = Known::Nothing;
        }
    }

    fn read(&mut self, token: &TokenReference) -> Known {
        let name = literal::name(token);
        if let Some(local) = self.locals.iter().rev().find(|local| local.name == name) {
            // A function may run after what stands below it.
            let settled = local.depth == self.depth || !self.assigned.contains(name);
            return if settled { local.known.clone() } else { Known::Nothing };
        }
        match name {
            _ if self.assigned.contains(name) => Known::Nothing,
            "app" => Known::App,
            "pcall" => Known::Protected,
            "require" => Known::Require,
            _ if GLOBALS.contains(&name) => Known::Nothing,
            _ => names::library(name).map_or_else(|| self.no_global(token, name), Known::Library),
        }
    }

    fn no_global(&mut self, token: &TokenReference, name: &str) -> Known {
        if let Some(instead) = names::removed(name) {
            self.say(token, "removed", format!("'{name}' is not part of workflows"), vec![instead.to_owned()]);
            return Known::Nothing;
        }
        let mut hints = Vec::new();
        if self.catalog.ids().unwrap_or_default().iter().any(|id| id == name) {
            hints.push(format!("app.integrations.{name}"));
        }
        let known = GLOBALS.iter().copied().chain(names::libraries()).collect::<Vec<&str>>();
        let near: Vec<&str> = nearest(name, known.into_iter().chain(self.locals.iter().map(|local| local.name.as_str())));
        hints.extend(near.into_iter().map(|near| format!("Did you mean '{near}'?")));
        self.say(token, "unknown_global", format!("unknown global '{}'", printable(name)), hints);
        Known::Nothing
    }

    // ---- statements ----

    fn block(&mut self, block: &Block) {
        let mark = self.locals.len();
        self.statements(block);
        self.locals.truncate(mark);
    }

    fn statements(&mut self, block: &Block) {
        block.stmts().for_each(|statement| self.statement(statement));
        if let Some(LastStmt::Return(returned)) = block.last_stmt() {
            self.each(returned.returns().iter());
        }
    }

    fn each<'e>(&mut self, expressions: impl Iterator<Item = &'e Expression>) -> Vec<Known> {
        expressions.map(|expression| self.expression(expression)).collect()
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Assignment(node) => self.assignment(node),
            Stmt::CompoundAssignment(node) => {
                self.var(node.lhs());
                self.expression(node.rhs());
                self.target(node.lhs());
            }
            Stmt::Do(node) => self.block(node.block()),
            Stmt::FunctionCall(call) => _ = self.chain(call.prefix(), &call.suffixes().collect::<Vec<_>>()),
            Stmt::FunctionDeclaration(node) => self.function(node),
            Stmt::LocalAssignment(node) => {
                let known = self.each(node.expressions().iter());
                self.declare_all(node.names().iter(), known);
            }
            Stmt::ConstAssignment(node) => {
                let known = self.each(node.expressions().iter());
                self.declare_all(node.names().iter(), known);
            }
            Stmt::LocalFunction(node) => {
                self.declare(node.name(), Known::Nothing);
                self.body(node.body(), false);
            }
            Stmt::ConstFunction(node) => {
                self.declare(node.name(), Known::Nothing);
                self.body(node.body(), false);
            }
            loop_or_branch => self.control(loop_or_branch),
        }
    }

    fn control(&mut self, statement: &Stmt) {
        match statement {
            Stmt::GenericFor(node) => {
                self.each(node.expressions().iter());
                self.with(node.names().iter(), node.block());
            }
            Stmt::NumericFor(node) => {
                self.each([node.start(), node.end()].into_iter().chain(node.step()));
                self.with(std::iter::once(node.index_variable()), node.block());
            }
            Stmt::If(node) => {
                self.expression(node.condition());
                self.block(node.block());
                for other in node.else_if().into_iter().flatten() {
                    self.expression(other.condition());
                    self.block(other.block());
                }
                node.else_block().into_iter().for_each(|block| self.block(block));
            }
            Stmt::While(node) => {
                self.expression(node.condition());
                self.block(node.block());
            }
            Stmt::Repeat(node) => {
                let mark = self.locals.len();
                self.statements(node.block());
                self.expression(node.until());
                self.locals.truncate(mark);
            }
            _ => {}
        }
    }

    fn declare_all<'e>(&mut self, names: impl Iterator<Item = &'e TokenReference>, known: Vec<Known>) {
        let mut known = known.into_iter();
        for name in names {
            self.declare(name, known.next().unwrap_or(Known::Nothing));
        }
    }

    fn with<'e>(&mut self, names: impl Iterator<Item = &'e TokenReference>, block: &Block) {
        let mark = self.locals.len();
        self.declare_all(names, Vec::new());
        self.statements(block);
        self.locals.truncate(mark);
    }

    fn assignment(&mut self, node: &Assignment) {
        self.each(node.expressions().iter());
        node.variables().iter().for_each(|var| self.target(var));
    }

    /// What is assigned to. The last part of a path comes into being by it.
    fn target(&mut self, var: &Var) {
        match var {
            Var::Name(token) => self.reassign(token),
            Var::Expression(path) => {
                let mut suffixes: Vec<&Suffix> = path.suffixes().collect();
                let last = suffixes.pop();
                self.chain(path.prefix(), &suffixes);
                if let Some(Suffix::Index(Index::Brackets { expression, .. })) = last {
                    self.expression(expression);
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, node: &FunctionDeclaration) {
        let names = node.name().names();
        match names.iter().next() {
            Some(first) if names.len() > 1 || node.name().method_name().is_some() => _ = self.read(first),
            Some(first) => self.reassign(first),
            None => {}
        }
        self.body(node.body(), node.name().method_name().is_some());
    }

    fn body(&mut self, body: &FunctionBody, method: bool) {
        let mark = self.locals.len();
        self.depth += 1;
        if method {
            self.locals.push(Local { name: String::from("self"), known: Known::Nothing, depth: self.depth });
        }
        for parameter in body.parameters() {
            if let Parameter::Name(token) = parameter {
                self.declare(token, Known::Nothing);
            }
        }
        self.statements(body.block());
        self.depth -= 1;
        self.locals.truncate(mark);
    }

    // ---- expressions ----

    fn expression(&mut self, expression: &Expression) -> Known {
        if let Some((prefix, suffixes)) = literal::parts(expression) {
            return self.chain(prefix, &suffixes);
        }
        match expression {
            Expression::Parentheses { expression, .. } | Expression::TypeAssertion { expression, .. } => {
                return self.expression(expression);
            }
            Expression::Var(var) => return self.var(var),
            Expression::BinaryOperator { lhs, rhs, .. } => {
                self.expression(lhs);
                self.expression(rhs);
            }
            Expression::UnaryOperator { expression, .. } => _ = self.expression(expression),
            Expression::Function(function) => self.body(function.body(), false),
            Expression::IfExpression(node) => {
                self.each([node.condition(), node.if_expression(), node.else_expression()].into_iter());
                for other in node.else_if_expressions().into_iter().flatten() {
                    self.each([other.condition(), other.expression()].into_iter());
                }
            }
            Expression::InterpolatedString(text) => _ = self.each(text.expressions()),
            Expression::TableConstructor(table) => self.table(table),
            _ => {}
        }
        Known::Nothing
    }

    fn var(&mut self, var: &Var) -> Known {
        match var {
            Var::Name(token) => self.read(token),
            Var::Expression(path) => self.chain(path.prefix(), &path.suffixes().collect::<Vec<_>>()),
            _ => Known::Nothing,
        }
    }

    fn table(&mut self, table: &TableConstructor) {
        for field in table.fields() {
            match field {
                Field::ExpressionKey { key, value, .. } => _ = self.each([key, value].into_iter()),
                Field::NameKey { value, .. } | Field::NoKey(value) => _ = self.expression(value),
                _ => {}
            }
        }
    }

    /// A name or value with the indexes and calls behind it.
    fn chain(&mut self, prefix: &Prefix, suffixes: &[&Suffix]) -> Known {
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
            Known::App => self.no_member_of_app(token, key),
            Known::Integrations => self.provider(token, key),
            Known::Provider(opened) if has(&opened, key) => self.named(token, &opened, key),
            Known::Provider(opened) => Known::Account(opened, key.to_owned()),
            Known::Account(opened, _) => self.named(token, &opened, key),
            Known::Function(callable) => {
                let message = format!("{} has no member '{}'", callable.name, printable(key));
                let hints = match key {
                    "each" | "all" => vec![format!("{}:{key}{{…}} with a colon", callable.function.id)],
                    _ => Vec::new(),
                };
                self.say(token, "unknown_function", message, hints);
                Known::Nothing
            }
            Known::Library(library) => self.member(token, library, key),
            Known::Nothing | Known::Protected | Known::Require => Known::Nothing,
        }
    }

    /// What a host adds to `app` is not known here: only likely slips are named.
    fn no_member_of_app(&mut self, token: &TokenReference, key: &str) -> Known {
        let meant = if self.catalog.ids().unwrap_or_default().iter().any(|id| id == key) {
            format!("app.integrations.{key}")
        } else if nearest(key, ["integrations"]).is_empty() {
            return Known::Nothing;
        } else {
            String::from("app.integrations")
        };
        self.say(token, "unknown_global", format!("app has no member '{}'", printable(key)), vec![format!("Did you mean '{meant}'?")]);
        Known::Nothing
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
                self.refuse(token, "unknown_provider", error);
                Known::Nothing
            }
        }
    }

    fn named(&mut self, token: &TokenReference, opened: &Opened, function: &str) -> Known {
        match self.catalog.function(&format!("{}.{function}", opened.provider.id)) {
            Ok(callable) => Known::Function(callable),
            Err(error) => {
                self.refuse(token, "unknown_function", error);
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
                self.compare(&callable, given, at);
            }
            Known::Function(callable) => {
                let message = format!("{} has no method '{}'", callable.name, printable(method));
                self.say(token, "unknown_function", message, vec![String::from("Lists have :each{…} and :all{…}")]);
            }
            Known::Provider(opened) | Known::Account(opened, _) if has(&opened, method) => {
                let message = format!("{}.{method} is called with a dot, not with a colon", opened.provider.id);
                self.say(token, "unknown_function", message, vec![format!(".{method}{{…}}")]);
            }
            Known::Account(opened, name) if matches!(method, "each" | "all") => _ = self.named(token, &opened, &name),
            Known::Provider(opened) | Known::Account(opened, _) => _ = self.named(token, &opened, method),
            _ => {}
        }
    }
}

fn has(opened: &Opened, function: &str) -> bool {
    opened.functions.iter().any(|known| known.id == function)
}
