//! What Tab offers at a place of a statement. Pure: what there is comes from a `Source`. Types of values are deliberately not
//! inferred; a name leads to members only where the path to them is written out.

use crate::cli::repl::commands;
use crate::cli::repl::scan::{End, Kind, Token, scan};

/// What can be offered.
pub trait Source {
    /// Ids of providers; only those that can be called now, or all.
    fn providers(&self, active: bool) -> Vec<String>;
    /// Functions of a provider.
    fn functions(&self, provider: &str) -> Vec<String>;
    /// Account aliases of a provider.
    fn accounts(&self, provider: &str) -> Vec<String>;
    /// Parameters of `provider.function`, required ones first.
    fn parameters(&self, function: &str) -> Vec<String>;
    /// Globals of the session, or members of the table that a path leads to.
    fn names(&self, path: &[&str]) -> Vec<String>;
}

const KEYWORDS: [&str; 22] = [
    "and", "break", "continue", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
    "repeat", "return", "then", "true", "until", "while",
];

/// Byte from which the candidates replace the text up to `pos`, and the candidates.
pub fn complete(line: &str, pos: usize, source: &dyn Source) -> (usize, Vec<String>) {
    let text = line.get(..pos).unwrap_or(line);
    if text.trim_start().starts_with(':') {
        return command(text, source);
    }
    let (tokens, end) = scan(text);
    if end != End::Code {
        return (pos, Vec::new());
    }
    let (typed, before) = match tokens.split_last() {
        Some((last, before)) if last.kind == Kind::Word && last.end() == text.len() => (last.text, before),
        _ => ("", &tokens[..]),
    };
    let start = text.len() - typed.len();
    if typed.starts_with(|c: char| c.is_ascii_digit()) {
        return (start, Vec::new());
    }
    let fits = |names: Vec<String>| names.into_iter().filter(|name| name.starts_with(typed)).collect::<Vec<String>>();
    let found = match before.split_last() {
        Some((sign, owner)) if sign.is(".") || sign.is(":") => match path(owner)[..] {
            [] => Vec::new(),
            ["app", "integrations"] => {
                let active = fits(named(source.providers(true)));
                if active.is_empty() { fits(named(source.providers(false))) } else { active }
            }
            ["app", "integrations", ref called @ ..] => fits(of_provider(called, sign.is(":"), source)),
            ref other => fits(named(source.names(other))),
        },
        _ => match call(before) {
            Some(open) => fits(parameters(before, open, source)),
            None => fits(globals(typed, source)),
        },
    };
    (start, found)
}

fn command(text: &str, source: &dyn Source) -> (usize, Vec<String>) {
    let start = text.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let typed = &text[start..];
    let words: Vec<&str> = text.split_whitespace().collect();
    let all: Vec<String> = match (&words[..], typed) {
        ([_], typed) if !typed.is_empty() => commands::NAMES.iter().map(|(name, ..)| format!(":{name}")).collect(),
        ([":docs", ..], typed) if words.len() <= 2 => match typed.split_once('.') {
            Some((provider, _)) => source.functions(provider).into_iter().map(|function| format!("{provider}.{function}")).collect(),
            None => source.providers(false),
        },
        _ => Vec::new(),
    };
    (start, all.into_iter().filter(|name| name.starts_with(typed)).collect())
}

/// What stands behind `app.integrations.` and at least one name.
fn of_provider(called: &[&str], method: bool, source: &dyn Source) -> Vec<String> {
    let account = |provider: &str, name: &str| source.accounts(provider).iter().any(|alias| alias == name);
    match (called, method) {
        ([provider], false) => named([source.functions(provider), source.accounts(provider)].concat()),
        ([provider, alias], false) if account(provider, alias) => named(source.functions(provider)),
        ([_, _] | [_, _, _], true) => vec![String::from("all"), String::from("each")],
        _ => Vec::new(),
    }
}

fn globals(typed: &str, source: &dyn Source) -> Vec<String> {
    let mut names = named(source.names(&[]));
    if !typed.is_empty() {
        names.extend(KEYWORDS.map(String::from));
        names.sort();
    }
    names
}

/// Names that can stand in Lua as they are.
fn named(names: Vec<String>) -> Vec<String> {
    let good = |name: &String| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !KEYWORDS.contains(&name.as_str())
    };
    names.into_iter().filter(good).collect()
}

/// The names at the end of `a.b.c`; none when something else owns them, as in `f().b`.
fn path<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut rest = tokens;
    loop {
        let Some((name, before)) = rest.split_last().filter(|(name, _)| name.kind == Kind::Word) else { return Vec::new() };
        names.push(name.text);
        match before.split_last() {
            Some((sign, owner)) if sign.is(".") => rest = owner,
            Some((sign, _)) if sign.is(":") => return Vec::new(),
            _ => break,
        }
    }
    names.reverse();
    names
}

/// Which token opens the table of named arguments whose next key is being typed.
fn call(tokens: &[Token<'_>]) -> Option<usize> {
    if !tokens.last().is_some_and(|last| ["{", ",", ";"].iter().any(|sign| last.is(sign))) {
        return None;
    }
    let mut depth = 0_usize;
    let open = tokens.iter().rposition(|token| match token.text {
        _ if token.kind != Kind::Sign => false,
        ")" | "]" | "}" => {
            depth += 1;
            false
        }
        "(" | "[" | "{" if depth > 0 => {
            depth -= 1;
            false
        }
        sign => matches!(sign, "(" | "[" | "{"),
    })?;
    (tokens[open].is("{") && !function(&tokens[..open]).is_empty()).then_some(open)
}

/// The path of the function that is called by what follows the tokens.
fn function<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let tokens = match tokens {
        [callee @ .., paren] if paren.is("(") => callee,
        callee => callee,
    };
    let names = match tokens {
        [callee @ .., sign, method] if sign.is(":") && matches!(method.text, "all" | "each") => path(callee),
        callee => path(callee),
    };
    if matches!(names[..], ["app", "integrations", _, _] | ["app", "integrations", _, _, _]) { names } else { Vec::new() }
}

/// Parameters that are not given yet, ready for their value.
fn parameters(tokens: &[Token<'_>], open: usize, source: &dyn Source) -> Vec<String> {
    let names = function(&tokens[..open]);
    let (Some(provider), Some(function)) = (names.get(2), names.last()) else { return Vec::new() };
    let mut depth = 0_usize;
    let mut given = Vec::new();
    for pair in tokens[open + 1..].windows(2) {
        match pair[0].text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            name if depth == 0 && pair[1].is("=") => given.push(name),
            _ => {}
        }
    }
    let all = source.parameters(&format!("{provider}.{function}"));
    all.into_iter().filter(|name| !given.contains(&name.as_str())).map(|name| format!("{name} = ")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Source, complete};

    struct Shop;

    fn list(names: &str) -> Vec<String> {
        names.split_whitespace().map(str::to_owned).collect()
    }

    impl Source for Shop {
        fn providers(&self, active: bool) -> Vec<String> {
            list(if active { "github gitlab" } else { "asana github gitlab my-own" })
        }

        fn functions(&self, provider: &str) -> Vec<String> {
            list(if provider == "github" { "get_issue list_issues list_pulls" } else { "" })
        }

        fn accounts(&self, provider: &str) -> Vec<String> {
            list(if provider == "github" { "default work two-words" } else { "" })
        }

        fn parameters(&self, function: &str) -> Vec<String> {
            list(if function == "github.list_issues" { "owner repo state" } else { "" })
        }

        fn names(&self, path: &[&str]) -> Vec<String> {
            list(match path {
                [] => "app docs found json print",
                ["docs"] => "list read search",
                ["found", "first"] => "name end other-name",
                _ => "",
            })
        }
    }

    /// Candidates at the end, and the text that they replace.
    fn at_end(line: &str) -> (String, Vec<String>) {
        let (start, found) = complete(line, line.len(), &Shop);
        (line[start..].to_owned(), found)
    }

    fn offered(line: &str) -> Vec<String> {
        at_end(line).1
    }

    #[test]
    fn providers_are_the_active_ones_or_all_where_none_fits() {
        assert_eq!(offered("app.integrations."), ["github", "gitlab"]);
        assert_eq!(at_end("return app.integrations.githu"), ("githu".into(), list("github")));
        assert_eq!(offered("app.integrations.as"), ["asana"]);
        assert_eq!(offered("app.integrations.my"), [""; 0]);
    }

    #[test]
    fn functions_and_accounts_follow_a_provider() {
        assert_eq!(offered("app.integrations.github."), list("get_issue list_issues list_pulls default work"));
        assert_eq!(offered("x = { app.integrations.github.li"), ["list_issues", "list_pulls"]);
        assert_eq!(offered("app.integrations.github.work.get"), ["get_issue"]);
        assert_eq!(offered("app.integrations.github.list_issues."), [""; 0]);
        assert_eq!(offered("for i in app.integrations.github.list_issues:"), ["all", "each"]);
        assert_eq!(offered("app.integrations.github.work.list_issues:a"), ["all"]);
    }

    #[test]
    fn parameters_stand_where_a_key_is_typed() {
        let call = "app.integrations.github.list_issues";
        assert_eq!(offered(&format!("{call}{{")), ["owner = ", "repo = ", "state = "]);
        assert_eq!(at_end(&format!("print({call}({{ owner = 'a', re")), ("re".into(), vec!["repo = ".into()]));
        assert_eq!(offered(&format!("{call}:each{{\n  owner = f{{repo = 1}},\n  ")), ["repo = ", "state = "]);
        assert_eq!(offered("app.integrations.github.work.list_issues{s"), ["state = "]);
        assert_eq!(offered(&format!("{call}{{owner = fo")), ["for", "found"]);
        assert_eq!(offered(&format!("{call}{{owner = {{fo")), ["for", "found"]);
        assert_eq!(offered(&format!("{call}{{}} fo")), ["for", "found"]);
        assert_eq!(offered("x = {fo"), ["for", "found"]);
    }

    #[test]
    fn globals_and_members_come_from_the_session() {
        assert_eq!(offered("pri"), ["print"]);
        assert_eq!(offered("x = docs.s"), ["search"]);
        assert_eq!(offered("found . first."), ["name"]);
        assert_eq!(offered(""), list("app docs found json print"));
        for nothing in ["f().na", "a[1].na", "x = 'pri", "-- pri", "[[ pri", "1.pr", "12", "a..b.", "nobody."] {
            assert_eq!(offered(nothing), [""; 0], "{nothing}");
        }
        assert_eq!(offered("x..pri"), ["print"]);
    }

    #[test]
    fn only_what_stands_before_the_cursor_counts() {
        assert_eq!(complete("pri('x')", 3, &Shop), (0, list("print")));
        assert_eq!(complete("é = pri", "é = pri".len(), &Shop).1, ["print"]);
    }

    #[test]
    fn commands_and_pages() {
        assert_eq!(at_end(":d"), (":d".into(), vec![":docs".into()]));
        assert_eq!(offered(":docs git"), ["github", "gitlab"]);
        assert_eq!(at_end(":docs github.get"), ("github.get".into(), vec!["github.get_issue".into()]));
        assert_eq!(offered(":docs github git"), [""; 0]);
        assert_eq!(offered(":calls x"), [""; 0]);
    }
}
