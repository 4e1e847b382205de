//! Whose certificates are trusted: the roots that the environment names, the system's, or those that are built in.

use std::fs;
use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::code::Code;
use crate::error::{Error, Result};
use crate::file;
use crate::world::Env;

/// Largest file of certificates that is read: 16 MiB. All public roots together have a quarter of one.
const BUNDLE_LIMIT: usize = 16 << 20;

/// Whom to trust. Most distributions have their roots twice: in one file, and in a folder where everybody may add some. The folder
/// has hundreds of files, and what is only there is seldom what is needed.
#[derive(Debug, Clone)]
pub struct Roots {
    /// Those that are tried first.
    pub first: TlsContext,
    /// Where that is not all: all.
    pub all: Option<TlsContext>,
}

impl Roots {
    /// `AWS_CA_BUNDLE` alone where it is set; else the system's roots, which `SSL_CERT_FILE` and `SSL_CERT_DIR` replace; else, where
    /// the system has none (an image made from scratch), Mozilla's, which are built in.
    ///
    /// # Errors
    /// Root certificates that are named but can't be read.
    pub fn of(env: &Env) -> Result<Self> {
        let (first, all) = trust_stores(env)?;
        Ok(Self {
            first: tls_context(first)?,
            all: all.map(tls_context).transpose()?,
        })
    }
}

fn tls_context(roots: TrustStore) -> Result<TlsContext> {
    TlsContext::builder()
        .with_trust_store(roots)
        .build()
        .map_err(|error| Error::failed(Code::System, "cannot set TLS up", error))
}

/// Those that are tried first, and all where that is not all.
fn trust_stores(env: &Env) -> Result<(TrustStore, Option<TrustStore>)> {
    if let Some(bundle) = env.path("AWS_CA_BUNDLE") {
        return Ok((of_file(read_bundle(&bundle, "AWS_CA_BUNDLE")?), None));
    }
    if let Some(file) = env.path("SSL_CERT_FILE") {
        let all = env.get("SSL_CERT_DIR").map(|_| TrustStore::default());
        return Ok((of_file(read_bundle(&file, "SSL_CERT_FILE")?), all));
    }
    if let Some(folders) = env.get("SSL_CERT_DIR") {
        if !std::env::split_paths(folders).any(|folder| holds_certificate(&folder)) {
            return Err(Error::failed(
                Code::RootsFile,
                format!("cannot use the folder SSL_CERT_DIR names, {folders}"),
                "there is no certificate in it",
            )
            .hint("SSL_CERT_DIR is a folder of PEM certificates: mend it, or unset the variable"));
        }
        return Ok((TrustStore::default(), None));
    }
    // rustls-native-certs takes a variable that is set to nothing for a file without a name, and finds no roots at all.
    if env.is_blank("SSL_CERT_FILE") || env.is_blank("SSL_CERT_DIR") {
        return Ok((of_file(built_in_roots()), None));
    }
    Ok(match system_roots() {
        System::File(pem) => (of_file(pem), Some(TrustStore::default())),
        System::Other => (TrustStore::default(), None),
        System::Nothing => (of_file(built_in_roots()), None),
    })
}

fn of_file(pem: Vec<u8>) -> TrustStore {
    TrustStore::empty().with_pem_certificate(pem)
}

/// The SDK panics on certificates it can't parse, so look at them first.
fn read_bundle(path: &Path, variable: &str) -> Result<Vec<u8>> {
    let what = format!("cannot use the certificates {variable} names, {}", path.display());
    let hint = format!("{variable} is a file of PEM certificates: mend it, or unset the variable");
    let pem =
        file::read(path, BUNDLE_LIMIT).map_err(|error| Error::failed(Code::RootsFile, &what, error).hint(&hint))?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| Error::failed(Code::RootsFile, &what, error).hint(&hint))?;
        webpki::anchor_from_trusted_cert(&certificate)
            .map_err(|error| Error::failed(Code::RootsFile, &what, error).hint(&hint))?;
        count += 1;
    }
    match count {
        0 => Err(Error::failed(Code::RootsFile, &what, "there is no certificate in it").hint(&hint)),
        _ => Ok(pem),
    }
}

/// The distribution's roots, where rustls-native-certs looks for them.
enum System {
    /// A file of them, each of which can be read.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux has its roots in a file")
    )]
    File(Vec<u8>),
    /// In another form, or not all of them can be read.
    Other,
    /// There are none.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "the others bring theirs"))]
    Nothing,
}

#[cfg(not(target_os = "linux"))]
fn system_roots() -> System {
    System::Other
}

#[cfg(target_os = "linux")]
fn system_roots() -> System {
    let found = openssl_probe::probe();
    let pem = found.cert_file.and_then(|file| file::read(&file, BUNDLE_LIMIT).ok());
    let pem = pem.unwrap_or_default();
    match certificates(&pem) {
        (1.., 0) => System::File(pem),
        (1.., _) => System::Other,
        _ if found.cert_dir.iter().any(|folder| holds_certificate(folder)) => System::Other,
        _ => System::Nothing,
    }
}

/// Whether there is a certificate in a folder. Without a single one the SDK may panic.
fn holds_certificate(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.iter().any(|file| is_certificate(file))
}

fn is_certificate(path: &Path) -> bool {
    let pem = file::read(path, BUNDLE_LIMIT).unwrap_or_default();
    certificates(&pem).0 > 0
}

/// How many there are that can be trusted, and how many that can't even be read.
fn certificates(pem: &[u8]) -> (usize, usize) {
    let (mut good, mut bad) = (0, 0);
    for certificate in CertificateDer::pem_slice_iter(pem) {
        match certificate {
            Ok(certificate) if webpki::anchor_from_trusted_cert(&certificate).is_ok() => good += 1,
            _ => bad += 1,
        }
    }
    (good, bad)
}

fn built_in_roots() -> Vec<u8> {
    use base64::Engine;
    let mut pem = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let body = base64::engine::general_purpose::STANDARD.encode(root);
        pem.push_str(&format!(
            "-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
        ));
    }
    pem.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_certificates_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("junk.pem"), "junk").unwrap();
        let path = folder.path().display().to_string();
        let with = |folder: &str| trust_stores(&[("SSL_CERT_DIR", folder)].into_iter().collect());
        for none in [path.as_str(), "/nonexistent"] {
            assert!(with(none).unwrap_err().to_string().contains("SSL_CERT_DIR"));
        }
        fs::write(folder.path().join("roots.pem"), built_in_roots()).unwrap();
        assert!(with(&path).is_ok());
    }

    #[test]
    fn bad_bundles_are_errors_that_name_their_variable() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let with = |variable: &str, content: &[u8]| {
            fs::write(file.path(), content).unwrap();
            let path = file.path().display().to_string();
            trust_stores(&[(variable, path.as_str())].into_iter().collect())
        };
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for content in [&b""[..], b"no certificate", broken, b"-----BEGIN CERTIFICATE-----\n!\n"] {
            for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
                let error = with(variable, content).unwrap_err();
                assert!(error.hint_text().unwrap().contains(variable), "{error}");
            }
        }
        assert!(with("AWS_CA_BUNDLE", &built_in_roots()).is_ok());
    }
}
