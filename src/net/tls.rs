//! TLS: rustls with ring, the system's certificates, and the built-in ones where the system has none.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// A configuration. Loading the system's certificates takes milliseconds and is left out where only plain HTTP is spoken.
pub(super) fn config(https: bool) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let system = if https {
        builder().ok().and_then(|builder| builder.with_platform_verifier().ok()).map(|builder| builder.with_no_client_auth())
    } else {
        None
    };
    let mut config = system.unwrap_or_else(|| {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        match builder() {
            Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth(),
            Err(_) => ClientConfig::builder().with_root_certificates(roots).with_no_client_auth(),
        }
    });
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
