//! Asking by the answer: a round of questions, and the next one when all of it was answered, until there is nothing more to ask.

use rmcp::ErrorData;
use rmcp::model::{
    ClientCapabilities, CreateMessageResult, ElicitResult, InputRequest, InputRequests, InputRequiredResult, InputResponses,
    ListRootsResult, RequestStateCodec, SealOptions,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use angelia::mcp::server::face::Answer;

/// What is asked.
#[derive(Deserialize)]
pub struct Rounds {
    rounds: Vec<InputRequests>,
    /// The round travels with the client, sealed.
    #[serde(default)]
    sealed: bool,
}

/// What a client brings.
pub struct Brought<'a> {
    /// Name of the tool or prompt.
    pub name: &'a str,
    pub responses: Option<&'a InputResponses>,
    pub state: Option<&'a str>,
    pub capabilities: ClientCapabilities,
}

impl Rounds {
    /// The next questions; nothing when all were answered.
    pub fn next(&self, codec: &RequestStateCodec, brought: &Brought<'_>) -> Answer<Option<InputRequiredResult>> {
        let owner = brought.name.as_bytes();
        let at = match brought.state {
            Some(state) => {
                let opened = codec.open_with(state, owner).ok().and_then(|bytes| bytes.first().copied());
                usize::from(opened.ok_or_else(|| ErrorData::invalid_params("the request state is not one of this server", None))?)
            }
            None => 0,
        };
        let mut asked = self.askable(at, &brought.capabilities);
        let known = !self.sealed || brought.state.is_some();
        let answered =
            known && asked.iter().all(|(key, request)| fits(request, brought.responses.and_then(|responses| responses.get(key))));
        let at = if answered { at + 1 } else { at };
        if at >= self.rounds.len() {
            return Ok(None);
        }
        if answered {
            asked = self.askable(at, &brought.capabilities);
        }
        if asked.is_empty() {
            let needed = ClientCapabilities::builder().enable_elicitation().build();
            return Err(ErrorData::missing_required_client_capability(needed));
        }
        let round = u8::try_from(at).unwrap_or(u8::MAX);
        let state = self.sealed.then(|| codec.seal_with(&[round], &SealOptions::new().associated_data(owner)));
        Ok(Some(InputRequiredResult::new(Some(asked), state)))
    }

    /// A round without what the client cannot answer.
    fn askable(&self, round: usize, can: &ClientCapabilities) -> InputRequests {
        let mut asked = self.rounds.get(round).cloned().unwrap_or_default();
        asked.retain(|_, request| match request {
            InputRequest::CreateMessage(_) => can.sampling.is_some(),
            InputRequest::Elicitation(_) => can.elicitation.is_some(),
            InputRequest::ListRoots(_) => can.roots.is_some(),
            _ => false,
        });
        asked
    }
}

fn fits(request: &InputRequest, answer: Option<&Value>) -> bool {
    fn reads<T: DeserializeOwned>(answer: &Value) -> bool {
        serde_json::from_value::<T>(answer.clone()).is_ok()
    }
    answer.is_some_and(|answer| match request {
        InputRequest::CreateMessage(_) => reads::<CreateMessageResult>(answer),
        InputRequest::Elicitation(_) => reads::<ElicitResult>(answer),
        InputRequest::ListRoots(_) => reads::<ListRootsResult>(answer),
        _ => false,
    })
}
