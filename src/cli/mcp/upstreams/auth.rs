//! `mcp:auth`: the way to a protected server's authorization and back.

use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use serde_json::json;

use crate::access::launch;
use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::cli::call::block_on;
use crate::cli::output::Out;
use crate::mcp::client::auth::Grant;
use crate::mcp::files;

/// `mcp:auth`.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let text = |key: &str| arguments.get_one::<String>(key).map(String::as_str);
    let servers = files::servers(&app.dirs, app.cwd.as_deref())?;
    let entry = servers.find(text("server").unwrap_or_default())?;
    let hub = app.hub(Arc::new(|note: &str| Out::new(false).note(note)));
    if arguments.get_flag("logout") {
        let was = hub.means().tokens(entry, None).read()?.is_some();
        if was {
            hub.means().tokens(entry, None).write(None)?;
        }
        out.answer(&json!({"success": true, "server": entry.name, "removed": was}), |_| {
            String::from(if was { "The stored authorization is forgotten." } else { "No authorization was stored." })
        });
        return Ok(0);
    }
    let scopes = text("scopes").unwrap_or_default().split([',', ' ']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    let grant = Grant { scopes, client_id: text("client-id").map(str::to_owned), ..Grant::default() };
    let browser = !arguments.get_flag("no-browser");
    let show = |address: &str| {
        out.stderr(&format!("Open this address to go on:\n{address}\n"));
        if browser && !launch::browse(address) {
            out.note("no browser could be started");
        }
    };
    let granted = block_on(async {
        tokio::select! {
            granted = hub.authorize(entry, grant, Duration::from_secs(30), &show) => granted,
            _ = tokio::signal::ctrl_c() => Err(Error::new(Code::Cancelled, "Interrupted")),
        }
    })?;
    out.answer(&json!({"success": true, "server": entry.name, "scopes": granted}), |_| {
        let scopes = if granted.is_empty() { String::new() } else { format!(" for {}", granted.join(", ")) };
        format!("Authorized{scopes}. The tokens are in the credential store.")
    });
    Ok(0)
}
