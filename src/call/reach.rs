//! What a surface lets be used: a server is started for some providers, functions and accounts and with a rule for writes, and nothing
//! that is done on its behalf goes beyond. It narrows the policy; only `ask` can be widened to `allow`, and a deny only by force.

use std::collections::BTreeMap;

use wildmatch::WildMatch;

use crate::access::policy::{self, Decision, Question, SERVER};
use crate::base::error::{Code, Error, Result};
use crate::config::layers::{Config, Rule};
use crate::registry::function::{Operation, UPSTREAMS};

/// Providers that a surface itself works with: reading what was kept, running scripts whose every call is checked by itself.
const ALWAYS: [&str; 2] = ["results", "script"];

/// The account of every provider that has none of its own here.
pub const ANY_PROVIDER: &str = "*";

/// What may be used.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Lists of globs of provider ids; a provider fits into each of them.
    pub integrations: Vec<Vec<String>>,
    /// The same for the names of upstream MCP servers.
    pub upstreams: Vec<Vec<String>>,
    /// The same for full names of functions.
    pub functions: Vec<Vec<String>>,
    /// The rule for what is no read: `allow` lets through what the policy asks about.
    pub write: Rule,
    /// Nothing but reads.
    pub read_only: bool,
    /// Bypasses the policy, as `--force` does.
    pub force: bool,
    /// The only account of a provider, under [`ANY_PROVIDER`] that of all others; where there are several lists all must agree.
    pub accounts: Vec<BTreeMap<String, String>>,
    /// Whose results may be read: a key's name, or the person who started the server.
    pub owner: String,
}

impl Reach {
    /// Whether a provider is within it at all.
    pub fn has_provider(&self, id: &str) -> bool {
        let (globs, name) = match id.strip_prefix(UPSTREAMS) {
            Some(name) => (&self.upstreams, name),
            None => (&self.integrations, id),
        };
        ALWAYS.contains(&id) || fits(globs, name)
    }

    /// Whether a function is within it, by its name alone.
    pub fn has(&self, provider: &str, function: &str) -> bool {
        let named = || fits(&self.functions, &format!("{provider}.{function}"));
        self.has_provider(provider) && (ALWAYS.contains(&provider) || named())
    }

    /// The account that is used of a provider, where it is not free to choose.
    pub fn account(&self, provider: &str) -> Option<&str> {
        self.only(provider).next()
    }

    /// Whether an account of a provider is within it.
    pub fn has_account(&self, provider: &str, account: &str) -> bool {
        self.only(provider).all(|only| only == account)
    }

    /// What a surface itself works with has no accounts.
    fn only<'a>(&'a self, provider: &str) -> impl Iterator<Item = &'a str> {
        let lists = if ALWAYS.contains(&provider) { &[][..] } else { self.accounts.as_slice() };
        lists.iter().filter_map(move |accounts| accounts.get(provider).or_else(|| accounts.get(ANY_PROVIDER)).map(String::as_str))
    }

    /// Refuses a provider, function or account outside, and decides about the rest.
    pub fn decide(&self, config: &Config, question: &Question<'_>) -> Result<Decision> {
        let Question { provider, function, operation, account, .. } = question;
        let refused = |why: String| Err(Error::new(Code::PermissionDenied, format!("{provider}.{function} {why}")));
        if !self.has(provider, function) {
            return refused(String::from("is not offered by this server"));
        }
        if let Some(only) = self.only(provider).find(|only| only != account) {
            return refused(format!("may be used as account '{only}' only, not as '{account}'"));
        }
        if self.read_only && *operation != Operation::Read {
            return refused(format!("is a {}; this server only reads", operation.as_str()));
        }
        let own = policy::decide(config, question);
        if self.force {
            return Ok(Decision { rule: Rule::Allow, because: format!("{SERVER} --force; else: {}", own.because) });
        }
        Ok(if *operation == Operation::Read || ALWAYS.contains(provider) { own } else { self.with_own(own) })
    }

    fn with_own(&self, own: Decision) -> Decision {
        let because = || format!("{SERVER} --write {}", self.write.as_str());
        match (own.rule, self.write) {
            (Rule::Deny, _) => own,
            (_, Rule::Deny) => Decision { rule: Rule::Deny, because: because() },
            (Rule::Allow, Rule::Ask) | (Rule::Ask, Rule::Allow) => Decision { rule: self.write, because: because() },
            _ => own,
        }
    }

    /// Whether everything but reads is denied.
    pub fn only_reads(&self) -> bool {
        self.read_only || (self.write == Rule::Deny && !self.force)
    }

    /// Whether a function may be shown: it is within, and not denied.
    pub fn shows(&self, config: &Config, question: &Question<'_>) -> bool {
        let account = self.account(question.provider).unwrap_or(question.account);
        self.decide(config, &Question { account, ..*question }).is_ok_and(|decision| decision.rule != Rule::Deny)
    }
}

fn fits(lists: &[Vec<String>], name: &str) -> bool {
    lists.iter().all(|globs| globs.iter().any(|glob| WildMatch::new(glob).matches(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::parse;

    fn reach() -> Reach {
        Reach {
            integrations: Vec::new(),
            upstreams: Vec::new(),
            functions: Vec::new(),
            write: Rule::Deny,
            read_only: false,
            force: false,
            accounts: Vec::new(),
            owner: String::from("stdio"),
        }
    }

    fn decided(reach: &Reach, settings: &str, operation: Operation, account: &str) -> Result<Rule> {
        let config = Config { user: parse(settings).unwrap(), project: None };
        let question = Question { provider: "github", function: "create_issue", operation, account, local: false };
        reach.decide(&config, &question).map(|decision| decision.rule)
    }

    #[test]
    fn the_stricter_of_policy_and_flag_wins_but_allow_lifts_ask() {
        let table = [
            ("deny", Rule::Allow, Rule::Deny),
            ("deny", Rule::Ask, Rule::Deny),
            ("ask", Rule::Deny, Rule::Deny),
            ("ask", Rule::Ask, Rule::Ask),
            ("ask", Rule::Allow, Rule::Allow),
            ("allow", Rule::Ask, Rule::Ask),
            ("allow", Rule::Deny, Rule::Deny),
            ("allow", Rule::Allow, Rule::Allow),
        ];
        for (own, flag, expected) in table {
            let settings = format!("[integrations.github]\nwrite = \"{own}\"\nread = \"{own}\"");
            let reach = Reach { write: flag, ..reach() };
            assert_eq!(decided(&reach, &settings, Operation::Write, "default").unwrap(), expected, "{own} with {flag:?}");
            let read = decided(&reach, &settings, Operation::Read, "default").unwrap();
            assert_eq!(read.as_str(), own, "a flag for writes says nothing about reads");
        }
    }

    #[test]
    fn what_is_outside_is_refused() {
        let lax = "[integrations.github]\nread = \"allow\"\nwrite = \"allow\"";
        let only = |name: &str| vec![vec![name.to_owned()]];
        let reads = Reach { read_only: true, write: Rule::Allow, ..reach() };
        assert_eq!(decided(&reads, lax, Operation::Read, "default").unwrap(), Rule::Allow);
        let work = Reach { accounts: vec![[(String::from("github"), String::from("work"))].into()], ..reach() };
        assert_eq!(decided(&work, lax, Operation::Read, "work").unwrap(), Rule::Allow);
        let refused = [
            (&reads, Operation::Write, "default"),
            (&work, Operation::Read, "default"),
            (&Reach { integrations: only("plane"), ..reach() }, Operation::Read, "default"),
            (&Reach { functions: only("github.list_*"), ..reach() }, Operation::Read, "default"),
        ];
        for (reach, operation, account) in refused {
            assert_eq!(decided(reach, lax, operation, account).unwrap_err().code, Code::PermissionDenied, "{reach:?}");
        }
        assert!(Reach { integrations: only("plane"), ..reach() }.has("results", "read"));
        assert!(!Reach { upstreams: only("memory"), ..reach() }.has("mcp.files", "read"));
    }

    #[test]
    fn only_force_lifts_a_deny() {
        let strict = "[integrations.github]\nwrite = \"deny\"";
        let forced = Reach { force: true, ..reach() };
        assert_eq!(decided(&forced, strict, Operation::Write, "default").unwrap(), Rule::Allow);
        assert!(decided(&Reach { read_only: true, ..forced }, strict, Operation::Write, "default").is_err());
    }
}
