//! What a server and the profile of a key let be used, as one [`Reach`]. Both must agree: a key never gets more than the server was
//! started for.

use std::sync::Arc;

use crate::base::error::{Code, Error, Result};
use crate::call::reach::Reach;
use crate::config::layers::{Config, Profile, Rule};

/// What a server was started with.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The profile of clients without a key of their own.
    pub profile: Option<String>,
    /// The same words as a profile has.
    pub own: Profile,
    /// Bypass the policy.
    pub force: bool,
}

/// Who a client is by its key.
pub struct Holder<'a> {
    /// Tells the key from all others, whatever their names.
    pub id: &'a str,
    pub profile: Option<&'a str>,
}

/// What one client may use, and which functions are tools of their own.
pub struct Scope {
    pub reach: Arc<Reach>,
    /// Lists of globs that a function fits into to be a tool of its own; none for the small face.
    pub tools: Vec<Vec<String>>,
}

impl Flags {
    /// The scope of a client: of a key with a profile, or of anybody else.
    pub fn scope(&self, config: &Config, holder: Option<&Holder<'_>>) -> Result<Scope> {
        let of_key = holder.and_then(|holder| holder.profile).filter(|name| self.profile.as_deref() != Some(name));
        let named = [self.profile.as_deref(), of_key].into_iter().flatten();
        let profiles = named.map(|name| config.profile(name).ok_or_else(|| no_profile(config, name)));
        let mut parts: Vec<&Profile> = profiles.collect::<Result<_>>()?;
        parts.push(&self.own);
        let lists = |list: fn(&Profile) -> Option<Vec<String>>| parts.iter().filter_map(|part| list(part)).collect();
        let accounts = parts.iter().map(|part| part.accounts.clone()).filter(|accounts| !accounts.is_empty()).collect();
        Ok(Scope {
            tools: lists(|part| Some(part.tools.clone()).filter(|tools| !tools.is_empty())),
            reach: Arc::new(Reach {
                integrations: lists(|part| one_kind(&part.integrations, &part.upstreams)),
                upstreams: lists(|part| one_kind(&part.upstreams, &part.integrations)),
                functions: lists(|part| Some(part.tools.clone()).filter(|tools| !tools.is_empty())),
                write: parts.iter().filter_map(|part| part.write).max().unwrap_or(Rule::Deny),
                read_only: parts.iter().any(|part| part.read_only),
                force: self.force,
                accounts,
                owner: holder.map_or_else(|| String::from("local"), |holder| format!("key:{}", holder.id)),
            }),
        })
    }
}

/// Who names only integrations, or only upstream servers, means no others.
fn one_kind(own: &Option<Vec<String>>, other: &Option<Vec<String>>) -> Option<Vec<String>> {
    own.clone().or_else(|| other.as_ref().map(|_| Vec::new()))
}

fn no_profile(config: &Config, name: &str) -> Error {
    let known: Vec<&str> = config.full().flat_map(|file| file.mcp.profiles.keys()).map(String::as_str).collect();
    let hint = match known.as_slice() {
        [] => String::from("A profile is a section of the settings: [mcp.profiles.NAME] (angelia config:path)"),
        known => format!("There are: {}", known.join(", ")),
    };
    Error::new(Code::NotFound, format!("there is no MCP profile '{name}'")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::parse;

    fn config() -> Config {
        let text = r#"
            [mcp.profiles.triage]
            integrations = ["github", "plane"]
            write = "ask"
            accounts = { github = "work" }
            [mcp.profiles.all]
            write = "allow"
        "#;
        Config { user: parse(text).unwrap(), project: None }
    }

    fn scope(flags: &Flags, profile: Option<&str>) -> Arc<Reach> {
        let holder = profile.map(|profile| Holder { id: "4711", profile: Some(profile) });
        flags.scope(&config(), holder.as_ref()).unwrap().reach
    }

    #[test]
    fn without_flags_everything_may_be_read() {
        let reach = scope(&Flags::default(), None);
        assert!(reach.has("github", "list_issues") && reach.has("mcp.files", "read"));
        assert_eq!((reach.write, reach.read_only, reach.owner.as_str()), (Rule::Deny, false, "local"));
    }

    #[test]
    fn a_key_gets_no_more_than_the_server() {
        let own = Profile { integrations: Some(vec!["plane".into()]), write: Some(Rule::Ask), read_only: true, ..Profile::default() };
        let flags = Flags { own, ..Flags::default() };
        let reach = scope(&flags, Some("triage"));
        assert!(reach.has("plane", "list_issues") && !reach.has("github", "list_issues") && !reach.has("mcp.files", "read"));
        assert_eq!(scope(&flags, Some("all")).write, Rule::Ask);
        assert!(reach.read_only);
        assert_eq!((reach.account("github"), reach.owner.as_str()), (Some("work"), "key:4711"));
    }

    #[test]
    fn profiles_and_accounts_of_server_and_key_must_agree() {
        let own = Profile { accounts: [(String::from("*"), String::from("home"))].into(), ..Profile::default() };
        let flags = Flags { profile: Some("all".into()), own, ..Flags::default() };
        let reach = scope(&flags, Some("triage"));
        let config = config();
        let question = |account| crate::access::policy::Question {
            provider: "github",
            function: "list_issues",
            operation: crate::registry::function::Operation::Read,
            account,
            local: false,
        };
        assert!(reach.decide(&config, &question("work")).is_err() && reach.decide(&config, &question("home")).is_err());
        assert_eq!(reach.write, Rule::Ask, "the stricter of both profiles");
    }

    #[test]
    fn an_unknown_profile_is_an_error_and_not_everything() {
        let wrong = Flags { profile: Some("tirage".into()), ..Flags::default() };
        assert_eq!(wrong.scope(&config(), None).err().unwrap().code, Code::NotFound);
        let gone = Holder { id: "4711", profile: Some("gone") };
        assert!(Flags::default().scope(&config(), Some(&gone)).is_err());
    }
}
