//! Where a service is: base URLs, whose variables are fields of an account. What cannot be known from the description is asked for.

use serde_json::{Map, Value};
use url::Url;

use crate::base::address;
use crate::base::name::printable;
use crate::registry::credential::{Credential, CredentialKind};
use crate::registry::import::openapi::doc::{Doc, word};
use crate::registry::import::openapi::implied;
use crate::registry::import::parts;
use crate::registry::lint::names_in;

/// The field that is asked for where no address is known.
const BASE: &str = "base_url";

/// Base URLs by name, with the fields that they need.
#[derive(Debug, Default)]
pub struct Servers {
    pub urls: Map<String, Value>,
    pub fields: Vec<Credential>,
    pub notes: Vec<String>,
    source: String,
}

impl Servers {
    /// Those of a description. `source` is where it came from: addresses may be relative to it.
    pub fn of(doc: &Doc<'_>, source: &str) -> Self {
        let mut servers = Self { source: source.to_owned(), ..Self::default() };
        let written: Vec<Value> = if doc.old { vec![old(doc.root)] } else { Doc::list(doc.root, "servers").to_vec() };
        let urls: Vec<&Value> = written.iter().filter(|server| word(server, "url").is_some()).collect();
        // The first counts; one that answers the whole world goes before one on somebody's own machine, and https before http.
        let local = |server: &&&Value| word(server, "url").is_some_and(|url| url.contains("localhost") || url.contains("127.0.0.1"));
        let works = |server: &&&Value| word(server, "url").is_some_and(|url| unusable(url).is_none());
        let first = urls.iter().find(|server| works(server) && !local(server)).or(urls.iter().find(works)).or(urls.first()).copied();
        let rest = |server: &Value| word(server, "url").and_then(|url| url.split_once("://")).map(|(_, rest)| rest.to_owned());
        let safer =
            |server: &&&Value| word(server, "url").is_some_and(|url| url.starts_with("https://")) && first.and_then(rest) == rest(server);
        let first = urls.iter().find(safer).copied().or(first);
        let url = match first {
            Some(server) => servers.template(server),
            None => servers.relative("/"),
        };
        servers.urls.insert(String::from("default"), Value::from(url));
        let others: Vec<String> =
            urls.iter().filter(|server| Some(**server) != first).filter_map(|server| word(server, "url")).map(printable).collect();
        if !others.is_empty() {
            servers
                .notes
                .push(format!("it has other servers too: {}; configure --server default=URL takes another one", others.join(", ")));
        }
        servers
    }

    /// The name of a server that one operation or path has of its own.
    pub fn own(&mut self, of: &Value) -> Option<String> {
        let server = Doc::list(of, "servers").iter().find(|server| word(server, "url").is_some())?;
        let url = self.template(server);
        if let Some((name, _)) = self.urls.iter().find(|(_, known)| known.as_str() == Some(&url)) {
            return Some(name.clone()).filter(|name| name != "default");
        }
        let host = Url::parse(&url).ok().and_then(|url| url.host_str().map(parts::id)).unwrap_or_else(|| String::from("server"));
        let host: String = host.chars().take(50).collect();
        let mut names = std::iter::once(host.clone()).chain((2..).map(|number| format!("{host}_{number}")));
        let name = names.find(|name| !self.urls.contains_key(name) && name != "default").unwrap_or(host);
        self.urls.insert(name.clone(), Value::from(url));
        Some(name)
    }

    /// A server's URL with our names for its variables, which become fields.
    fn template(&mut self, server: &Value) -> String {
        let written = word(server, "url").unwrap_or("/").replace(' ', "");
        let plain = written.split(['?', '#']).next().unwrap_or_default();
        if plain.len() < written.len() {
            let shown = printable(&written);
            self.notes.push(format!("what stands behind the path in the address of the server {shown} was left out: it is not sent"));
        }
        let mut url = plain.trim_end_matches('/').to_owned();
        if let Some(why) = unusable(&url) {
            self.notes.push(format!("the server {} cannot be used: {why}", printable(&written)));
            url = String::from("/");
        }
        let variables = server.get("variables").and_then(Value::as_object);
        url = self.with_slashes(url, variables);
        for wire in names_in(&url.clone()).map(str::to_owned).collect::<Vec<_>>() {
            let variable = variables.and_then(|all| all.get(&wire)).unwrap_or(&Value::Null);
            let default = variable.get("default").map(crate::base::json::plain).filter(|text| !text.is_empty());
            let slashed = url.split_once("://").is_some_and(|(_, rest)| rest.contains(&format!("/{{{wire}}}")));
            let default = default.map(|text| if slashed { text.trim_start_matches('/').to_owned() } else { text });
            let key = parts::id(&wire);
            url = url.replace(&format!("{{{wire}}}"), &format!("{{{key}}}"));
            if !self.fields.iter().any(|field| field.key == key) {
                let in_path =
                    url.split_once("://").is_some_and(|(_, rest)| rest.split('/').skip(1).any(|part| part.contains(&format!("{{{key}}}"))));
                let mut field = field(&key, variable, default, url.starts_with(&format!("{{{key}}}")));
                if in_path && implied::is_secret(&key) {
                    (field.secret, field.required, field.default) = (true, true, None);
                }
                self.fields.push(field);
            }
        }
        self.without_strange_defaults(&url);
        let mut url = self.without_user(url);
        let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_lowercase()).unwrap_or_default();
        let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-".contains(&b));
        if named && !matches!(scheme.as_str(), "http" | "https") {
            self.notes.push(format!("the server {} cannot be used: it is not asked by https", printable(&url)));
            url = String::from("/");
        }
        let plain = url.as_str();
        if plain.starts_with("https://") || plain.starts_with("http://") || plain.starts_with('{') {
            return plain.to_owned();
        }
        if let Some(rest) = plain.strip_prefix("//") {
            return format!("https://{rest}");
        }
        self.relative(plain)
    }

    /// `https://a.example{base}` where the variable begins with a slash: it is the path, and no part of the host.
    fn with_slashes(&self, url: String, variables: Option<&Map<String, Value>>) -> String {
        let rooted = |wire: &str| variables.and_then(|all| word(all.get(wire)?, "default")).is_some_and(|default| default.starts_with('/'));
        let Some((scheme, rest)) = url.split_once("://") else { return url };
        match rest.split_once('{').and_then(|(host, tail)| Some((host, tail.split_once('}')?))) {
            Some((host, (wire, after)))
                if !host.is_empty() && !host.contains('/') && rooted(wire) && (after.is_empty() || after.starts_with('/')) =>
            {
                format!("{scheme}://{host}/{{{wire}}}{after}")
            }
            _ => url,
        }
    }

    /// An address without the user name and password that stand in it: accounts have these.
    fn without_user(&mut self, url: String) -> String {
        let Some((scheme, rest)) = url.split_once("//") else { return url };
        let end = rest.find('/').unwrap_or(rest.len());
        match rest.get(..end).and_then(|host| host.rsplit_once('@')) {
            None => url,
            Some((_, host)) => {
                let plain = format!("{scheme}//{host}{}", rest.get(end..).unwrap_or_default());
                self.notes.push(format!("the user name in the address of the server {} was left out", printable(&plain)));
                plain
            }
        }
    }

    /// A default that would change which host is asked is no default.
    fn without_strange_defaults(&mut self, url: &str) {
        for field in &mut self.fields {
            let Some(why) = field.default.as_ref().and_then(|default| address::fits(url, &field.key, default).err()) else { continue };
            let shown = printable(field.default.as_deref().unwrap_or_default());
            self.notes.push(format!("the default '{shown}' of the server's variable '{}' was left out: it {why}", field.key));
            // Of a field that another server brought along the default goes too: it stands in both.
            (field.default, field.required) = (None, true);
        }
    }

    /// An address below the one that the description came from; without one it is asked for.
    fn relative(&mut self, path: &str) -> String {
        let path = path.trim_start_matches('.');
        if path.split('/').next().is_some_and(|first| first.contains('.') && !path.starts_with('/')) {
            return format!("https://{path}");
        }
        let from = Url::parse(&self.source).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let path = format!("/{}", path.trim_matches('/'));
        let path = path.trim_end_matches('/');
        if let Some(from) = from {
            return format!("{}{path}", from.origin().ascii_serialization());
        }
        if !self.fields.iter().any(|field| field.key == BASE) {
            let mut base = parts::field(
                BASE,
                "Base URL",
                false,
                "Where the service is, such as https://api.example.com; its description does not say it.",
            );
            (base.kind, base.required) = (CredentialKind::Url, true);
            self.fields.push(base);
        }
        format!("{{{BASE}}}{path}")
    }
}

/// Why an absolute address can be no server; one with variables is looked at when these are known.
fn unusable(url: &str) -> Option<&'static str> {
    let rest = url.split_once("://").filter(|(scheme, _)| scheme.to_ascii_lowercase().starts_with("http"))?.1;
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    if path.split('/').skip(1).any(|part| matches!(part.to_ascii_lowercase().as_str(), "." | ".." | "%2e" | "%2e%2e" | ".%2e" | "%2e.")) {
        return Some("its path leads out of itself");
    }
    if rest.contains('{') {
        return None;
    }
    match Url::parse(url) {
        Err(url::ParseError::InvalidPort) => Some("its port is none"),
        Err(_) => Some("it is no address"),
        Ok(_) => None,
    }
}

/// A variable of a server as a field.
fn field(key: &str, variable: &Value, default: Option<String>, whole: bool) -> Credential {
    let options: Vec<String> = Doc::list(variable, "enum").iter().map(crate::base::json::plain).map(|text| printable(&text)).collect();
    let mut help = word(variable, "description").map(crate::registry::import::text::remark).unwrap_or_default();
    if !options.is_empty() {
        help = format!("{help} One of: {}.", options.join(", ")).trim_start().to_owned();
    }
    let mut field = parts::field(key, &parts::title(key), false, &help);
    field.required = default.is_none();
    field.default = default;
    if whole && field.default.as_ref().is_none_or(|url| url.starts_with("http")) {
        field.kind = CredentialKind::Url;
    }
    field
}

/// Swagger 2 says it in three words.
fn old(root: &Value) -> Value {
    let schemes = Doc::list(root, "schemes");
    let https = schemes.is_empty() || schemes.iter().any(|scheme| scheme == "https");
    let base = word(root, "basePath").unwrap_or_default();
    let base = if base.is_empty() || base.starts_with('/') { base.to_owned() } else { format!("/{base}") };
    let url = match word(root, "host") {
        Some(host) => format!("{}://{host}{base}", if https { "https" } else { "http" }),
        None if base.is_empty() => String::from("/"),
        None => base,
    };
    serde_json::json!({"url": url})
}
