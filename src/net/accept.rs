//! TLS of connections that come in, from a certificate and a key in files. The other direction stands in `net`.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
pub use tokio_rustls::server::TlsStream;

use crate::base::error::{Code, Error, Result};

/// Turns accepted connections into TLS ones.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads a chain of certificates and its key (PEM).
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self> {
        let cannot = |path: &Path, why: String| Error::usage(format!("{} cannot be used for TLS: {why}", path.display()));
        let there = |path: &Path| {
            if path.is_file() { Ok(()) } else { Err(Error::new(Code::NotFound, format!("there is no file {}", path.display()))) }
        };
        there(certificates)?;
        there(key)?;
        let chain = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| cannot(certificates, error.to_string()))?;
        if chain.is_empty() {
            return Err(cannot(certificates, String::from("it holds no certificate (PEM)")));
        }
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| cannot(key, error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal(format!("no TLS: {error}")))?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(|error| cannot(key, format!("it does not fit {}: {error}", certificates.display())))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands with whoever connected.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}
