//! The trusted root certificates: those that the environment names, the system's, or the built-in ones.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use context::{Env, variables};
use diagnostics::{Code, Error, Result, with_its_ends};

/// The largest file of certificates that is read: 16 MiB. All public roots together take a quarter of 1 MiB.
const BUNDLE_LIMIT: usize = 16 << 20;

/// The trusted roots. If `AWS_CA_BUNDLE` or the profile's `ca_bundle` is set, only those. Else the system's, which `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` replace. Else, if the system has none (an image made from scratch), Mozilla's, which are built in.
#[derive(Debug, Clone)]
pub enum Roots {
    /// The roots that the environment names, read.
    Named(TrustedRoots),
    /// The system's roots, not read yet.
    System {
        /// `SSL_CERT_FILE` is set, but empty.
        is_file_blank: bool,
    },
}

/// Roots that were read. Most distributions have them twice: in one file, and in a folder to which administrators add their own. The folder has
/// hundreds of files, and the roots that are only there are rarely needed.
#[derive(Debug, Clone)]
pub struct TrustedRoots {
    /// The roots that are tried first.
    pub first: TlsContext,
    /// Reads all roots, if `first` does not hold all.
    pub all: Option<fn() -> TlsContext>,
}

/// The name of the profile's setting for root certificates, in messages.
const CA_BUNDLE: &str = "ca_bundle of the profile";

/// Returns the setting that names root certificates, and its value. `ca_bundle` is the profile's setting.
pub fn named_roots(env: &Env, ca_bundle: Option<&str>) -> Option<(&'static str, String)> {
    let home = |path: &str| env.expand_home(path.into()).display().to_string();
    let bundles = [
        (variables::AWS_CA_BUNDLE, env.get(variables::AWS_CA_BUNDLE).map(home)),
        (CA_BUNDLE, ca_bundle.filter(|path| !path.is_empty()).map(home)),
    ];
    let of_variable = |name: &'static str| (name, env.get(name).map(str::to_owned));
    let others = [variables::SSL_CERT_FILE, variables::SSL_CERT_DIR].map(of_variable);
    let mut named = bundles.into_iter().chain(others);
    named.find_map(|(setting, path)| Some((setting, path?)))
}

impl Roots {
    /// Returns the roots that the settings name, read, or else the system's.
    ///
    /// # Errors
    /// The named root certificates cannot be read.
    pub fn find(env: &Env, ca_bundle: Option<&str>) -> Result<Self> {
        let Some((setting, path)) = named_roots(env, ca_bundle) else {
            let is_file_blank = env.is_blank(variables::SSL_CERT_FILE);
            return Ok(Self::System { is_file_blank });
        };
        if setting == variables::SSL_CERT_DIR {
            check_folders(&path)?;
            return Ok(Self::Named(TrustedRoots {
                first: NATIVE(),
                all: None,
            }));
        }
        let has_folders = setting == variables::SSL_CERT_FILE && env.get(variables::SSL_CERT_DIR).is_some();
        Ok(Self::Named(TrustedRoots {
            first: tls_context(of_file(read_bundle(Path::new(&path), setting)?))?,
            all: has_folders.then_some(NATIVE),
        }))
    }

    /// Returns the roots for a connection. Reads the system's.
    pub fn read(&self) -> TrustedRoots {
        match self {
            Self::Named(trusted) => trusted.clone(),
            Self::System { is_file_blank } => of_system(*is_file_blank),
        }
    }
}

fn tls_context(roots: TrustStore) -> Result<TlsContext> {
    TlsContext::builder()
        .with_trust_store(roots)
        .build()
        .map_err(|error| Error::failed(Code::System, "cannot set TLS up", error))
}

fn check_folders(folders: &str) -> Result<()> {
    if std::env::split_paths(folders).any(|folder| holds_certificate(&folder)) {
        return Ok(());
    }
    Err(Error::failed(
        Code::RootsFile,
        format!("cannot use the folder that SSL_CERT_DIR names, {folders}"),
        "there is no certificate in it",
    )
    .hint("SSL_CERT_DIR has to name a folder of PEM certificates: correct it, or unset it"))
}

/// The roots that rustls-native-certs finds: those of `SSL_CERT_FILE` and `SSL_CERT_DIR` if one of them is set, else the system's.
const NATIVE: fn() -> TlsContext = TlsContext::default;

/// Returns the system's roots. If `SSL_CERT_FILE` is set but empty, rustls-native-certs finds no roots, so they are read here.
fn of_system(is_file_blank: bool) -> TrustedRoots {
    let all = if is_file_blank { whole_system } else { NATIVE };
    let only = |first| TrustedRoots { first, all: None };
    match system_roots() {
        SystemRoots::File(pem) => TrustedRoots {
            first: tls_context(of_file(pem)).unwrap_or_default(),
            all: Some(all),
        },
        // There, too, rustls-native-certs finds no roots, but no files hold them.
        SystemRoots::Other if is_file_blank && !cfg!(target_os = "linux") => only(of_built_in()),
        SystemRoots::Other if cfg!(windows) => TrustedRoots {
            first: NATIVE(),
            all: Some(whole_system),
        },
        SystemRoots::Other => only(all()),
        SystemRoots::Nothing => only(of_built_in()),
    }
}

fn of_built_in() -> TlsContext {
    tls_context(of_file(built_in_roots())).unwrap_or_default()
}

/// Returns every root in the system's file and in its folders.
#[cfg(target_os = "linux")]
fn whole_system() -> TlsContext {
    let found = openssl_probe::probe();
    let in_folders = found.cert_dir.iter().flat_map(|folder| files(folder));
    let mut roots = std::collections::BTreeSet::new();
    for file in found.cert_file.into_iter().chain(in_folders) {
        let text = private_files::read(&file, BUNDLE_LIMIT).unwrap_or_default();
        let good = CertificateDer::pem_slice_iter(&text).filter_map(|root| root.ok().filter(is_root));
        roots.extend(good.map(|root| root.to_vec()));
    }
    match roots.is_empty() {
        true => of_built_in(),
        false => tls_context(of_file(pem(&roots))).unwrap_or_default(),
    }
}

/// Returns every root of a system other than Linux, through rustls-native-certs. Windows fetches a root only when one of its own programs needs it,
/// so the built-in roots are added.
#[cfg(not(target_os = "linux"))]
fn whole_system() -> TlsContext {
    let both = TrustStore::empty()
        .with_native_roots(true)
        .with_pem_certificate(built_in_roots());
    tls_context(both).unwrap_or_default()
}

fn of_file(pem: Vec<u8>) -> TrustStore {
    TrustStore::empty().with_pem_certificate(pem)
}

/// Reads a file of certificates and checks them, because the SDK panics on certificates that it cannot parse.
fn read_bundle(path: &Path, setting: &str) -> Result<Vec<u8>> {
    let shown = with_its_ends(&path.display().to_string());
    let what = format!("cannot use the certificates that {setting} names, {shown}");
    let hint = format!("{setting} has to name a file of PEM certificates: correct it, or unset it");
    let refused = |cause: &dyn fmt::Display| Error::failed(Code::RootsFile, &what, cause).hint(&hint);
    let pem = private_files::read(path, BUNDLE_LIMIT).map_err(|error| refused(&error))?;
    let pem = in_one_form(&pem).map_err(|cause| refused(&cause))?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        count += 1;
        if !certificate.is_ok_and(|certificate| is_root(&certificate)) {
            return Err(refused(&format!("certificate {count} in it is broken")));
        }
    }
    match count {
        0 => Err(refused(&"there is no certificate in it")),
        _ => Ok(pem),
    }
}

/// Returns PEM certificates in the form that Rust's libraries read: like OpenSSL, this takes the older name X509 CERTIFICATE, and files that editors
/// on Windows began with a mark of their encoding, one after the other.
///
/// # Errors
/// A certificate has OpenSSL's own form, which would be skipped.
fn in_one_form(pem: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut lines = Vec::new();
    for line in pem.split(|byte| *byte == b'\n') {
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        lines.push(match line.trim_ascii_end() {
            b"-----BEGIN X509 CERTIFICATE-----" => &b"-----BEGIN CERTIFICATE-----"[..],
            b"-----END X509 CERTIFICATE-----" => b"-----END CERTIFICATE-----",
            b"-----BEGIN TRUSTED CERTIFICATE-----" => {
                return Err("a TRUSTED CERTIFICATE is in it: openssl x509 -in FILE writes it as a plain one");
            }
            _ => line,
        });
    }
    Ok(lines.join(&b'\n'))
}

/// The distribution's roots, as rustls-native-certs finds them.
enum SystemRoots {
    /// A file of roots, all of which can be read.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux has its roots in a file")
    )]
    File(Vec<u8>),
    /// Roots in another form, or roots that cannot all be read.
    Other,
    /// No roots.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "the others bring theirs"))]
    Nothing,
}

#[cfg(not(target_os = "linux"))]
fn system_roots() -> SystemRoots {
    SystemRoots::Other
}

#[cfg(target_os = "linux")]
fn system_roots() -> SystemRoots {
    let found = openssl_probe::probe();
    let pem = found
        .cert_file
        .and_then(|file| private_files::read(&file, BUNDLE_LIMIT).ok());
    let pem = pem.unwrap_or_default();
    match certificates(&pem) {
        (1.., 0) => SystemRoots::File(pem),
        (1.., _) => SystemRoots::Other,
        _ if found.cert_dir.iter().any(|folder| holds_certificate(folder)) => SystemRoots::Other,
        _ => SystemRoots::Nothing,
    }
}

/// Whether a folder holds a certificate. Without any, the SDK may panic.
fn holds_certificate(folder: &Path) -> bool {
    files(folder).any(|file| is_certificate(&file))
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file())
}

fn is_certificate(path: &Path) -> bool {
    let pem = private_files::read(path, BUNDLE_LIMIT).unwrap_or_default();
    certificates(&pem).0 > 0
}

/// Returns the number of certificates that can be trusted, and the number of those that cannot be parsed.
fn certificates(pem: &[u8]) -> (usize, usize) {
    let (mut good, mut bad) = (0, 0);
    for certificate in CertificateDer::pem_slice_iter(pem) {
        match certificate {
            Ok(certificate) if is_root(&certificate) => good += 1,
            _ => bad += 1,
        }
    }
    (good, bad)
}

fn is_root(certificate: &CertificateDer<'_>) -> bool {
    webpki::anchor_from_trusted_cert(certificate).is_ok()
}

fn built_in_roots() -> Vec<u8> {
    pem(webpki_root_certs::TLS_SERVER_ROOT_CERTS)
}

fn pem(roots: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    use base64::Engine;
    let mut pem = String::new();
    for root in roots {
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
        let with = |folder: &str| Roots::find(&[("SSL_CERT_DIR", folder)].into_iter().collect(), None);
        for none in [path.as_str(), "/nonexistent"] {
            assert!(with(none).unwrap_err().to_string().contains("SSL_CERT_DIR"));
        }
        fs::write(folder.path().join("roots.pem"), built_in_roots()).unwrap();
        assert!(with(&path).is_ok());
    }

    /// A CI passes on variables without a value.
    #[test]
    fn a_variable_without_a_value_is_none() {
        for blank in [
            &[("SSL_CERT_FILE", "")][..],
            &[("SSL_CERT_DIR", "")],
            &[("AWS_CA_BUNDLE", "")],
        ] {
            let roots = Roots::find(&blank.iter().copied().collect(), Some("")).unwrap();
            assert!(matches!(roots, Roots::System { .. }), "{roots:?}");
        }
    }

    #[test]
    fn bad_bundles_are_errors_that_name_their_variable() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let with = |variable: &str, content: &[u8]| {
            fs::write(file.path(), content).unwrap();
            let path = file.path().display().to_string();
            Roots::find(&[(variable, path.as_str())].into_iter().collect(), None)
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

    #[test]
    fn the_profiles_bundle_comes_after_the_variable_and_before_the_systems() {
        let named = |vars: &[(&str, &str)], ca_bundle| {
            let env: Env = vars.iter().copied().collect();
            named_roots(&env, ca_bundle)
        };
        let is = |setting, path: &str| Some((setting, path.to_owned()));
        let home = ("HOME", "/home/me");
        let all = [
            home,
            ("AWS_CA_BUNDLE", "~/a.pem"),
            ("SSL_CERT_FILE", "/s.pem"),
            ("SSL_CERT_DIR", "/s"),
        ];
        assert_eq!(named(&all, Some("~/p.pem")), is("AWS_CA_BUNDLE", "/home/me/a.pem"));
        let blank = [home, ("AWS_CA_BUNDLE", ""), all[2], all[3]];
        assert_eq!(named(&blank, Some("~/p.pem")), is(CA_BUNDLE, "/home/me/p.pem"));
        assert_eq!(named(&blank, Some("")), is("SSL_CERT_FILE", "/s.pem"));
        assert_eq!(named(&blank, None), is("SSL_CERT_FILE", "/s.pem"));
        assert_eq!(named(&all[3..], None), is("SSL_CERT_DIR", "/s"));
        assert_eq!(named(&[home], None), None);
        let bad = Roots::find(&Env::default(), Some("/nowhere.pem")).unwrap_err();
        assert!(bad.to_string().contains("ca_bundle of the profile"), "{bad}");
    }
}
