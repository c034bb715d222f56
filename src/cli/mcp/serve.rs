//! `mcp:serve`: the catalog for any MCP client, on stdio or over HTTP. On stdio stdout belongs to the protocol: everything that is said to a
//! person goes to stderr.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::base::error::{Error, Result};
use crate::call::reach::ANY_PROVIDER;
use crate::cli::call;
use crate::cli::interrupt;
use crate::cli::output::Out;
use crate::config::dirs::Dirs;
use crate::config::layers::{ForceRule, Profile, Rule};
use crate::mcp::http::{self, Door, Limits, keys};
use crate::mcp::server::handler::Handler;
use crate::mcp::server::live::Live;
use crate::mcp::server::scope::Flags;
use crate::mcp::server::shelf::Shelf;
use crate::mcp::stdio;

/// `mcp:serve`.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let flags = flags(arguments)?;
    if flags.force && app.config.force() == ForceRule::Never {
        return Err(Error::new(crate::base::error::Code::PermissionDenied, "--force is turned off (force = \"never\" in the settings)"));
    }
    let shelf = Arc::new(shelf(app, flags)?);
    shelf.check()?.iter().for_each(|note| out.note(note));
    if arguments.get_flag("force") {
        out.note("started with --force: the policy is bypassed for every client, and each such call is marked in the audit log");
    }
    match arguments.get_one::<String>("http") {
        Some(address) => over_http(app, out, shelf, door(app, address, arguments)?)?,
        None => call::block_on(async {
            tokio::select! {
                served = stdio::serve(shelf) => served,
                _ = interrupt::told_to_end() => Ok(()),
            }
        })?,
    }
    Ok(0)
}

fn door(app: &App, address: &str, arguments: &ArgMatches) -> Result<Door> {
    let several = |name: &str| arguments.get_many::<String>(name).map(|values| values.cloned().collect::<Vec<_>>()).unwrap_or_default();
    let file = |name: &str| arguments.get_one::<String>(name).map(PathBuf::from);
    let mut limits = Limits::default();
    if let Some(sessions) = arguments.get_one::<u32>("max-sessions") {
        limits.sessions = usize::try_from(*sessions).unwrap_or(usize::MAX);
    }
    if let Some(seconds) = arguments.get_one::<u32>("idle") {
        limits.idle = Duration::from_secs(u64::from(*seconds));
    }
    Ok(Door {
        address: http::address(address)?,
        tls: file("tls-cert").zip(file("tls-key")),
        hosts: several("allow-host"),
        origins: several("allow-origin"),
        keys: keys::path(&app.dirs),
        require_key: arguments.get_flag("require-key"),
        limits,
    })
}

/// What who opens this door should know.
fn caution(door: &Door) -> Option<&'static str> {
    let here = door.address.ip().is_loopback();
    if here && !door.hosts.is_empty() && !door.require_key {
        Some("clients need no key, also those that a proxy brings here under another name: --require-key asks for one")
    } else if !here && door.tls.is_none() {
        Some("keys and answers travel unencrypted: use --tls-cert and --tls-key, or a proxy that speaks TLS")
    } else {
        None
    }
}

/// Serves until a signal; where it listens is said on stderr.
fn over_http(app: &App, out: &Out, shelf: Arc<Shelf>, door: Door) -> Result<()> {
    app.dirs.make_data()?;
    let scheme = if door.tls.is_some() { "https" } else { "http" };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("no event loop: {error}")))?;
    let served = runtime.block_on(async {
        let stop = CancellationToken::new();
        let (told, following) = (stop.clone(), shelf.clone());
        tokio::spawn(async move {
            interrupt::told_to_end().await;
            told.cancel();
        });
        tokio::spawn(async move { following.follow().await });
        let caution = caution(&door);
        let bound = |address| {
            out.stderr(&format!("serving MCP on {scheme}://{address}/mcp\n"));
            caution.into_iter().for_each(|caution| out.note(caution));
        };
        http::serve(move || Handler::new(shelf.clone()), door, stop, bound).await
    });
    call::end(runtime);
    served
}

fn shelf(app: &App, flags: Flags) -> Result<Shelf> {
    let (dirs, cwd) = (app.dirs.clone(), std::env::current_dir().ok());
    let connections = app.hub(Arc::new(|note: &str| Out::new(false).note(note)));
    let open = {
        let (dirs, cwd) = (dirs.clone(), cwd.clone());
        Box::new(move || call::runtime(&App { connections: Some(connections.clone()), ..App::open(dirs.clone(), cwd.clone())? }))
    };
    let sources = Box::new(move || sources(&dirs, cwd.clone()));
    Ok(Shelf::new(Arc::new(Live::new(open, sources)?), flags))
}

fn sources(dirs: &Dirs, cwd: Option<PathBuf>) -> Vec<PathBuf> {
    App::open(dirs.clone(), cwd).map(|app| app.sources()).unwrap_or_default()
}

fn flags(arguments: &ArgMatches) -> Result<Flags> {
    let several = |name: &str| arguments.get_many::<String>(name).map(|values| values.cloned().collect::<Vec<_>>());
    let mut accounts = BTreeMap::new();
    for word in several("account").unwrap_or_default() {
        let (provider, alias) = word.split_once('=').unwrap_or((ANY_PROVIDER, &word));
        accounts.insert(provider.to_owned(), crate::base::name::account(alias)?);
    }
    let write = arguments.get_one::<String>("write").map(|word| match word.as_str() {
        "allow" => Rule::Allow,
        "ask" => Rule::Ask,
        _ => Rule::Deny,
    });
    Ok(Flags {
        profile: arguments.get_one::<String>("profile").cloned(),
        own: Profile {
            tools: several("tools").unwrap_or_default(),
            integrations: several("integration"),
            upstreams: several("upstream"),
            write,
            read_only: arguments.get_flag("read-only"),
            accounts,
        },
        force: arguments.get_flag("force"),
    })
}
