//! A small provider of the user's own and the service behind it, so that what a test prints does not change with the built-in catalog.

use std::time::Duration;

use serde_json::json;

use super::home::Home;
use super::server::{Reply, Request, Server};

/// The credential that the service wants.
pub const TOKEN: &str = "tok3n-of-the-shop";

const MANIFEST: &str = r#"
id: shop
title: Shop
description: Articles of a small shop.
category: commerce
auth_strategy: api_key
compatibility_summary: Works with every version of the shop.
links: {docs: "https://shop.example/docs"}
credentials:
  - {key: token, label: API token, secret: true, help: "Settings, API.", env: [SHOP_TOKEN]}
  - {key: shelf, label: Shelf, secret: false, required: false, default: main}
auth: {type: bearer, value: "{token}"}
servers: {default: "http://127.0.0.1:1"}
errors: {message: [message], code: [code], request_id: [x-request-id]}
verify: get_owner
functions:
  - id: get_owner
    title: Get the owner
    description: Returns who owns the shop.
    operation: read
    request: GET /owner
    examples: [{arguments: {}}]
  - id: list_articles
    title: List articles
    description: Lists articles, cheapest first.
    operation: read
    request: GET /articles
    synonyms: [browse wares]
    parameters:
      color: {type: string, enum: [red, blue], description: Only this color.}
      limit: {type: integer, minimum: 1, maximum: 100, description: Articles per page.}
      cursor: {type: string, description: Cursor of the next page.}
    pagination: {style: cursor, items: articles, parameter: cursor, limit: limit, next: next, max_page_size: 100}
    examples: [{title: The blue ones, arguments: {color: blue}}]
  - id: get_article
    title: Get an article
    description: Returns one article.
    operation: read
    request: GET /articles/{article}
    parameters: {article: {type: string, description: Its number.}}
    required: [article]
    output: {type: object, properties: {id: {type: string}}}
    examples: [{arguments: {article: a1}}]
  - id: create_article
    title: Create an article
    description: Puts an article on a shelf.
    operation: write
    request: POST /articles
    parameters:
      name: {type: string, minLength: 1, description: What it is called.}
      price: {type: integer, minimum: 0, description: In cents.}
      sold: {type: boolean, description: Whether it is sold out.}
    required: [name, price]
    examples: [{arguments: {name: Lamp, price: 1200}}]
  - id: delete_article
    title: Delete an article
    description: Throws an article away.
    operation: destructive
    request: DELETE /articles/{article}
    parameters: {article: {type: string, description: Its number.}}
    required: [article]
    examples: [{arguments: {article: a1}}]
"#;

/// A home that knows the provider and nothing more: not enabled, no credential.
pub fn closed() -> Home {
    let home = Home::new();
    home.manifest("shop", MANIFEST);
    home
}

/// A home in which the provider may be called as `rules` say (lines such as `read = "allow"`), and the service.
pub fn open(rules: &str) -> (Home, Server) {
    let (home, server) = (closed(), Server::start(answer));
    home.config(&settings(&server, rules));
    (home.env("ANGELIA_SHOP_TOKEN", TOKEN), server)
}

/// Settings that enable the provider and send it to this server.
pub fn settings(server: &Server, rules: &str) -> String {
    format!(
        "[integrations.shop]\nenabled = true\nallow_private = true\n{rules}\n[integrations.shop.servers]\ndefault = \"{}\"\n",
        server.origin()
    )
}

/// What the service answers.
pub fn answer(request: &Request) -> Reply {
    let json = |value: serde_json::Value| Reply::ok(value.to_string().as_bytes());
    let lamp = json!({"id": "a1", "name": "Lamp", "price": 1200, "sold": false});
    match (request.method.as_str(), request.path()) {
        _ if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) => {
            Reply::status(401).body(br#"{"code": "who", "message": "Who are you?"}"#)
        }
        ("GET", "/owner") => json(json!({"id": "o1", "name": "Ada"})),
        ("GET", "/articles") if request.query("cursor").is_some() => {
            json(json!({"articles": [{"id": "a3", "name": "Rug", "price": 9900, "sold": true}], "next": null}))
        }
        ("GET", "/articles") => json(json!({"articles": [lamp, {"id": "a2", "name": "Cup", "price": 300, "sold": false}], "next": "c2"})),
        ("GET", "/articles/a1") => json(lamp),
        ("GET", "/articles/busy") => {
            Reply::status(429).header("retry-after", "3600").body(br#"{"code": "slow", "message": "Come back later."}"#)
        }
        ("GET", "/articles/slow") => Reply::trickle(Duration::from_millis(50)),
        ("GET", "/articles/page") => Reply::ok(b"<html>log in</html>").header("content-type", "text/html"),
        ("POST", "/articles") if String::from_utf8_lossy(&request.body).contains("Lost") => Reply::reset(),
        ("POST", "/articles") => json(json!({"id": "a4"})),
        ("DELETE", _) => Reply::status(204),
        _ => Reply::status(404).header("x-request-id", "req-7").body(br#"{"code": "gone", "message": "There is no such article."}"#),
    }
}
