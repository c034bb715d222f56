//! Asking the person behind a client, where the policy asks. Older revisions let the server ask while it answers; since 2026-07-28 the answer
//! itself is a question, and the client calls again with the person's word. The word counts for exactly the request that was shown.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{
    BooleanSchema, CallToolRequestParams, CallToolResponse, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
    ElicitationSchema, InputRequest, InputRequiredResult, PrimitiveSchemaDefinition, ProtocolVersion, RequestStateCodec, SealOptions,
};
use rmcp::service::{Peer, RequestContext};
use serde_json::Value;

use crate::base::name::in_plain_sight;
use crate::call::executor::BoxFuture;
use crate::call::plan::Plan;
use crate::call::request::Asker;

/// How long a person may think.
const PATIENCE: Duration = Duration::from_secs(300);

/// A larger request cannot be read in a dialog: a ticket is left instead.
const LARGEST: usize = 32 << 10;

/// Name of the question and of its answer.
const QUESTION: &str = "approval";
const FIELD: &str = "approve";

/// Whether the client shows forms to a person.
pub fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    let asks = context.client_capabilities().and_then(|capabilities| capabilities.elicitation);
    asks.is_some_and(|asks| asks.form.is_some() || asks.url.is_none())
}

/// Whether the answer itself must be the question.
pub fn asks_by_answer(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

/// Asks through a form of the client while a call is under way.
pub struct Form {
    pub peer: Peer<RoleServer>,
}

impl Asker for Form {
    fn ask<'a>(&'a self, plan: &'a Plan, request: &'a Value) -> BoxFuture<'a, Option<bool>> {
        Box::pin(async move {
            let asked = self.peer.create_elicitation_with_timeout(form(plan, request)?, Some(PATIENCE)).await;
            asked.ok().map(|answer| agrees(&answer))
        })
    }
}

/// The question, or nothing where it is too large to be read.
fn form(plan: &Plan, request: &Value) -> Option<ElicitRequestParams> {
    let shown = in_plain_sight(&format!("{request:#}"));
    if shown.len() > LARGEST {
        return None;
    }
    let (name, operation) = (&plan.callable.name, plan.callable.function.operation.as_str());
    let approve = BooleanSchema::new().title("Send it").description("Send exactly this request, once").with_default(false);
    let mut schema = ElicitationSchema::new([(FIELD.to_owned(), PrimitiveSchemaDefinition::Boolean(approve))].into());
    schema.required = Some(vec![FIELD.to_owned()]);
    Some(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: format!("{name} ({operation}, account {}) asks for your approval: {}\n{shown}", plan.account, plan.decision.because),
        requested_schema: schema,
    })
}

fn agrees(answer: &ElicitResult) -> bool {
    answer.action == ElicitationAction::Accept && answer.content.as_ref().and_then(|content| content.get(FIELD)) == Some(&Value::Bool(true))
}

/// Asks by the answer to a call, and reads the word that comes with the next one.
pub struct Letters {
    codec: RequestStateCodec,
    /// Words that were used: each counts once.
    used: Mutex<VecDeque<String>>,
}

/// Used words that are remembered; more cannot be given while one is valid, by a person.
const REMEMBERED: usize = 10_000;

impl Default for Letters {
    fn default() -> Self {
        // Two random ids are 244 random bits; a word given to another process of ours does not count here, and is asked for again.
        let key = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
        Self { codec: RequestStateCodec::new(key), used: Mutex::default() }
    }
}

impl Letters {
    /// The answer that asks; nothing where the request is too large to be shown.
    pub fn question(&self, plan: &Plan, request: &Value, owner: &str) -> Option<CallToolResponse> {
        let params = form(plan, request)?;
        let digest = request["digest"].as_str().unwrap_or_default();
        let options = SealOptions::new().associated_data(owner.as_bytes()).ttl(PATIENCE);
        let state = self.codec.seal_with(digest.as_bytes(), &options);
        let asked = [(QUESTION.to_owned(), InputRequest::Elicitation(ElicitRequest::new(params)))].into();
        Some(InputRequiredResult::new(Some(asked), Some(state)).into())
    }

    /// The word that a call brings for this very request; nothing where it brings none.
    pub fn word(&self, call: &CallToolRequestParams, request: &Value, owner: &str) -> Option<bool> {
        let answer = call.input_responses.as_ref()?.get(QUESTION)?;
        let state = call.request_state.as_ref()?;
        let about = self.codec.open_with(state, owner.as_bytes()).ok()?;
        if request["digest"].as_str().map(str::as_bytes) != Some(about.as_slice()) {
            return None;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.contains(state) {
            return None;
        }
        used.push_back(state.clone());
        if used.len() > REMEMBERED {
            used.pop_front();
        }
        serde_json::from_value::<ElicitResult>(answer.clone()).ok().map(|answer| agrees(&answer))
    }
}
