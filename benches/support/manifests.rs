//! Invented providers, as large and as varied as real ones: every number always gives the same manifest.
//! Real descriptions of real services are deliberately not copied; what matters here is how much there is and how varied its words are.

use std::collections::HashSet;

/// How many providers there are, named `svc_000` and so on.
pub const PROVIDERS: usize = 600;

/// How many functions all of them have together.
pub const FUNCTIONS: usize = 40_000;

#[rustfmt::skip]
const THINGS: [&str; 72] = [
    "issue", "project", "invoice", "customer", "ticket", "repository", "branch", "deployment", "message", "channel", "contact", "deal",
    "campaign", "audience", "report", "dashboard", "metric", "alert", "incident", "schedule", "shift", "employee", "candidate",
    "interview", "document", "folder", "page", "comment", "attachment", "label", "milestone", "sprint", "board", "card", "checklist",
    "workspace", "team", "member", "role", "permission", "webhook", "event", "payment", "refund", "subscription", "plan", "coupon",
    "product", "price", "order", "shipment", "warehouse", "supplier", "catalog", "survey", "question", "response", "form", "template",
    "workflow", "trigger", "run", "log", "secret", "domain", "certificate", "server", "volume", "snapshot", "backup", "firewall",
    "vehicle",
];

#[rustfmt::skip]
const KINDS: [&str; 40] = [
    "billing", "shared", "archived", "public", "private", "draft", "recurring", "internal", "external", "regional", "global", "monthly",
    "annual", "pending", "partner", "vendor", "sales", "support", "marketing", "legal", "security", "mobile", "legacy", "staging",
    "production", "scheduled", "automated", "manual", "virtual", "physical", "custom", "default", "nested", "linked", "synced",
    "imported", "exported", "favourite", "temporary", "sandbox",
];

/// Name, type and the rest of a schema, description.
#[rustfmt::skip]
const FIELDS: [(&str, &str, &str); 24] = [
    ("title", "type: string, maxLength: 255", "Title that is shown in lists"),
    ("summary", "type: string", "Short text in plain words"),
    ("body", "type: string", "Long text in Markdown"),
    ("status", "type: string, enum: [open, active, paused, closed]", "State to keep or to set"),
    ("priority", "type: string, enum: [none, low, medium, high, urgent]", "How soon it is wanted"),
    ("owner_id", "type: string", "Identifier of the user who answers for it"),
    ("team_id", "type: string", "Identifier of the team it belongs to"),
    ("parent_id", "type: string", "Identifier of what it stands below"),
    ("labels", "type: array, items: {type: string}", "Names of labels, all of which are meant"),
    ("watchers", "type: array, items: {type: string}, maxItems: 50", "Identifiers of users who are told of changes"),
    ("due_on", "type: string, format: date", "Day on which it is due"),
    ("starts_at", "type: string, format: date-time", "Time at which it begins"),
    ("ends_at", "type: string, format: date-time", "Time at which it ends"),
    ("amount", "type: integer, minimum: 0", "Amount in the smallest unit of the currency"),
    ("currency", "type: string, minLength: 3, maxLength: 3", "Three letters of the currency"),
    ("quantity", "type: integer, minimum: 1, maximum: 100000", "How many of them"),
    ("weight", "type: number, minimum: 0", "Weight in kilograms"),
    ("enabled", "type: boolean", "Whether it is in use"),
    ("notify", "type: boolean, default: false", "Whether those concerned get a message"),
    ("colour", "type: string, pattern: '^[0-9a-f]{6}$'", "Colour as six hexadecimal digits"),
    ("email", "type: string, format: email", "Address that messages go to"),
    ("country", "type: string, minLength: 2, maxLength: 2", "Two letters of the country"),
    ("metadata", "type: object, additionalProperties: {type: string}", "Texts of your own by name"),
    ("external_key", "type: string, maxLength: 64", "Key of the same thing in another system"),
];

/// Said after a function's first sentence, with an invented word of the service in it.
const REMARKS: [&str; 8] = [
    "Needs the scope of the {} plan",
    "Changes reach the {} replica within a minute",
    "What was removed by the {} retention rule is left out",
    "Counts against the {} quota of the account",
    "Members of the {} group see only what is theirs",
    "Times are those of the {} region",
    "The {} add-on must be switched on",
    "Answers are sorted as in the {} view",
];

#[rustfmt::skip]
const SYLLABLES: [&str; 28] = [
    "ba", "cor", "den", "fi", "gra", "hel", "ix", "jo", "kel", "lum", "mar", "nex", "or", "pul", "qua", "ri", "sol", "ter", "ul", "ven",
    "wi", "xan", "yar", "zen", "tho", "bri", "cla", "dro",
];

/// One provider.
pub struct Manifest {
    number: usize,
    pub functions: Vec<Function>,
}

/// One function of it.
pub struct Function {
    verb: Verb,
    thing: String,
    words: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Verb {
    List,
    Get,
    Create,
    Update,
    Delete,
    Search,
}

const VERBS: [Verb; 6] = [Verb::List, Verb::Get, Verb::Create, Verb::Update, Verb::Delete, Verb::Search];

impl Manifest {
    /// The provider of a number.
    pub fn new(number: usize) -> Self {
        let mut random = Random(number as u64 + 1);
        // The remainder goes to the first ones.
        let wanted = FUNCTIONS / PROVIDERS + usize::from(number < FUNCTIONS % PROVIDERS);
        let mut known = HashSet::new();
        let mut functions = Vec::new();
        while functions.len() < wanted {
            let thing = random.pick(&THINGS);
            let thing = if known.contains(*thing) { format!("{}_{thing}", random.pick(&KINDS)) } else { (*thing).to_owned() };
            if !known.insert(thing.clone()) {
                continue;
            }
            // Few services let everything be done to everything.
            let verbs = 2 + random.below(VERBS.len() - 1);
            let room = wanted - functions.len();
            functions.extend(VERBS.into_iter().take(verbs.min(room)).map(|verb| Function {
                verb,
                thing: thing.clone(),
                words: random.next(),
            }));
        }
        Self { number, functions }
    }

    /// The provider's id.
    pub fn id(&self) -> String {
        format!("svc_{:03}", self.number)
    }

    /// A read function with one required path parameter, `id`. Every provider has one.
    pub fn getter(&self) -> String {
        self.functions.iter().find(|function| function.verb == Verb::Get).map(Function::id).unwrap_or_default()
    }

    /// The provider as a file.
    pub fn yaml(&self) -> String {
        let mut random = Random(self.number as u64 + 0x5eed);
        let name = capital(&random.word());
        let mut text = format!(
            "id: {id}\ntitle: {name}\ndescription: {name} keeps {}s and {}s of a company in one place.\ncategory: {}\n\
             auth_strategy: bearer_token\ncredentials:\n  - {{key: token, label: API token, secret: true}}\n\
             auth: {{type: bearer, value: \"{{token}}\"}}\nservers: {{default: \"https://{id}.example/api/v2\"}}\n\
             paginations:\n  pages: {{style: cursor, items: items, parameter: cursor, limit: limit, next: next_cursor, \
             max_page_size: 100}}\n\
             functions:\n",
            random.pick(&THINGS),
            random.pick(&THINGS),
            random.pick(&["crm", "billing", "support", "development", "marketing", "logistics", "storage", "analytics"]),
            id = self.id(),
        );
        self.functions.iter().for_each(|function| function.write(&mut text));
        text
    }
}

impl Function {
    /// Its id within the provider.
    pub fn id(&self) -> String {
        let Self { verb, thing, .. } = self;
        match verb {
            Verb::List => format!("list_{}", plural(thing)),
            Verb::Get => format!("get_{thing}"),
            Verb::Create => format!("create_{thing}"),
            Verb::Update => format!("update_{thing}"),
            Verb::Delete => format!("delete_{thing}"),
            Verb::Search => format!("search_{}", plural(thing)),
        }
    }

    fn write(&self, text: &mut String) {
        let mut random = Random(self.words);
        let (operation, method) = match self.verb {
            Verb::List | Verb::Get | Verb::Search => ("read", "GET"),
            Verb::Create => ("write", "POST"),
            Verb::Update => ("write", "PATCH"),
            Verb::Delete => ("destructive", "DELETE"),
        };
        let remark = random.pick(&REMARKS).replace("{}", &random.word());
        let lines = format!(
            "  - id: {}\n    title: {}\n    description: {} {remark}.\n    operation: {operation}\n    \
             request: {method} /{}\n    parameters:\n",
            self.id(),
            capital(&self.id().replace('_', " ")),
            self.sentence(),
            self.path(),
        );
        text.push_str(&lines);
        self.write_parameters(text, &mut random);
    }

    fn sentence(&self) -> String {
        let (one, many) = (self.thing.replace('_', " "), plural(&self.thing).replace('_', " "));
        match self.verb {
            Verb::List => format!("Lists {many} of the workspace, newest first, page by page."),
            Verb::Get => format!("Returns one {one} with everything that is linked to it."),
            Verb::Create => format!("Creates a {one} and returns it as it was stored."),
            Verb::Update => format!("Changes the given members of a {one} and leaves the others as they are."),
            Verb::Delete => format!("Removes a {one} for good, with all that stands below it."),
            Verb::Search => format!("Finds {many} that hold all words of a text, best first."),
        }
    }

    fn path(&self) -> String {
        let many = plural(&self.thing);
        match self.verb {
            Verb::List | Verb::Create => many,
            Verb::Get | Verb::Update | Verb::Delete => format!("{many}/{{id}}"),
            Verb::Search => format!("{many}/search"),
        }
    }

    fn write_parameters(&self, text: &mut String, random: &mut Random) {
        let one = self.thing.replace('_', " ");
        let (required, least, most) = match self.verb {
            Verb::List => (None, 2, 7),
            Verb::Get | Verb::Delete => (Some(("id", format!("Identifier of the {one}."))), 0, 2),
            Verb::Create => (Some(("name", format!("Name of the new {one}."))), 4, 12),
            Verb::Update => (Some(("id", format!("Identifier of the {one}."))), 4, 12),
            Verb::Search => (Some(("query", format!("Words that the {one} must hold."))), 1, 5),
        };
        if let Some((name, description)) = &required {
            parameter(text, name, "type: string, minLength: 1", description);
        }
        let (from, count) = (random.below(FIELDS.len()), least + random.below(most - least));
        for step in 0..count {
            let (name, schema, description) = FIELDS[(from + step * 5) % FIELDS.len()];
            parameter(text, name, schema, &format!("{description}, as in the {} view.", random.word()));
        }
        if matches!(self.verb, Verb::List | Verb::Search) {
            parameter(text, "limit", "type: integer, minimum: 1, maximum: 100", "How many on one page.");
            parameter(text, "cursor", "type: string", "Cursor of the next page.");
            text.push_str("    pagination: pages\n");
        }
        let end = match required {
            Some((name, _)) => format!("    required: [{name}]\n    examples: [{{arguments: {{{name}: example}}}}]\n"),
            None => String::from("    examples: [{arguments: {limit: 10}}]\n"),
        };
        text.push_str(&end);
    }
}

fn parameter(text: &mut String, name: &str, schema: &str, description: &str) {
    text.push_str(&format!("      {name}: {{{schema}, description: \"{description}\"}}\n"));
}

fn plural(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if word.ends_with('h') => format!("{word}es"),
        None => format!("{word}s"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// SplitMix64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        // The remainder is below `end`, so it fits.
        (self.next() % end.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }

    /// One of some twenty thousand words that are in no dictionary, as names of products and tariffs are.
    fn word(&mut self) -> String {
        [*self.pick(&SYLLABLES), *self.pick(&SYLLABLES), *self.pick(&SYLLABLES)].concat()
    }
}
