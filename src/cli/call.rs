//! `integrations:call` and the provider shortcuts: words to a call, the person's word where the policy asks, the envelope out.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::access::signin;
use crate::app::App;
use crate::base::envelope::{Envelope, Meta};
use crate::base::error::{Code, Error, Result};
use crate::base::name::{DEFAULT_ACCOUNT, in_plain_sight};
use crate::base::origin::Origin;
use crate::call::args;
use crate::call::executor::BoxFuture;
use crate::call::plan::Plan;
use crate::call::request::{Arguments, Asker, Call, Ctx, RawArguments};
use crate::call::runtime::Runtime;
use crate::cli::output::{self, Out};
use crate::cli::words::{self, Words};
use crate::cli::{help, progress, render, stdin};
use crate::config::env;
use crate::registry::catalog::Callable;
use crate::registry::function::UPSTREAMS;
use crate::registry::jq::Program;

/// Calls `function` with the words that follow it. Words that cannot become a call are answered with an envelope too.
pub fn run(app: &App, function: &str, typed: &[String]) -> Result<u8> {
    run_with(app, function, typed, async |runtime: &Runtime| {
        tokio::select! {
            // What fails here fails again when the call is made, and is recorded then.
            _ = runtime.discover(function) => Ok(function.to_owned()),
            _ = tokio::signal::ctrl_c(), if function.starts_with(UPSTREAMS) => Err(Error::new(Code::Cancelled, "Interrupted")),
        }
    })
}

/// As [`run`], for a function whose full name is only found out on the way; `function` is how it is called until then.
pub fn run_with(app: &App, function: &str, typed: &[String], name: impl AsyncFnOnce(&Runtime) -> Result<String>) -> Result<u8> {
    block_on(made(app, name, typed)).or_else(|error| Ok(refused(function, typed, error)))
}

/// Answers words that cannot become a call.
pub fn refused(function: &str, typed: &[String], error: Error) -> u8 {
    let envelope = not_made(function, error);
    print(&Out::new(words::wants_json(typed)), &envelope);
    exit_code(&envelope)
}

/// The envelope of a call that did not come about.
fn not_made(function: &str, error: Error) -> Envelope {
    let meta = Meta { call_id: uuid::Uuid::now_v7().to_string(), account: DEFAULT_ACCOUNT.to_owned(), ..Meta::default() };
    Envelope {
        function: function.to_owned(),
        success: false,
        data: Value::Null,
        error: Some(error.message.clone()),
        error_detail: Some(error.into()),
        meta,
        duration_ms: 0.0,
    }
}

async fn made(app: &App, name: impl AsyncFnOnce(&Runtime) -> Result<String>, typed: &[String]) -> Result<u8> {
    let runtime = runtime(app)?;
    let function = name(&runtime).await?;
    let function = function.as_str();
    let callable = runtime.catalog.function(function).ok();
    let words = words::read(typed, callable.as_deref().map(|callable| &callable.function))?;
    let out = Out::new(words.json);
    if words.help {
        let callable = runtime.catalog.function(function)?;
        out.text(&help::function(&callable));
        return Ok(0);
    }
    app.notes.iter().for_each(|note| out.note(note));
    let ndjson = words.ndjson;
    let select = words.options.select.clone();
    let call = to_call(function, callable.as_deref(), words)?;
    let (envelope, streamed) = perform(&runtime, &out, call, ndjson.then_some(select)).await?;
    if ndjson && streamed {
        let text = serde_json::to_string(&envelope).unwrap_or_default();
        out.stderr(&format!("{text}\n"));
    } else {
        print(&out, &envelope);
    }
    Ok(exit_code(&envelope))
}

/// A runtime whose notes go to stderr.
pub fn runtime(app: &App) -> Result<Arc<Runtime>> {
    app.runtime(Box::new(|note| Out::new(false).note(note)))
}

/// Prints the envelope of a call.
pub fn print(out: &Out, envelope: &Envelope) {
    out.envelope(envelope, |paint| match &envelope.meta.request {
        Some(request) if envelope.meta.dry_run => format!("{} nothing was sent\n{request:#}", paint.bold("dry run:")),
        _ => render::data(out, paint, &envelope.data),
    });
    if let (false, Some(false), Some(why)) = (out.json, envelope.meta.complete, envelope.meta.stopped_by) {
        let all = if why == "one_page" { "; --all reads every page" } else { "" };
        out.note(&format!("more follows (stopped by {why}){all}"));
    }
}

/// The exit status of an envelope.
pub fn exit_code(envelope: &Envelope) -> u8 {
    match &envelope.error_detail {
        None => 0,
        Some(detail) => Code::of(detail.code).unwrap_or(Code::Internal).exit(),
    }
}

fn to_call(function: &str, callable: Option<&Callable>, words: Words) -> Result<Call> {
    let mut flags = words.flags;
    let text_from_stdin = flags.iter().any(|flag| flag.value.as_deref() == Some("@-"));
    let payload = match words.payload.as_deref() {
        Some("-") => stdin::read(stdin::Wait::Forever).map(|bytes| Some(bytes.unwrap_or_default())).transpose(),
        Some(text) => Some(Ok(text.as_bytes().to_vec())),
        None if text_from_stdin => {
            let content = stdin::read(stdin::Wait::Forever)?.unwrap_or_default();
            let content = String::from_utf8(content).map_err(|_| Error::usage("stdin is not UTF-8"))?;
            flags.iter_mut().for_each(|flag| flag.stdin = Some(content.clone()));
            None
        }
        None => match callable {
            None => None,
            Some(callable) => stdin::read(patience(args::suffice(&callable.function, &flags))).transpose(),
        },
    };
    let payload = payload.map(|bytes| bytes.and_then(|bytes| stdin::parse(&bytes)));
    let arguments = Arguments::Raw(RawArguments { payload, flags });
    Ok(Call { function: function.to_owned(), account: words.account, arguments, options: words.options })
}

/// Where the flags alone suffice, a silent stdin is not waited for; where they do not, the payload may come late.
fn patience(suffices: bool) -> stdin::Wait {
    let short = Duration::from_millis(env::stdin_wait_ms());
    stdin::Wait::AtMost(if suffices { short } else { short * 50 })
}

/// Performs a call; with `items` each item of a list is printed as it comes. Says whether items were streamed.
pub async fn perform(runtime: &Runtime, out: &Out, call: Call, items: Option<Option<String>>) -> Result<(Envelope, bool)> {
    let mut ctx = context();
    let single = runtime.catalog.function(&call.function).is_ok_and(|callable| callable.function.pagination.is_none());
    let printer = match items {
        Some(_) if call.options.output.is_some() => {
            return Err(Error::usage("--ndjson prints items as they come; redirect stdout instead of --output"));
        }
        Some(_) if single => {
            return Err(Error::usage(format!("{} does not answer in pages; --ndjson does not apply", call.function)));
        }
        Some(select) => {
            let program = select.map(|text| Program::compile(&text)).transpose().map_err(|why| Error::usage(format!("--select: {why}")))?;
            let (send, receive) = unbounded_channel();
            ctx.items = Some(send);
            Some((receive, program))
        }
        None => None,
    };
    let bar = progress::start(&mut ctx, out);
    let interrupt = ctx.cancel.clone();
    let streamed = printer.is_some();
    let work = runtime.call(&ctx, call);
    let ctrl_c = async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            interrupt.cancel();
        }
        std::future::pending::<()>().await;
    };
    let envelope = match printer {
        Some((receive, program)) => stream(out, work, ctrl_c, receive, program, &ctx).await,
        None => tokio::select! {
            envelope = work => envelope,
            () = ctrl_c => return Err(Error::internal("the signal handler ended")),
        },
    };
    drop(bar);
    Ok((envelope, streamed))
}

async fn stream(
    out: &Out,
    work: impl Future<Output = Envelope>,
    ctrl_c: impl Future<Output = ()>,
    mut items: UnboundedReceiver<Value>,
    program: Option<Program>,
    ctx: &Ctx,
) -> Envelope {
    tokio::pin!(work, ctrl_c);
    let print = |item: Value| match &program {
        None => out.text(&item.to_string()),
        Some(program) => match program.run(&item) {
            Ok(outputs) => outputs.iter().for_each(|output| out.text(&output.to_string())),
            Err(why) => {
                out.note(&format!("--select: {why}"));
                ctx.cancel.cancel();
            }
        },
    };
    loop {
        tokio::select! {
            biased;
            Some(item) = items.recv() => {
                print(item);
                if output::closed() {
                    items.close();
                }
            }
            envelope = &mut work => {
                while let Ok(item) = items.try_recv() {
                    print(item);
                }
                return envelope;
            }
            () = &mut ctrl_c => {}
        }
    }
}

/// A call from the command line; where there is a terminal, a person can be asked.
pub fn context() -> Ctx {
    let mut ctx = Ctx::new(Origin::Cli);
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        ctx.asker = Some(Arc::new(Terminal { cancel: ctx.cancel.clone(), turn: Mutex::default() }));
    }
    ctx
}

/// Asks on the terminal, one question at a time, showing the exact request.
struct Terminal {
    cancel: CancellationToken,
    turn: Mutex<()>,
}

impl Asker for Terminal {
    fn ask<'a>(&'a self, plan: &'a Plan, request: &'a Value) -> BoxFuture<'a, Option<bool>> {
        Box::pin(async move {
            let _turn = self.turn.lock().await;
            let (name, operation) = (&plan.callable.name, plan.callable.function.operation.as_str());
            Out::new(false).stderr(&format!(
                "{name} ({operation}, account {}) asks for your approval: {}\n{}\nSend it? [y/N] ",
                plan.account,
                plan.decision.because,
                in_plain_sight(&format!("{request:#}"))
            ));
            let answer = tokio::select! {
                answer = typed() => answer?,
                () = self.cancel.cancelled() => return Some(false),
            };
            Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
        })
    }
}

/// A line from the terminal. Nobody reads before there is one: a question that is withdrawn leaves the next line to others.
pub async fn typed() -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        use tokio::net::unix::pipe::Receiver;
        let terminal = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
        if let Ok(terminal) = Receiver::from_file_unchecked(terminal.into()) {
            terminal.readable().await.ok()?;
        }
    }
    line().await
}

/// The next line of stdin, where nobody else reads it.
pub async fn line() -> Option<String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    read.await.ok()?.ok()
}

/// Runs a future on a runtime of one thread.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("no event loop: {error}")))?;
    let result = runtime.block_on(work);
    end(runtime);
    result
}

/// Ends an event loop. A token whose renewal has begun is waited for: it may take the place of one that holds no more. Ctrl-C leaves at once.
pub fn end(runtime: tokio::runtime::Runtime) {
    if !signin::idle() {
        let late = || Out::new(false).note("a token is still being renewed; Ctrl-C leaves at once, and may lose it");
        runtime.block_on(signin::settled(late));
    }
    runtime.shutdown_background();
}
