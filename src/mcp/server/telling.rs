//! What a client hears while and after a call is made: progress where it asked for it, and a log message about each call.

use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::AbortHandle;

use crate::base::envelope::Envelope;
use crate::call::request::{Ctx, Progress};
use crate::mcp::server::face::At;

/// Ends the telling when the call is over.
pub struct Teller(AbortHandle);

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Hands news of a call on as progress notifications, where the client gave a token for them.
pub fn progress(ctx: &mut Ctx, at: At<'_>) -> Option<Teller> {
    let token = at.context.meta.get_progress_token()?;
    let (send, mut receive) = unbounded_channel();
    ctx.progress = Some(send);
    let peer = at.context.peer.clone();
    let task = tokio::spawn(async move {
        // Progress must grow, whatever the news are about.
        let mut step = 0.0;
        while let Some(news) = receive.recv().await {
            step += 1.0;
            let param = ProgressNotificationParam::new(token.clone(), step).with_message(said(&news));
            if peer.notify_progress(param).await.is_err() {
                return;
            }
        }
    });
    Some(Teller(task.abort_handle()))
}

fn said(news: &Progress) -> String {
    match news {
        Progress::Page { pages, items } => format!("{items} items on {pages} pages"),
        Progress::Bytes { done, total: Some(total) } => format!("{done} of {total} bytes"),
        Progress::Bytes { done, total: None } => format!("{done} bytes"),
        Progress::Step { message: Some(message), .. } => message.clone(),
        Progress::Step { done, total: Some(total), .. } => format!("{done} of {total}"),
        Progress::Step { done, .. } => done.to_string(),
        Progress::Waiting { seconds, why } => format!("waiting {seconds} s: {why}"),
    }
}

/// Says that a call was made, as gravely as it ended.
pub async fn log(at: At<'_>, envelope: &Envelope) {
    let level = match (&envelope.error_detail, envelope.meta.permission_bypassed) {
        (None, false) => LoggingLevel::Info,
        (None, true) => LoggingLevel::Notice,
        (Some(_), _) => LoggingLevel::Warning,
    };
    let data = json!({
        "function": envelope.function, "call_id": envelope.meta.call_id, "success": envelope.success,
        "code": envelope.error_detail.as_ref().map(|detail| detail.code), "duration_ms": envelope.duration_ms,
    });
    at.log(LoggingMessageNotificationParam::new(level, data).with_logger("angelia.calls")).await;
}
