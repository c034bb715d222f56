//! One Discovery method as functions: the method itself, and where it carries content, a download and an upload beside it.

use serde_json::{Map, Value, json};

use crate::base::json::text;
use crate::base::name::printable;
use crate::registry::function::{BodyForm, Function, Operation, ResponseForm};
use crate::registry::import::Fate;
use crate::registry::import::class::{Asked, class};
use crate::registry::import::discovery::shapes::{Shapes, constraints, only_answered};
use crate::registry::import::kept::Names;
use crate::registry::import::parts::{Ids, free, function, give_example, id, id_of, singular, title};
use crate::registry::import::text::{remark_or, sentences};

/// A method with the resources that it lies in.
pub(super) struct Method<'a> {
    /// As Google names it: `drive.files.list`.
    pub id: String,
    pub name: &'a str,
    pub chain: Vec<&'a str>,
    pub members: &'a Map<String, Value>,
}

/// What all methods of a document share.
pub(super) struct Making<'a> {
    pub shapes: &'a Shapes<'a>,
    pub top: &'a Map<String, Value>,
    pub kept: &'a Names,
}

type Made = (Option<Function>, Fate);

impl<'a> Making<'a> {
    /// The functions of a method, each with its fate.
    pub(super) fn functions(&self, method: &Method<'a>, name: &str, ids: &mut Ids) -> Vec<Made> {
        self.shapes.begin();
        let mut warnings = Vec::new();
        let Some(request) = request(method, "path", &mut warnings) else {
            let fate = Fate { operation: method.id.clone(), function: None, left_out: warnings.pop(), warnings };
            return vec![(None, fate)];
        };
        let mut made = self.plain(method, name, request, &mut warnings);
        let answered = method.members.get("response").and_then(Value::as_object);
        let download = truth(method, "supportsMediaDownload");
        if download && answered.is_none() {
            self.as_download(method, &mut made);
        }
        let uses: Vec<Made> = [
            (download && answered.is_some()).then(|| self.download(method, &made, ids)),
            method.members.get("mediaUpload").map(|media| self.upload(method, media, &made, ids)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if truth(method, "supportsSubscription") {
            warnings.push(String::from("subscribing to changes is not expressed"));
        }
        let fate = Fate { operation: method.id.clone(), function: Some(made.id.clone()), left_out: None, warnings };
        [vec![(Some(made), fate)], uses].concat()
    }

    fn plain(&self, method: &Method<'a>, name: &str, request: String, warnings: &mut Vec<String>) -> Function {
        let verb = method.members.get("httpMethod").and_then(Value::as_str).unwrap_or("GET");
        let said = text(method.members, "description").unwrap_or_default();
        let path = text(method.members, "path").unwrap_or_default();
        let (operation, because) = class(&Asked { method: verb, path, id: Some(method.name), told: &[said] });
        let described = sentences(said, &title(name));
        let mut made = function(name, described, operation);
        made.read_because = because;
        made.request = Some(request);
        made.idempotent = matches!(verb, "PUT") && operation != Operation::Read;
        made.deprecated = truth(method, "deprecated");
        made.synonyms = vec![method.id.clone()];
        self.parameters(method, &mut made, warnings);
        if let Some(schema) = self.referred(method, "request") {
            self.body(schema, &method.id, &mut made, warnings);
        }
        if let Some(raw) = method.members.get("response").and_then(Value::as_object) {
            let kept = self.shapes.was_cut();
            made.output = Some(Value::Object(self.shapes.schema(raw, false)));
            self.pages(raw, &mut made, warnings);
            // That an answer is described in part only harms nobody.
            if kept {
                warnings.push(String::from("the body is described to a bounded depth; deeper members take any value"));
            }
        } else if self.shapes.was_cut() {
            warnings.push(String::from("the body is described to a bounded depth; deeper members take any value"));
        }
        give_example(&mut made);
        made
    }

    fn referred(&self, method: &Method<'a>, key: &str) -> Option<&'a Map<String, Value>> {
        let raw = method.members.get(key)?.as_object()?;
        match text(raw, "$ref") {
            Some(name) => self.shapes.named(name),
            None => Some(raw),
        }
    }

    fn parameters(&self, method: &Method<'a>, made: &mut Function, warnings: &mut Vec<String>) {
        let own = method.members.get("parameters").and_then(Value::as_object).into_iter().flatten();
        let global = self.top.get("parameters").and_then(Value::as_object).into_iter().flatten().filter(|(name, _)| *name == "fields");
        let path = made.request.clone().unwrap_or_default();
        for (wire, raw) in own.chain(global).filter_map(|(wire, raw)| raw.as_object().map(|raw| (wire, raw))) {
            let in_path = path.contains(&format!("{{{wire}}}"));
            if wire.chars().any(char::is_control) {
                warnings.push(String::from("a parameter whose name holds control characters is left out"));
                continue;
            }
            if text(raw, "location") == Some("path") && !in_path {
                warnings.push(format!("the path does not name its parameter '{wire}'"));
                continue;
            }
            let schema = parameter(wire, raw, in_path, &path_form(method, wire));
            add(made, wire, schema, in_path || raw.get("required").and_then(Value::as_bool) == Some(true));
        }
        // A path that names what nothing describes is still a path.
        let known: Vec<String> = made.parameters.keys().map(|name| made.wire_name(name).to_owned()).collect();
        let missing: Vec<String> =
            crate::registry::lint::names_in(&path).filter(|wire| !known.iter().any(|name| name == wire)).map(str::to_owned).collect();
        for wire in missing {
            let schema = json!({"type": "string", "description": title(&id(&wire)), "in": "path", "as": wire});
            add(made, &wire, schema, true);
        }
    }

    /// The members of a body as parameters; a body that has none is one parameter.
    fn body(&self, schema: &'a Map<String, Value>, method: &str, made: &mut Function, warnings: &mut Vec<String>) {
        let members = schema.get("properties").and_then(Value::as_object).filter(|members| !members.is_empty());
        let plain = members.filter(|members| !members.keys().any(|name| name.contains(|c: char| matches!(c, '.' | '[') || c.is_control())));
        let Some(members) = plain else {
            let mut whole = Value::Object(self.shapes.schema(schema, true));
            whole["description"] = remark_or(text(schema, "description").unwrap_or_default(), "The whole body.").into();
            whole["in"] = "body".into();
            whole["as"] = ".".into();
            return add(made, "body", whole, false);
        };
        let needs = |raw: &Map<String, Value>| {
            let asked = raw.get("annotations").and_then(|said| said.get("required")).and_then(Value::as_array);
            let said = text(raw, "description").unwrap_or_default();
            asked.is_some_and(|methods| methods.iter().any(|name| name.as_str() == Some(method)))
                || (made_by_post(made) && (said.starts_with("Required.") || said.starts_with("[Required]")))
        };
        let raws: Vec<(&String, &Map<String, Value>)> =
            members.iter().filter_map(|(name, raw)| raw.as_object().map(|raw| (name, raw))).collect();
        let chosen: Vec<(&String, &Map<String, Value>, bool)> =
            raws.iter().filter(|(_, raw)| !only_answered(raw)).map(|(name, raw)| (*name, *raw, needs(raw))).collect();
        for (wire, raw, needed) in &chosen {
            let mut schema = Value::Object(self.shapes.schema(raw, true));
            let said = text(raw, "description").unwrap_or_default();
            schema["description"] = remark_or(said, &title(&id(wire))).into();
            schema["in"] = "body".into();
            add(made, wire, schema, *needed);
        }
        let left = raws.len() - chosen.len();
        if left > 0 && chosen.is_empty() {
            warnings.push(String::from("every member of the body is set by the service alone; none is sent"));
        }
    }

    fn pages(&self, raw: &'a Map<String, Value>, made: &mut Function, warnings: &mut Vec<String>) {
        let schema = text(raw, "$ref").and_then(|name| self.shapes.named(name)).unwrap_or(raw);
        let Some(members) = schema.get("properties").and_then(Value::as_object) else { return };
        let token = made.parameters.keys().find(|name| made.wire_name(name) == "pageToken").cloned();
        let (Some(parameter), true) = (token, members.contains_key("nextPageToken")) else { return };
        let lists: Vec<&String> =
            members.iter().filter(|(_, raw)| raw.get("type").and_then(Value::as_str) == Some("array")).map(|(name, _)| name).collect();
        let side = |name: &&&String| matches!(name.as_str(), "unreachable" | "warnings" | "errors" | "unreachables" | "missingZones");
        let of_objects =
            |name: &&&String| members.get(name.as_str()).and_then(|raw| raw.get("items")).is_some_and(|items| items.get("$ref").is_some());
        let named = |name: &&&String| name.as_str() == "items" || made.id.ends_with(id(name).as_str());
        let items =
            lists.iter().find(named).or(lists.iter().filter(of_objects).find(|name| !side(name))).or(lists.iter().find(|name| !side(name)));
        let Some(items) = items else {
            return warnings.push(String::from("pages are not followed: the answer holds no list; pass the page token yourself"));
        };
        let mut pages = json!({"style": "cursor", "items": items, "parameter": parameter, "next": "nextPageToken"});
        let size = made.parameters.iter().find(|(name, _)| matches!(made.wire_name(name), "pageSize" | "maxResults"));
        if let Some((name, schema)) = size {
            pages["limit"] = name.as_str().into();
            if let Some(most) = schema.get("maximum").and_then(Value::as_u64).filter(|most| (1..=100_000).contains(most)) {
                pages["max_page_size"] = most.into();
            }
        }
        made.pagination = Some(pages);
    }

    fn as_download(&self, method: &Method<'a>, made: &mut Function) {
        made.query.insert(String::from("alt"), "media".into());
        made.response = ResponseForm::Binary;
        made.output = None;
        made.pagination = None;
        if truth(method, "useMediaDownloadService") {
            made.server = Some(String::from("download"));
        }
    }

    fn download(&self, method: &Method<'a>, of: &Function, ids: &mut Ids) -> Made {
        let mut made = of.clone();
        let resource = method.chain.last().map_or_else(|| String::from("content"), |last| id(&singular(last)));
        let operation = format!("{} (content)", method.id);
        made.id = ids.keep(self.kept, &operation, [id_of(&["download", &resource]), id_of(&[&of.id, "content"])]);
        made.title = title(&made.id);
        made.description = sentences(&format!("Downloads the content. {}", of.description), "");
        made.synonyms = vec![format!("{} alt=media", method.id), String::from("download")];
        self.as_download(method, &mut made);
        let fate = Fate { operation, function: Some(made.id.clone()), left_out: None, warnings: Vec::new() };
        (Some(made), fate)
    }

    /// The simple upload: the content alone is the body.
    fn upload(&self, method: &Method<'a>, media: &'a Value, of: &Function, ids: &mut Ids) -> Made {
        let operation = format!("{} (upload)", method.id);
        let left =
            |why: &str| (None, Fate { operation: operation.clone(), function: None, left_out: Some(why.to_owned()), warnings: Vec::new() });
        let simple = media
            .get("protocols")
            .and_then(|protocols| protocols.get("simple"))
            .and_then(|simple| simple.get("path"))
            .and_then(Value::as_str);
        let Some(path) = simple else { return left("no simple upload is described; resumable ones are not expressed") };
        let verb = text(method.members, "httpMethod").unwrap_or("POST");
        let Some((path, _)) = template(path) else { return left("the upload's path cannot be written as a template") };
        let mut made = of.clone();
        let named = &[of.id.as_str(), "content"];
        let resource = method.chain.last().map_or_else(|| String::from("content"), |last| id(&singular(last)));
        let new = matches!(method.name, "create" | "insert" | "import" | "upload");
        made.id = ids.keep(self.kept, &operation, [if new { id_of(&["upload", &resource]) } else { id_of(named) }, id_of(named)]);
        made.title = title(&made.id);
        made.description = sentences(&format!("Sends the content of a file. {}", of.description), "");
        made.operation = of.operation.max(Operation::Write);
        (made.read_because, made.idempotent) = (None, false);
        made.request = Some(format!("{verb} /{}", path.trim_start_matches('/')));
        made.server = Some(String::from("root"));
        made.body = BodyForm::Raw;
        made.query.insert(String::from("uploadType"), "media".into());
        made.parameters.retain(|_, schema| schema.get("in").and_then(Value::as_str) != Some("body"));
        made.required.retain(|name| made.parameters.contains_key(name));
        let described = "The file; on the command line @path.";
        add(&mut made, "content", json!({"type": "string", "format": "binary", "description": described, "in": "body"}), true);
        let kind =
            json!({"type": "string", "description": "Media type of the content, such as image/png.", "in": "header", "as": "Content-Type"});
        add(&mut made, "content_type", kind, false);
        made.synonyms = vec![format!("{} upload", method.id), String::from("upload a file")];
        give_example(&mut made);
        let sends_both = of.parameters.values().any(|schema| schema.get("in").and_then(Value::as_str) == Some("body"));
        let warnings = if sends_both {
            vec![String::from("metadata and content in one request, and resumable uploads, are not expressed")]
        } else {
            Vec::new()
        };
        let fate = Fate { operation, function: Some(made.id.clone()), left_out: None, warnings };
        (Some(made), fate)
    }
}

fn made_by_post(made: &Function) -> bool {
    made.method_and_path().0 == "POST"
}

fn truth(method: &Method<'_>, key: &str) -> bool {
    method.members.get(key).and_then(Value::as_bool) == Some(true)
}

fn request(method: &Method<'_>, key: &str, warnings: &mut Vec<String>) -> Option<String> {
    let verb = text(method.members, "httpMethod").unwrap_or("GET");
    let known = matches!(verb, "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE");
    match template(text(method.members, key).unwrap_or_default()).filter(|_| known) {
        Some((path, _)) => Some(format!("{verb} /{}", path.trim_start_matches('/'))),
        None => {
            warnings.push(String::from("its method or path cannot be written as a request"));
            None
        }
    }
}

/// A URI template as a path of ours, and the names whose values may hold `/`.
fn template(path: &str) -> Option<(String, Vec<String>)> {
    let (mut made, mut whole, mut rest) = (String::new(), Vec::new(), path);
    while let Some((before, after)) = rest.split_once('{') {
        let (inner, behind) = after.split_once('}')?;
        let (name, reserved) = match inner.strip_prefix('+') {
            Some(name) => (name, true),
            None => inner.strip_suffix('*').map_or((inner, false), |name| (name, true)),
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '-') {
            return None;
        }
        whole.extend(reserved.then(|| name.to_owned()));
        made.push_str(before);
        made.push_str(&format!("{{{name}}}"));
        rest = behind;
    }
    made.push_str(rest);
    let fit = made.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '\\' | '"' | '<' | '>'));
    fit.then_some((made, whole))
}

/// How a path parameter is written: with `/` between segments where the template reserves it.
fn path_form(method: &Method<'_>, wire: &str) -> Option<&'static str> {
    let (_, whole) = template(text(method.members, "path").unwrap_or_default())?;
    whole.iter().any(|name| name == wire).then_some("path")
}

fn parameter(wire: &str, raw: &Map<String, Value>, in_path: bool, form: &Option<&'static str>) -> Value {
    let mut one = Map::new();
    let kind = text(raw, "type").filter(|kind| matches!(*kind, "string" | "integer" | "number" | "boolean")).unwrap_or("string");
    one.insert(String::from("type"), kind.into());
    constraints(raw, &mut one);
    let mut schema = if raw.get("repeated").and_then(Value::as_bool) == Some(true) && !in_path {
        json!({"type": "array", "items": one})
    } else {
        Value::Object(one)
    };
    let mut said = remark_or(text(raw, "description").unwrap_or_default(), &title(&id(wire)));
    // A default would be sent with every call.
    if let Some(default) = text(raw, "default").filter(|default| default.len() <= 60 && !said.contains("efault")) {
        said = format!("{} Default: {}.", said.trim_end_matches('.').to_owned() + ".", printable(default));
    }
    schema["description"] = said.into();
    schema["in"] = if in_path { "path" } else { "query" }.into();
    if let Some(form) = form.filter(|_| in_path) {
        schema["format"] = form.into();
    }
    schema
}

/// Adds a parameter under a free name.
fn add(made: &mut Function, wire: &str, mut schema: Value, required: bool) {
    let name = free(made, &id(wire), "body");
    if name != wire && schema.get("as").is_none() {
        schema["as"] = wire.into();
    }
    if required {
        made.required.push(name.clone());
    }
    made.parameters.insert(name, schema);
}
