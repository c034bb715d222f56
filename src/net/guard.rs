//! Keeps requests away from private addresses. Literal addresses are checked before connecting; names are checked on the
//! very addresses that will be connected to, so a second look-up cannot differ. Through a proxy the proxy resolves names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::{Failure, FailureKind};

#[derive(Debug)]
struct Private(String);

impl std::fmt::Display for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is a private address; it is reached only for a provider that was opened for them", self.0)
    }
}

impl std::error::Error for Private {}

/// Refuses a URL whose host is a private address or a local name.
pub(super) fn check(url: &Url) -> Result<(), Failure> {
    let private = match url.host() {
        Some(Host::Ipv4(address)) => is_private(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_private(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    };
    if private {
        let host = url.host_str().unwrap_or_default().to_owned();
        return Err(Failure::new(FailureKind::Refused, Private(host).to_string()));
    }
    Ok(())
}

/// Resolves names and drops private addresses; when none is left it fails.
///
/// The proxies that the system names may be private: that is where they usually are.
pub(super) struct Resolver {
    pub(super) proxies: Arc<[String]>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let proxy = self.proxies.iter().any(|proxy| proxy == name.as_str());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.iter().copied().filter(|address| proxy || !is_private(address.ip())).collect();
            match (public.is_empty(), found.first()) {
                (true, Some(first)) => {
                    Err(Box::new(Private(format!("{} ({})", name.as_str(), first.ip()))) as Box<dyn std::error::Error + Send + Sync>)
                }
                _ => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

/// The guard's own words in an error's causes.
pub(super) fn refusal(error: &dyn std::error::Error) -> Option<String> {
    let mut at = error.source();
    while let Some(cause) = at {
        if let Some(private) = cause.downcast_ref::<Private>() {
            return Some(private.to_string());
        }
        at = cause.source();
    }
    None
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => private_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => private_v4(inner),
            None => private_v6(address),
        },
    }
}

fn private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || address.is_documentation()
}

fn private_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || (first & 0xfe00) == 0xfc00
        || (first & 0xffc0) == 0xfe80
        || (first & 0xffc0) == 0xfec0
}

/// An IPv4 address inside an IPv6 one: mapped, compatible, NAT64, 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let last = || Ipv4Addr::from((u32::from(segments[6]) << 16) | u32::from(segments[7]));
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] if !address.is_loopback() && !address.is_unspecified() => Some(last()),
        [0x64, 0xff9b, ..] => Some(last()),
        [0x2002, high, low, ..] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused_in_every_spelling() {
        let private = [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://0x7f.1/",
            "http://localhost/",
            "http://a.localhost./",
            "http://10.0.0.1/",
            "http://172.16.0.1/",
            "http://192.168.1.1/",
            "http://169.254.169.254/",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[::]/",
        ];
        for url in private {
            assert!(check(&Url::parse(url).unwrap()).is_err(), "{url}");
        }
        for url in ["https://api.github.com/", "http://8.8.8.8/", "http://[2606:4700::1111]/"] {
            assert!(check(&Url::parse(url).unwrap()).is_ok(), "{url}");
        }
    }
}
