//! HTTPS under any host name: the lab's own certificate authority, and a certificate for each server name, created on
//! demand.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::answer::BoxError;
use crate::faults::Fault;
use crate::hosts::{AwsHost, is_below_aws};
use crate::{Aws, lock};

/// A certificate authority.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Result<Self, BoxError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2060, 1, 1);
        let key = KeyPair::generate()?;
        Ok(Self {
            certificate: params.self_signed(&key)?,
            issuer: Issuer::new(params, key),
        })
    }

    /// Creates a certificate for a server name; `None` stands for this machine's own names.
    fn leaf(&self, name: Option<&str>, key: &KeyPair, expired: bool) -> Result<CertifiedKey, BoxError> {
        let names = name.map_or_else(
            || vec!["localhost".into(), "127.0.0.1".into(), "::1".into()],
            |name| vec![name.into()],
        );
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "lab");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(if expired { 2021 } else { 2060 }, 1, 1);
        let leaf = params.signed_by(key, &self.issuer)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![leaf.der().clone(), self.certificate.der().clone()];
        Ok(CertifiedKey::new(chain, ring::sign::any_supported_type(&private)?))
    }
}

/// Creates or chooses the certificate of each handshake.
pub(crate) struct Certificates {
    aws: Arc<Aws>,
    trusted: Authority,
    stranger: Authority,
    key: KeyPair,
    made: Mutex<HashMap<Option<String>, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    pub(crate) fn new(aws: Arc<Aws>) -> Result<Self, BoxError> {
        Ok(Self {
            aws,
            trusted: Authority::new("lab: certificate authority of a local AWS for tests")?,
            stranger: Authority::new("lab: an authority that nobody trusts")?,
            key: KeyPair::generate()?,
            made: Mutex::default(),
        })
    }

    /// Returns the CA's certificate in PEM.
    pub(crate) fn ca_pem(&self) -> String {
        self.trusted.certificate.pem()
    }

    fn usual(&self, name: Option<&str>) -> Result<Arc<CertifiedKey>, BoxError> {
        let mut made = lock(&self.made);
        let name = name.map(str::to_owned);
        if let Some(known) = made.get(&name) {
            return Ok(known.clone());
        }
        let leaf = Arc::new(self.trusted.leaf(name.as_deref(), &self.key, false)?);
        made.insert(name, leaf.clone());
        Ok(leaf)
    }

    fn choose(&self, name: Option<&str>) -> Result<Arc<CertifiedKey>, BoxError> {
        let named = name.and_then(|name| self.aws.named(name));
        if named.is_none() && name.is_some_and(is_below_aws) {
            return Err("AWS has no server of this name".into());
        }
        let service = named.map(|host: AwsHost| host.service());
        match self.aws.faults.take_tls(service) {
            Some(Fault::OtherNamesCertificate) => self.usual(Some("another.example.com")),
            Some(Fault::WrongCertificate) => Ok(Arc::new(self.stranger.leaf(name, &self.key, false)?)),
            Some(_) => Ok(Arc::new(self.trusted.leaf(name, &self.key, true)?)),
            None => self.usual(name),
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name()).ok()
    }
}

/// Returns a configuration with TLS 1.2 and 1.3, and HTTP/1.1.
pub(crate) fn server_config(certificates: Arc<Certificates>) -> Result<ServerConfig, BoxError> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
