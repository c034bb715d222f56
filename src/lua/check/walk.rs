//! The walk over a workflow's tree: which name means what where. What stands behind `app.integrations` is followed in `paths`.
//! Types are not looked at. A name that is assigned again means nothing from there on.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use full_moon::ast::{
    Assignment, Ast, Block, CompoundAssignment, Expression, Field, FunctionBody, FunctionDeclaration, Index, LastStmt, Parameter, Stmt,
    Suffix, TableConstructor, Var,
};
use full_moon::node::Node;
use full_moon::tokenizer::TokenReference;
use full_moon::visitors::Visitor;

use crate::base::name::{nearest, printable};
use crate::lua::check::arguments::place;
use crate::lua::check::literal;
use crate::lua::check::names::{self, GLOBALS};
use crate::lua::check::paths::Known;
use crate::lua::check::{Place, Remark};
use crate::registry::catalog::{Catalog, Opened};

struct Local {
    name: String,
    known: Known,
    /// How many functions are around its declaration.
    depth: usize,
}

/// The state of a walk.
pub struct Walk<'a> {
    pub catalog: &'a Catalog,
    pub remarks: Vec<Remark>,
    locals: Vec<Local>,
    /// Names that are assigned somewhere without `local`.
    assigned: HashSet<String>,
    depth: usize,
    /// Providers that were looked at.
    pub opened: HashMap<String, Rc<Opened>>,
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

    /// Adds an error where a node stands.
    pub fn say(&mut self, node: &impl Node, code: &'static str, message: String, hints: Vec<String>) {
        let at = place(node).unwrap_or(Place { line: 1, column: 1 });
        self.remarks.push(Remark::error(at, code, message).hints(hints));
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

    /// What a name means here.
    pub fn read(&mut self, token: &TokenReference) -> Known {
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

    /// Walks over expressions; answers what each is.
    pub fn each<'e>(&mut self, expressions: impl Iterator<Item = &'e Expression>) -> Vec<Known> {
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

    /// Walks over an expression.
    pub fn expression(&mut self, expression: &Expression) -> Known {
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

    /// Walks over the fields of a table.
    pub fn table(&mut self, table: &TableConstructor) {
        for field in table.fields() {
            match field {
                Field::ExpressionKey { key, value, .. } => _ = self.each([key, value].into_iter()),
                Field::NameKey { value, .. } | Field::NoKey(value) => _ = self.expression(value),
                _ => {}
            }
        }
    }
}
