//! Sign-in (OAuth 2.0) and what follows from it: consent, renewal, the end. The authorization server is `support::authority`.

mod code;
