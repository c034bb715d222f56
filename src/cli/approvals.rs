//! `approvals:*`: what waits for a person, and the person's word.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::access::approvals;
use crate::app::App;
use crate::base::clock::{now_ms, rfc3339};
use crate::base::error::{Code, Error, Result};
use crate::base::name::in_plain_sight;
use crate::base::origin::Origin;
use crate::call::request::{Arguments, Call, Ctx, Options};
use crate::call::runtime::Station;
use crate::cli::call;
use crate::cli::output::Out;
use crate::store::approvals::Ticket;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn shown(ticket: &Ticket) -> Value {
    json!({
        "id": ticket.id, "state": approvals::state(ticket, now_ms()), "function": ticket.function, "account": ticket.account, "operation": ticket.operation,
        "origin": ticket.origin, "created_at": rfc3339(ticket.created_ms), "expires_at": rfc3339(ticket.expires_ms),
        "decided_at": ticket.decided_ms.map(rfc3339), "spent_at": ticket.spent_ms.map(rfc3339), "digest": ticket.digest,
    })
}

fn whole(ticket: &Ticket) -> Value {
    let mut value = shown(ticket);
    value["arguments"] = parsed(&ticket.arguments);
    value["request"] = parsed(&ticket.request);
    value
}

fn id(arguments: &ArgMatches) -> &str {
    arguments.get_one::<String>("id").map(String::as_str).unwrap_or_default()
}

/// `approvals:list`.
pub fn list(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let state = arguments.get_one::<String>("state");
    let limit = arguments.get_one::<u32>("limit").copied().unwrap_or(100);
    let now = now_ms();
    let all = app.memory().with(|store| store.tickets(10_000))?;
    let tickets: Vec<Ticket> =
        all.into_iter().filter(|ticket| state.is_none_or(|state| approvals::state(ticket, now) == state)).take(limit as usize).collect();
    out.answer(&json!({"success": true, "approvals": tickets.iter().map(shown).collect::<Vec<_>>()}), |paint| {
        if tickets.is_empty() {
            return String::from("No tickets.");
        }
        let rows = tickets.iter().map(|ticket| {
            let state = approvals::state(ticket, now);
            let state = if state == "pending" { paint.yellow(state) } else { state.to_owned() };
            vec![
                ticket.id.clone(),
                state,
                ticket.function.clone(),
                ticket.account.clone(),
                rfc3339(ticket.expires_ms),
                in_plain_sight(&ticket.arguments),
            ]
        });
        out.table(paint, &["id", "state", "function", "account", "expires", "arguments"], rows.collect())
    });
    Ok(0)
}

/// `approvals:show`.
pub fn show(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let ticket = app.memory().with(|store| approvals::find(store, id(arguments)))?;
    let value = whole(&ticket);
    out.answer(&json!({"success": true, "approval": value}), |paint| {
        format!(
            "{} {} ({}, account {}), {}\n{}",
            paint.bold(&ticket.id),
            ticket.function,
            ticket.operation,
            ticket.account,
            approvals::state(&ticket, now_ms()),
            in_plain_sight(&format!("{:#}", value["request"]))
        )
    });
    Ok(0)
}

/// `approvals:approve`.
pub fn approve(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let memory = app.memory();
    let ticket = memory.with(|store| {
        let ticket = approvals::find(store, id(arguments))?;
        if !(approvals::state(&ticket, now_ms()) == "approved" && arguments.get_flag("run")) {
            approvals::decide(store, &ticket, true, now_ms())?;
        }
        approvals::find(store, &ticket.id)
    })?;
    drop(memory);
    if arguments.get_flag("run") {
        return run(app, out, &ticket);
    }
    out.answer(&json!({"success": true, "approval": shown(&ticket)}), |paint| {
        format!(
            "{} {} may run once until {}. Make the same call again, or: angelia approvals:approve {} --run",
            paint.green("✓"),
            ticket.function,
            rfc3339(ticket.expires_ms),
            ticket.id
        )
    });
    Ok(0)
}

/// Makes the call of an approved ticket. It passes every check again, and spends the ticket.
fn run(app: &App, out: &Out, ticket: &Ticket) -> Result<u8> {
    let (Value::Object(object), Value::Object(files)) = (parsed(&ticket.arguments), parsed(&ticket.files)) else {
        return Err(Error::internal("the ticket is damaged"));
    };
    let files: BTreeMap<String, PathBuf> =
        files.into_iter().filter_map(|(name, path)| Some((name, PathBuf::from(path.as_str()?)))).collect();
    let call = Call {
        function: ticket.function.clone(),
        account: Some(ticket.account.clone()),
        arguments: Arguments::Ready { object, files },
        options: Options::from_value(&parsed(&ticket.options)),
    };
    let runtime = call::runtime(app)?;
    let ctx = Ctx::new(Origin::Cli);
    let envelope = call::block_on(async {
        match runtime.prepare(&ctx, call) {
            Station::Refused(envelope) => Ok(*envelope),
            Station::Allowed(mut plan) => {
                // Where the rules have become laxer since, the ticket still holds for its own request alone, and is used up by it.
                if plan.approval_id.is_none() {
                    if runtime.shown(&plan)?["digest"] != ticket.digest.as_str() {
                        return Err(changed(ticket));
                    }
                    runtime.memory.with(|store| approvals::spend_this(store, ticket, now_ms()))?;
                    plan.approval_id = Some(ticket.id.clone());
                }
                Ok(runtime.perform(&ctx, *plan).await)
            }
            Station::Asks(_) => Err(changed(ticket)),
        }
    })?;
    call::print(out, &envelope);
    Ok(call::exit_code(&envelope))
}

fn changed(ticket: &Ticket) -> Error {
    Error::new(
        Code::PermissionDenied,
        format!("The request of ticket {} is not what it was: the function, the settings or a file changed", ticket.id),
    )
    .hint("Make the call again for a new ticket")
}

/// `approvals:deny`.
pub fn deny(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let ticket = app.memory().with(|store| {
        let ticket = approvals::find(store, id(arguments))?;
        approvals::decide(store, &ticket, false, now_ms())?;
        approvals::find(store, &ticket.id)
    })?;
    out.answer(&json!({"success": true, "approval": shown(&ticket)}), |_| format!("{} is denied.", ticket.id));
    Ok(0)
}
