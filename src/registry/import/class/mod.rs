//! What an operation does to the world, for every format that speaks of methods and paths: by its method, its path, what it is called and
//! how its description begins. Unsure means write: a write that only looks asks once too often, a read that writes is never asked about.
//! No text is understood here, only its words are looked up; an overlay says what somebody knows better.

use crate::registry::function::Operation;
use crate::registry::import::names::last_segment;
use crate::registry::import::parts::{grave, words};
use crate::registry::import::text::without_tags;

/// An operation as its description shows it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// With what stands behind `?` and `#`.
    pub path: &'a str,
    /// What the description calls it.
    pub id: Option<&'a str>,
    /// What is said of it, each text from its beginning.
    pub told: &'a [&'a str],
}

/// Words that mean a change wherever they stand in a name.
#[rustfmt::skip]
const FIRM: &[&str] = &[
    "abort", "acknowledge", "activate", "add", "append", "approve", "assign", "attach", "cancel", "change", "clone", "confirm", "copy",
    "create", "deactivate", "decrement", "delete", "deny", "deploy", "deprovision", "deregister", "destroy", "detach", "disable",
    "disconnect", "dismiss", "dispatch", "edit", "enable", "enqueue", "erase", "exec", "execute", "expunge", "finalize", "flush",
    "forget", "freeze", "generate", "impersonate", "increment", "initialize", "initiate", "insert", "install", "invalidate", "kill",
    "launch", "logout", "migrate", "modify", "mute", "notify", "overwrite", "patch", "pause", "portforward", "provision", "prune",
    "publish", "purge", "put", "reactivate", "reboot", "rebuild", "recalculate", "recreate", "redeem", "regenerate", "register",
    "reject", "reload", "remove", "rename", "reopen", "replace", "requeue", "rerun", "resend", "reset", "restart", "resume", "resync",
    "retire", "revert", "revoke", "rollback", "rotate", "send", "signout", "signup", "submit", "subscribe", "suspend", "terminate",
    "trash", "trigger", "unarchive", "unassign", "unban", "unblock", "unfollow", "unfreeze", "uninstall", "unlike", "unlink", "unlock",
    "unmark", "unmute", "unpin", "unpublish", "unregister", "unset", "unshare", "unsubscribe", "unsuspend", "update", "upload",
    "upsert", "wipe",
];

/// Words that are as often the name of a thing: they mean a change where they stand first.
#[rustfmt::skip]
const WEAK: &[&str] = &[
    "accept", "ack", "acquire", "apply", "archive", "ban", "block", "book", "buy", "call", "charge", "checkout", "claim", "clear", "close", "complete",
    "connect", "consume", "decline", "dequeue", "discard", "drop", "empty", "expire", "favorite", "follow", "forward", "grant", "halt", "hide",
    "import", "invite", "join", "kick", "lease", "leave", "like", "link", "lock", "login", "mark", "merge", "move", "open", "pay", "pin", "pop", "post",
    "proxy", "purchase", "push", "queue", "recover", "refresh", "refund", "release", "request", "reserve", "restore", "retry", "run",
    "save", "scan", "sell", "set", "share", "sign", "snooze", "star", "start", "stop", "swap", "switch", "sync", "take", "toggle", "transfer",
    "transition", "turn", "undo", "verify", "void", "vote", "withdraw",
];

/// Verbs by which a thing is taken, so that the next one who asks gets another: a look at it is a change, whatever the text calls it.
#[rustfmt::skip]
const TAKES: &[&str] =
    &["acknowledge", "ack", "acquire", "claim", "consume", "dequeue", "generate", "lease", "lock", "pop", "reserve", "rotate", "take"];

/// Those of them that are no things.
const TAKES_ONLY: &[&str] = &["acknowledge", "ack", "acquire", "consume", "dequeue", "pop", "rotate", "take"];

/// Words that say that something is only looked at.
#[rustfmt::skip]
const LOOKS: &[&str] = &[
    "get", "list", "return", "retrieve", "fetch", "check", "view", "read", "describe", "show", "find", "search", "obtain", "lookup", "look",
    "query", "count", "browse", "enumerate", "provide", "display", "load", "download", "compare", "preview", "give", "filter",
];

/// Looks that are sent by POST because what is looked for is long.
const BY_POST: &[&str] = &["search", "list", "find", "get", "count", "lookup", "fetch", "retrieve"];

/// Words of a POST after which it is more than a look.
#[rustfmt::skip]
const MORE: &[&str] =
    &["and", "or", "then", "new", "sql", "job", "jobs", "export", "async", "token", "session", "access", "credential", "credentials"];

/// What is made to be given away: making one is a change, however it is asked for.
const KEYS: &[&str] = &["token", "tokens", "key", "keys", "secret", "secrets", "password", "passwords", "credential", "credentials", "otp"];

/// Changing words that the text of a look may well hold.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "set", "post", "run", "open", "link", "request", "connect", "proxy", "push", "mark", "like", "share", "block", "call", "book", "close",
    "complete", "apply", "follow", "sign", "grant", "release", "charge", "pin", "empty", "leave", "expire", "put", "copy", "generate",
];

/// Words before the verb of a text: `This endpoint allows you to cancel …`.
#[rustfmt::skip]
const OPENINGS: &[&str] = &[
    "you", "this", "use", "used", "using", "allow", "allows", "enable", "enables", "let", "lets", "endpoint", "method", "api", "call", "operation",
    "deprecated", "beta", "experimental", "asynchronously", "permanently", "immediately", "administrator", "admin",
];

/// Words between an opening and the verb.
#[rustfmt::skip]
const BETWEEN: &[&str] = &[
    "you", "to", "us", "can", "will", "for", "be", "is", "the", "a", "an", "user", "users", "client", "clients", "administrators", "it",
    "which", "that", "service", "function", "action", "route", "resource",
];

/// Words that follow a verb and not a thing.
#[rustfmt::skip]
const ARTICLES: &[&str] = &[
    "a", "an", "the", "all", "this", "your", "one", "any", "some", "new", "specified", "given", "existing", "each", "every", "multiple",
    "several", "current", "single", "selected", "it", "them",
];

/// Query parameters whose value says what is done.
const ACTIONS: &[&str] = &["action", "method", "cmd", "command", "op", "operation", "do", "func", "function"];

/// Endings of files that say how an answer is written.
const ENDINGS: &[&str] = &[".json", ".xml", ".php", ".aspx", ".html"];

/// Whether a query parameter of this name says what is done.
pub fn is_action(name: &str) -> bool {
    ACTIONS.contains(&name.to_lowercase().as_str())
}

/// The class of an operation, and why it is a read although its method says otherwise.
pub fn class(asked: &Asked<'_>) -> (Operation, Option<String>) {
    match asked.method {
        "DELETE" => (Operation::Destructive, None),
        "GET" | "HEAD" => (by_get(asked), None),
        method => {
            if method == "POST"
                && let Some(why) = read_by_post(asked)
            {
                return (Operation::Read, Some(why));
            }
            let destroys = grave(&lead_words(&id_words(asked.id))) || pieces(asked.path).iter().any(|piece| destroys(piece));
            (if destroys { Operation::Destructive } else { Operation::Write }, None)
        }
    }
}

/// What a name says.
#[derive(Debug, Default)]
struct Signs {
    /// It takes what it gives.
    takes: bool,
    firm: bool,
    weak: bool,
    looks: bool,
}

/// What the beginning of a text says.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Looks,
    Changes,
    Nothing,
}

/// A GET looks unless something says otherwise. A text that begins with a look is believed over one name, not over two.
fn by_get(asked: &Asked<'_>) -> Operation {
    let told: Vec<Told> = asked.told.iter().map(|text| beginning(text)).collect();
    let changes = told.contains(&Told::Changes) || asked.told.iter().any(|text| goes_on(text));
    let looks = !changes && told.contains(&Told::Looks);
    let (id, path) = (by_id(asked), by_path(asked.path));
    // `Gets the cart, or creates one`
    let named = || {
        let lead = lead_words(&id_words(asked.id));
        let heads = asked.told.iter().map(|text| text.chars().take(400).collect::<String>());
        lead.first()
            .is_some_and(|verb| heads.into_iter().any(|head| words_of(&head).iter().any(|word| bases(word).any(|base| base == verb))))
    };
    let writes = changes
        || id.takes
        || path.takes
        || (id.firm && named())
        || (id.firm && path.firm)
        || ((id.firm || path.firm) && !looks)
        || ((id.weak || path.weak) && !looks && !id.looks);
    let gone = || {
        destroys(&id_words(asked.id))
            || pieces(asked.path).iter().any(|piece| destroys(piece))
            || asked.told.iter().any(|text| verb(text).is_some_and(|(verb, _)| bases(&verb).any(|base| destroys(&[base.to_owned()]))))
    };
    match writes {
        true if gone() => Operation::Destructive,
        true => Operation::Write,
        false => Operation::Read,
    }
}

/// Whether a name's words say that something is gone afterwards.
fn destroys(words: &[String]) -> bool {
    const GONE: &[&str] = &["delete", "destroy", "erase", "purge", "wipe", "terminate", "drop", "kill", "merge"];
    let sure = |word: &String| GONE.contains(&word.as_str());
    lead_words(words).first().is_some_and(sure) || words.last().is_some_and(sure)
}

/// A POST only looks where its name and its path say so and nothing says that it changes.
fn read_by_post(asked: &Asked<'_>) -> Option<String> {
    let id = id_words(asked.id);
    let lead = lead_words(&id);
    // Google's own question about rights.
    if matches!(&lead[..], [test, .., last] if test == "test" && last == "permissions") {
        return Some(String::from("It only tests permissions; its arguments stand in a body."));
    }
    let look = lead.iter().take(2).find(|word| BY_POST.contains(&word.as_str()))?;
    let path = pieces(asked.path);
    let in_path = |piece: &Vec<String>| {
        lead_words(piece).first().is_some_and(|word| LOOKS.contains(&word.as_str())) || piece.iter().any(|word| word == "search")
    };
    let changing = |word: &String| {
        let changes = |base: &str| FIRM.contains(&base) || WEAK.contains(&base);
        changes(word)
            || bases(word).any(changes)
            || word.strip_suffix("ed").is_some_and(changes)
            || word.strip_suffix('d').is_some_and(changes)
    };
    let more = id.iter().chain(path.iter().flatten()).any(|word| changing(word) || MORE.contains(&word.as_str()));
    let said = asked.told.iter().any(|text| {
        let head: String = text.chars().take(600).collect();
        let known = |word: &String| HARMLESS.contains(&word.as_str()) || bases(word).any(|base| HARMLESS.contains(&base));
        words_of(&head).iter().any(|word| changing(word) && !known(word)) || beginning(text) == Told::Changes || goes_on(text)
    });
    (path.iter().any(in_path) && !more && !said)
        .then(|| format!("Its name and its path say that it only looks ('{look}'); POST carries what is looked for."))
}

/// The words of what an operation is called, without those of a framework; of `users/get-by-name` those behind the mark.
fn id_words(id: Option<&str>) -> Vec<String> {
    const NOISE: &[&str] = &["controller", "api", "endpoint", "using", "rest"];
    let Some(id) = id else { return Vec::new() };
    let last = id.rsplit(['/', '.', ':']).find(|part| part.chars().any(char::is_alphabetic)).unwrap_or(id);
    let last = last.rsplit("Controller_").next().unwrap_or(last);
    words(last).into_iter().filter(|word| !NOISE.contains(&word.as_str())).collect()
}

/// Words without those that say how many at once.
fn lead_words(words: &[String]) -> Vec<String> {
    let many = matches!(words.first().map(String::as_str), Some("batch" | "bulk" | "mass" | "force" | "auto" | "aggregated"));
    words.iter().skip(usize::from(many && words.len() > 1)).cloned().collect()
}

fn by_id(asked: &Asked<'_>) -> Signs {
    let all = id_words(asked.id);
    let known = words_of(asked.path);
    let method = asked.method.to_lowercase();
    // `getUsersIdDelete` is only the method and the path again.
    let mut path = known.iter();
    let rest = all.iter().skip(1).filter(|word| !matches!(word.as_str(), "by" | "for"));
    let made = all.first() == Some(&method) && rest.into_iter().all(|word| path.any(|known| known == word));
    let is = |word: Option<&String>, of: &[&str]| word.is_some_and(|word| of.contains(&word.as_str()));
    let lead = lead_words(&all);
    let looks = !made
        && (lead.iter().take(2).any(|word| LOOKS.contains(&word.as_str()))
            || is(lead.last(), &["list", "retrieve", "read", "search", "index"]));
    let taken = is(lead.first(), TAKES) && lead.len() > 1;
    Signs {
        takes: !made && (is(lead.first(), TAKES_ONLY) || (taken && !is_plural(&lead))),
        firm: is(lead.first(), FIRM) || (all.len() > 1 && !looks && is(lead.last(), FIRM) && lead.first() != Some(&method)),
        weak: is(lead.first(), WEAK) && !is_plural(&lead),
        looks,
    }
}

fn by_path(path: &str) -> Signs {
    let mut signs = Signs::default();
    for piece in pieces(path) {
        let lead = lead_words(&piece);
        let looks = lead.first().is_some_and(|word| LOOKS.contains(&word.as_str()))
            && !piece.iter().any(|word| matches!(word.as_str(), "and" | "or" | "then"));
        signs.firm |= !looks && piece.iter().any(|word| FIRM.contains(&word.as_str()));
        signs.weak |= lead.first().is_some_and(|word| WEAK.contains(&word.as_str())) && !is_plural(&lead);
    }
    let last = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    signs.takes = TAKES_ONLY.contains(&last.to_lowercase().as_str());
    // `/cancel/orders/{id}`
    let before = path.split(['?', '#']).next().unwrap_or_default();
    signs.weak |= before.split('/').any(|part| FIRM.contains(&part.to_lowercase().as_str()));
    signs
}

/// `open_orders` are orders, `open_order` opens one.
fn is_plural(words: &[String]) -> bool {
    words.len() > 1 && words.last().is_some_and(|last| last.ends_with('s') && !last.ends_with("ss"))
}

/// What a path says that is done: the words of its last part, and of the parameters that name an action.
fn pieces(path: &str) -> Vec<Vec<String>> {
    let (before, behind) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    let mut pieces = Vec::new();
    if let Some(last) = last_segment(before) {
        let last = ENDINGS.iter().find_map(|ending| last.strip_suffix(ending)).unwrap_or(last);
        pieces.push(words(last.rsplit('.').next().unwrap_or(last)));
    }
    let pairs = behind.split(['?', '#', '&']).filter_map(|pair| pair.split_once('='));
    pieces.extend(pairs.filter(|(name, value)| is_action(name) && !value.is_empty()).map(|(_, value)| words(value)));
    pieces
}

/// A word as it may stand in a table: `sends` is `send`, `publishes` is `publish`.
fn bases(word: &str) -> impl Iterator<Item = &str> {
    [Some(word), word.strip_suffix('s'), word.strip_suffix("es")].into_iter().flatten()
}

fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).take(400).flat_map(words).collect()
}

/// The first word of a text that may be a verb, and what follows it.
fn verb(text: &str) -> Option<(String, Vec<String>)> {
    let head = without_tags(&text.chars().take(400).collect::<String>()).to_lowercase();
    let all: Vec<&str> = head.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()).take(20).collect();
    let mut opened = false;
    let at = all.iter().position(|word| {
        let skipped = OPENINGS.contains(word) || (opened && BETWEEN.contains(word));
        opened |= skipped;
        !skipped
    })?;
    let (verb, rest) = all.get(at..)?.split_first()?;
    Some(((*verb).to_owned(), rest.iter().take(6).map(|word| (*word).to_owned()).collect()))
}

fn beginning(text: &str) -> Told {
    let Some((verb, rest)) = verb(text) else { return Told::Nothing };
    let stem = verb.strip_suffix("ing").map(|stem| (stem.to_owned(), format!("{stem}e")));
    let going = |of: &[&str]| stem.as_ref().is_some_and(|(short, long)| of.contains(&short.as_str()) || of.contains(&long.as_str()));
    let plain = |of: &[&str]| bases(&verb).any(|base| of.contains(&base));
    let asks = || rest.iter().any(|word| matches!(word.as_str(), "query" | "queries" | "search" | "searches"));
    if plain(LOOKS) || going(LOOKS) {
        return Told::Looks;
    }
    if plain(&["generate"])
        && rest.iter().take_while(|word| !matches!(word.as_str(), "for" | "of" | "with" | "from")).any(|word| KEYS.contains(&word.as_str()))
    {
        return Told::Changes;
    }
    let new = ["new", "next", "fresh", "unique"];
    if plain(&["generate"]) && rest.iter().take(2).any(|word| new.contains(&word.as_str())) {
        return Told::Changes;
    }
    // What these do is often only shown.
    if plain(&["generate", "request"]) || (plain(&["execute", "run"]) && asks()) {
        return Told::Nothing;
    }
    let of_a_thing = rest.first().is_some_and(|next| ARTICLES.contains(&next.as_str()));
    let noun_too = plain(&["update", "copy", "patch", "put", "upload"]);
    let changes = (plain(FIRM) && !noun_too) || (of_a_thing && (plain(FIRM) || plain(WEAK) || going(FIRM) || going(WEAK)));
    if changes { Told::Changes } else { Told::Nothing }
}

/// Whether a text that may begin with a look goes on to a change.
fn goes_on(text: &str) -> bool {
    let head: String = text.chars().take(1500).collect();
    let all = words_of(&head);
    all.windows(2).any(|pair| match pair {
        [before, word] => {
            let also = matches!(before.as_str(), "and" | "then") && word.ends_with('s');
            (also && word.strip_suffix('s').is_some_and(|base| FIRM.contains(&base) && base != "update" && base != "add"))
                || (matches!(before.as_str(), "and" | "then")
                    && bases(word).any(|base| TAKES.contains(&base))
                    && word != "lock"
                    && word != "generate")
                || (matches!(before.as_str(), "is" | "are" | "be" | "get" | "gets") && word == "invalidated")
                || word == "invalidates"
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests;
