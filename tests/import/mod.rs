//! Importing descriptions of services: what becomes of them, what a call of such a function sends, what changes by importing again, and that
//! no document can do harm.

mod calls;
mod collections;
mod commands;
mod described;
mod formats;
mod hostile;
mod leaving;
mod overlay;
mod places;
mod repeat;
mod schemas;
mod unexpressed;
mod update;

use serde_json::{Value, json};

use crate::support::home::{Home, Run};
use crate::support::server::{Reply, Request, Server};

/// A home in which the provider `svc` may do everything, and a service that answers what it was asked.
pub struct World {
    pub home: Home,
    pub server: Server,
}

impl World {
    pub fn new() -> Self {
        let echo = |request: &Request| {
            let headers: Vec<Value> = request.headers.iter().map(|(name, value)| json!([name, value])).collect();
            let body = String::from_utf8_lossy(&request.body).into_owned();
            Reply::ok(json!({"method": request.method, "target": request.target, "headers": headers, "body": body}).to_string().as_bytes())
        };
        let home = Home::new();
        home.config(
            "[integrations.svc]\nenabled = true\nread = \"allow\"\nwrite = \"allow\"\ndestructive = \"allow\"\nallow_private = true\n",
        );
        Self { home, server: Server::start(echo) }
    }

    /// A document with these paths and this service as its server.
    pub fn document(&self, paths: Value) -> Value {
        json!({"openapi": "3.0.3", "info": {"title": "Service", "version": "1"}, "servers": [{"url": self.server.origin()}], "paths": paths})
    }

    /// Puts a document into a file.
    pub fn write(&self, document: &Value) -> String {
        let path = self.home.path().join("description.json");
        std::fs::write(&path, document.to_string()).unwrap();
        path.display().to_string()
    }

    /// Imports a document as `svc`.
    pub fn import(&self, document: &Value) -> Value {
        let path = self.write(document);
        let run = self.home.run(&["integrations:import", &path, "--as=svc", "--report", "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
        run.json()
    }

    /// Imports a document over `svc`, whatever changes.
    pub fn import_again(&self, document: &Value) {
        let path = self.write(document);
        let run = self.home.run(&["integrations:import", &path, "--as=svc", "--replace", "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
    }

    pub fn call(&self, function: &str, arguments: &Value) -> Value {
        self.try_call(function, arguments).json()
    }

    pub fn try_call(&self, function: &str, arguments: &Value) -> Run {
        self.home.run(&["integrations:call", &format!("svc.{function}"), &arguments.to_string(), "--json"])
    }

    /// The request that a call made.
    pub fn sent(&self, function: &str, arguments: &Value) -> Request {
        let before = self.server.requests().len();
        let run = self.try_call(function, arguments);
        let requests = self.server.requests();
        assert_eq!((run.code, requests.len()), (0, before + 1), "{function} {arguments}: {run:?}");
        requests.last().unwrap().clone()
    }

    /// The input schema of a function.
    pub fn schema(&self, function: &str) -> Value {
        let run = self.home.run(&["integrations:schema", &format!("svc.{function}")]);
        assert_eq!(run.code, 0, "{run:?}");
        run.json()
    }
}

/// An operation with these parameters that answers JSON.
pub fn operation(id: &str, more: Value) -> Value {
    let mut operation = json!({"operationId": id, "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}}});
    if let (Value::Object(operation), Value::Object(more)) = (&mut operation, more) {
        operation.extend(more);
    }
    operation
}

/// What became of the operations of a document, by name.
pub fn fate<'a>(imported: &'a Value, operation: &str) -> &'a Value {
    let fates = imported["report"].as_array().unwrap();
    fates.iter().find(|fate| fate["operation"] == operation).unwrap_or_else(|| panic!("{operation} in {imported:#}"))
}
