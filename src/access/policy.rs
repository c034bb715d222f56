//! Allow, ask or deny (contract section 6). Pure: settings in, decision out.
//!
//! A rule has a scope: an operation class of the provider, narrowed by a function glob, by an account, or both. The most specific
//! rule wins; where two rules apply and neither scope lies inside the other, the stricter wins. A project that is not
//! trusted can only make the user's decision stricter.

use wildmatch::WildMatch;

use crate::base::error::{Code, Error};
use crate::base::name::DEFAULT_ACCOUNT;
use crate::config::layers::{AccountRules, Config, Integration, Rule};
use crate::registry::function::{Operation, UPSTREAMS};

const PROJECT: &str = "the project's settings";

/// How the words about a decision begin that a server's flags made.
pub const SERVER: &str = "the server was started with";

/// What is to be decided about.
pub struct Question<'a> {
    pub provider: &'a str,
    pub function: &'a str,
    pub operation: Operation,
    pub account: &'a str,
    /// Nothing leaves this machine.
    pub local: bool,
}

/// A decision and what it came from, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub rule: Rule,
    pub because: String,
}

/// Decides by all layers.
pub fn decide(config: &Config, question: &Question<'_>) -> Decision {
    let (user, project) = config.integration(question.provider);
    let trusted = config.trusted_project().is_some();
    let fallback = || Decision {
        rule: if question.local { Rule::Allow } else { Rule::Ask },
        because: format!(
            "no rule says anything about it; the default for {} is {}",
            if question.local { "local providers" } else { "network providers" },
            if question.local { "allow" } else { "ask" }
        ),
    };
    let own = user.and_then(|rules| of(rules, question, "your settings"));
    let theirs = project.and_then(|rules| of(rules, question, PROJECT));
    match theirs {
        Some(theirs) if trusted => theirs,
        Some(theirs) => {
            let own = own.unwrap_or_else(fallback);
            if theirs.rule > own.rule { theirs } else { own }
        }
        None => own.unwrap_or_else(fallback),
    }
}

/// Whether the provider is enabled, and what would make it so.
pub fn enabled(config: &Config, provider: &str, local: bool) -> bool {
    let (user, project) = config.integration(provider);
    let trusted = config.trusted_project().is_some();
    // Whoever configured an upstream server wants it used.
    let own = user.and_then(|rules| rules.enabled).unwrap_or(local || provider.starts_with(UPSTREAMS));
    match project.and_then(|rules| rules.enabled) {
        Some(theirs) if trusted => theirs,
        Some(false) => false,
        _ => own,
    }
}

/// Whether nothing that the provider could do is allowed to anybody, whatever it is.
pub fn denies_all(config: &Config, provider: &str) -> bool {
    let (user, project) = config.integration(provider);
    let narrowed = user.into_iter().chain(project).any(|rules| !rules.functions.is_empty() || !rules.accounts.is_empty());
    let denied = |operation| {
        let question = Question { provider, function: "", operation, account: DEFAULT_ACCOUNT, local: false };
        decide(config, &question).rule == Rule::Deny
    };
    !narrowed && [Operation::Read, Operation::Write, Operation::Destructive].into_iter().all(denied)
}

/// Whether private addresses may be reached for this provider.
pub fn allows_private(config: &Config, provider: &str) -> bool {
    config.full().find_map(|file| file.integrations.get(provider)?.allow_private).unwrap_or(false)
}

/// The account that is meant when the caller names none.
pub fn account<'a>(config: &'a Config, provider: &str) -> Option<&'a str> {
    config.full().find_map(|file| file.integrations.get(provider)?.account.as_deref())
}

/// A base URL set in place of the manifest's.
pub fn server<'a>(config: &'a Config, provider: &str, server: &str) -> Option<&'a str> {
    config.full().find_map(|file| file.integrations.get(provider)?.servers.get(server).map(String::as_str))
}

/// What an untrusted project wanted and did not get.
pub fn ignored(config: &Config) -> Vec<String> {
    let Some(project) = config.project.as_ref().filter(|project| !project.trusted) else {
        return Vec::new();
    };
    let mut said = Vec::new();
    let sections = [
        ("http", project.file.http != Default::default()),
        ("audit", project.file.audit != Default::default()),
        ("approvals", project.file.approvals != Default::default()),
        ("credentials", project.file.credentials != Default::default()),
        ("lua", project.file.lua != Default::default()),
        ("mcp", project.file.mcp != Default::default()),
    ];
    said.extend(sections.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned()));
    for (id, rules) in &project.file.integrations {
        let mut widens: Vec<&str> = Vec::new();
        let own = config.user.integrations.get(id);
        if rules.enabled == Some(true) && own.and_then(|own| own.enabled) != Some(true) {
            widens.push("enabled");
        }
        if rules.allow_private == Some(true) {
            widens.push("allow_private");
        }
        if !rules.servers.is_empty() {
            widens.push("servers");
        }
        if rules.account.is_some() {
            widens.push("account");
        }
        let all = [rules.read, rules.write, rules.destructive];
        let of_accounts = rules.accounts.values().flat_map(|account| [account.read, account.write, account.destructive]);
        let of_functions = rules.functions.values().chain(rules.accounts.values().flat_map(|account| account.functions.values()));
        if all.into_iter().chain(of_accounts).flatten().chain(of_functions.copied()).any(|rule| rule == Rule::Allow) {
            widens.push("allow rules");
        }
        if !widens.is_empty() {
            said.push(format!("integrations.{id}: {}", widens.join(", ")));
        }
    }
    said
}

struct Candidate<'a> {
    rule: Rule,
    account: bool,
    glob: Option<&'a str>,
    because: String,
}

fn of(rules: &Integration, question: &Question<'_>, whose: &str) -> Option<Decision> {
    let provider = question.provider;
    let mut candidates = Vec::new();
    if let Some((word, rule)) = class(question.operation, rules.read, rules.write, rules.destructive) {
        candidates.push(Candidate { rule, account: false, glob: None, because: format!("{whose}: {provider}.{word} = {}", rule.as_str()) });
    }
    for (glob, rule) in fitting(&rules.functions, question.function) {
        let because = format!("{whose}: {provider}.functions.\"{glob}\" = {}", rule.as_str());
        candidates.push(Candidate { rule, account: false, glob: Some(glob), because });
    }
    if let Some(account) = rules.accounts.get(question.account) {
        let name = question.account;
        let AccountRules { read, write, destructive, functions } = account;
        if let Some((word, rule)) = class(question.operation, *read, *write, *destructive) {
            candidates.push(Candidate {
                rule,
                account: true,
                glob: None,
                because: format!("{whose}: {provider}.accounts.{name}.{word} = {}", rule.as_str()),
            });
        }
        for (glob, rule) in fitting(functions, question.function) {
            let because = format!("{whose}: {provider}.accounts.{name}.functions.\"{glob}\" = {}", rule.as_str());
            candidates.push(Candidate { rule, account: true, glob: Some(glob), because });
        }
    }
    let winner = candidates
        .iter()
        .filter(|one| !candidates.iter().any(|other| inside(other, one) && !inside(one, other)))
        .max_by_key(|candidate| candidate.rule)?;
    Some(Decision { rule: winner.rule, because: winner.because.clone() })
}

/// The rule of an operation class; `destructive` defaults to `write`.
fn class(operation: Operation, read: Option<Rule>, write: Option<Rule>, destructive: Option<Rule>) -> Option<(&'static str, Rule)> {
    match operation {
        Operation::Read => read.map(|rule| ("read", rule)),
        Operation::Write => write.map(|rule| ("write", rule)),
        Operation::Destructive => destructive.map(|rule| ("destructive", rule)).or(write.map(|rule| ("write", rule))),
    }
}

fn fitting<'a>(functions: &'a std::collections::BTreeMap<String, Rule>, function: &str) -> impl Iterator<Item = (&'a str, Rule)> {
    functions.iter().filter(move |(glob, _)| WildMatch::new(glob).matches(function)).map(|(glob, rule)| (glob.as_str(), *rule))
}

/// Whether the scope of `a` lies inside that of `b`.
fn inside(a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    let account = a.account || !b.account;
    let function = match (a.glob, b.glob) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => WildMatch::new(b).matches(a),
    };
    account && function
}

/// The error of a decision that is not `allow`.
pub fn refusal(question: &Question<'_>, decision: &Decision) -> Error {
    let (provider, operation) = (question.provider, question.operation.as_str());
    let project = decision.because.starts_with(PROJECT);
    let server = decision.because.starts_with(SERVER);
    let allow = format!("angelia integrations:configure {provider} --{operation}=allow");
    match decision.rule {
        Rule::Deny => Error::new(
            Code::PermissionDenied,
            format!("Integration '{provider}' {operation} access denied for {provider}.{} ({})", question.function, decision.because),
        )
        .hint(if server {
            String::from("Whoever starts the server decides that: angelia mcp:serve --write ask")
        } else if project {
            String::from("The file .angelia/config.toml of this project says so")
        } else {
            format!("To change that: {allow}")
        }),
        _ => Error::new(Code::ApprovalRequired, format!("Integration '{provider}' {operation} requires approval ({})", decision.because))
            .hint(format!("To allow it always: {allow}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::{Project, parse};

    fn decided(user: &str, project: Option<(&str, bool)>, function: &str, operation: Operation, account: &str) -> Rule {
        let config = Config {
            user: parse(user).unwrap(),
            project: project.map(|(text, trusted)| Project { root: "/p".into(), file: parse(text).unwrap(), trusted }),
        };
        decide(&config, &Question { provider: "github", function, operation, account, local: false }).rule
    }

    const USER: &str = r#"
        [integrations.github]
        read = "allow"
        write = "ask"
        [integrations.github.functions]
        "delete_*" = "deny"
        "delete_label" = "allow"
        "create_issue_comment" = "allow"
        [integrations.github.accounts.work]
        write = "deny"
        [integrations.github.accounts.work.functions]
        "create_issue" = "allow"
    "#;

    #[test]
    fn the_most_specific_rule_wins() {
        let table = [
            ("list_issues", Operation::Read, "default", Rule::Allow),
            ("create_issue", Operation::Write, "default", Rule::Ask),
            ("delete_repo", Operation::Destructive, "default", Rule::Deny),
            ("delete_label", Operation::Destructive, "default", Rule::Allow),
            ("merge_pull", Operation::Destructive, "default", Rule::Ask),
            ("create_issue_comment", Operation::Write, "default", Rule::Allow),
            ("create_issue_comment", Operation::Write, "work", Rule::Deny),
            ("create_issue", Operation::Write, "work", Rule::Allow),
            ("update_issue", Operation::Write, "work", Rule::Deny),
        ];
        for (function, operation, account, rule) in table {
            assert_eq!(decided(USER, None, function, operation, account), rule, "{function} as {account}");
        }
    }

    #[test]
    fn unset_means_ask() {
        assert_eq!(decided("", None, "list_issues", Operation::Read, "default"), Rule::Ask);
    }

    #[test]
    fn a_project_narrows_and_widens_only_when_trusted() {
        let lax = "[integrations.github]\nwrite = \"allow\"\nread = \"allow\"";
        let strict = "[integrations.github]\nread = \"deny\"";
        assert_eq!(decided(USER, Some((lax, false)), "create_issue", Operation::Write, "default"), Rule::Ask);
        assert_eq!(decided(USER, Some((lax, true)), "create_issue", Operation::Write, "default"), Rule::Allow);
        assert_eq!(decided("", Some((lax, false)), "list_issues", Operation::Read, "default"), Rule::Ask);
        assert_eq!(decided(USER, Some((strict, false)), "list_issues", Operation::Read, "default"), Rule::Deny);
    }
}
