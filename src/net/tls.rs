//! TLS: the acceptor, the fingerprint of its certificate, and self-signed certificates.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    Ssl, SslAcceptor, SslMethod, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion,
};
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
};
use openssl::x509::{X509, X509NameBuilder};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::flight::Secrets;
use super::tls_socket::TlsSocket;
use super::validity::Validity;
use crate::files::{self, read_plain};

/// TLS 1.2 suites in use: forward secret and authenticated only. Those of TLS 1.3 are all so.
const TLS12_CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
    ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// Groups for the exchange of keys, the cheapest first. Those that OpenSSL would take besides cost up
/// to a hundred times as much, and no client needs them.
const GROUPS: &str = "X25519:P-256:P-384:P-521";

/// The same, for an OpenSSL that knows the one for a time of quantum computers (from 3.5 on).
const NEWER_GROUPS: &str = "X25519MLKEM768:X25519:P-256:P-384:P-521";

/// Clients are not told that they may send their certificate compressed: what cannot be judged before
/// OpenSSL reads it is refused. OpenSSL has it from 3.2 on (`SSL_OP_NO_RX_CERTIFICATE_COMPRESSION`).
const NO_COMPRESSED_CERTIFICATE: SslOptions = SslOptions::from_bits_retain(1 << 33);

/// Signatures that are made and taken, both by the server's key and by a client's: of the kinds of
/// keys in `client_cert.rs`, with today's hashes.
const SIGNATURES: &str = "ed25519:ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed448:\
    rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:\
    rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512";

/// Bytes of a chain or a key: one is some kilobytes long.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// Days that a certificate of `gen-cert` is valid. It is compared by fingerprint, not by date.
const VALID_DAYS: u32 = 3_650;

/// Why TLS is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file.
    #[error("{}: cannot read the certificate: {reason}. Check CHAT_TLS_CERT, or make one with: lobbyd gen-cert", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key file.
    #[error("{}: cannot read the private key: {reason}. Check CHAT_TLS_KEY, or make one with: lobbyd gen-cert", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// They do not belong together.
    #[error("{}: the private key does not match the certificate {}. Set CHAT_TLS_CERT and CHAT_TLS_KEY to a pair, or make one with: lobbyd gen-cert --force", key.display(), cert.display())]
    Mismatch {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// OpenSSL would not be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] ErrorStack),
}

/// Why `gen-cert` wrote nothing (or not all).
#[derive(Debug, thiserror::Error)]
pub enum GenCertError {
    /// A file is there and may not be overwritten.
    #[error("{}: exists already; use gen-cert --force to overwrite it", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{}: cannot be written: {}", path.display(), source)]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says of it.
        source: io::Error,
    },
    /// Both would be the same file.
    #[error("{}: certificate and key cannot be one file; set CHAT_TLS_CERT and CHAT_TLS_KEY apart", .0.display())]
    OneFile(PathBuf),
    /// OpenSSL failed.
    #[error("the certificate cannot be made: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// Makes TLS of accepted connections.
#[derive(Clone)]
pub struct Acceptor {
    acceptor: SslAcceptor,
    /// Where each connection has the place for its secrets.
    secrets: Index<Ssl, Arc<Secrets>>,
}

impl Acceptor {
    /// TLS around a socket; its handshake is to come.
    ///
    /// # Errors
    /// OpenSSL has no memory.
    pub fn accept(&self, socket: TcpStream) -> Result<SslStream<TlsSocket>, ErrorStack> {
        let mut ssl = Ssl::new(self.acceptor.context())?;
        let secrets = Arc::new(Secrets::default());
        ssl.set_ex_data(self.secrets, secrets.clone());
        SslStream::new(ssl, TlsSocket::new(socket, secrets))
    }
}

/// A loaded certificate, ready to accept.
pub struct LoadedTls {
    /// Makes TLS of accepted connections.
    pub acceptor: Acceptor,
    /// SHA-256 of the certificate, as `AB:CD:…`, for people to compare.
    pub fingerprint: String,
    /// From when until when it is valid. It is used at any time: that is for clients to judge.
    pub validity: Validity,
}

/// The certificate in use, which a reload replaces while handshakes go on: each is made with the one of its
/// beginning.
#[derive(Clone)]
pub struct LiveTls(Arc<ArcSwap<LoadedTls>>);

impl LiveTls {
    /// With the certificate of the start.
    pub fn new(loaded: LoadedTls) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(loaded)))
    }

    /// Makes TLS of connections that are accepted now.
    pub fn acceptor(&self) -> Acceptor {
        self.0.load().acceptor.clone()
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> String {
        self.0.load().fingerprint.clone()
    }

    /// From when until when the certificate is valid.
    pub fn validity(&self) -> Validity {
        self.0.load().validity
    }

    /// Uses another from here on.
    pub fn set(&self, loaded: LoadedTls) {
        self.0.store(Arc::new(loaded));
    }
}

/// Where each connection has the place for its secrets: one for the process, since OpenSSL never gives one
/// back.
fn secrets_index() -> Result<Index<Ssl, Arc<Secrets>>, ErrorStack> {
    static INDEX: OnceLock<Index<Ssl, Arc<Secrets>>> = OnceLock::new();
    match INDEX.get() {
        Some(index) => Ok(*index),
        None => Ssl::new_ex_index().map(|index| *INDEX.get_or_init(|| index)),
    }
}

/// Loads certificate chain and key, and checks that they belong together.
///
/// # Errors
/// The file that cannot be used, and why.
pub fn load(cert: &Path, key: &Path) -> Result<LoadedTls, TlsError> {
    let read = |path: &Path| read_plain(path, MAX_PEM_BYTES).map_err(|error| error.to_string());
    let cert_error = |reason| TlsError::Certificate { path: cert.to_owned(), reason };
    let key_error = |reason| TlsError::Key { path: key.to_owned(), reason };
    let pem = read(cert).map_err(cert_error)?;
    // Read once: whoever renews it may be writing it at this very moment.
    let mut chain = X509::stack_from_pem(&pem)
        .map_err(|_| cert_error("its chain is not usable".into()))?
        .into_iter();
    let leaf = chain.next().ok_or_else(|| cert_error("it holds no PEM certificate".into()))?;
    let validity = Validity::of(&leaf).map_err(|_| cert_error("its dates are none".into()))?;
    // With a passphrase at hand, OpenSSL asks nobody for one: it would on the terminal.
    let private = PKey::private_key_from_pem_passphrase(&read(key).map_err(key_error)?, b"")
        .map_err(|_| key_error("it holds no PEM private key without a passphrase".into()))?;

    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list(TLS12_CIPHERS)?;
    builder.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::CIPHER_SERVER_PREFERENCE);
    let refused =
        |why: ErrorStack| cert_error(format!("OpenSSL does not take it: {}", first(&why)));
    builder.set_certificate(&leaf).map_err(refused)?;
    for issuer in chain {
        builder.add_extra_chain_cert(issuer)?;
    }
    let mismatch = || TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned() };
    if !leaf.public_key()?.public_eq(&private) {
        return Err(mismatch());
    }
    builder.set_private_key(&private).map_err(|_| mismatch())?;
    builder.check_private_key().map_err(|_| mismatch())?;
    // Nothing outlives a connection: a session that is kept takes memory for hours, and one that is
    // resumed would let somebody in who has a client's session and not its key.
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_num_tickets(0)?;
    builder.set_options(NO_COMPRESSED_CERTIFICATE);
    builder.set_groups_list(NEWER_GROUPS).or_else(|_| builder.set_groups_list(GROUPS))?;
    builder.set_sigalgs_list(SIGNATURES)?;
    // A client may show a certificate; that it has the key is all that is asked. Who has signed it
    // does not matter: an account knows its certificates by their fingerprints. Only one can come as
    // far as here, so no signature of an issuer is ever checked; the depth says so once more.
    builder.set_verify_depth(0);
    builder.set_verify_callback(SslVerifyMode::PEER, |_, context| context.error_depth() == 0);
    let secrets = secrets_index()?;
    builder.set_keylog_callback(move |ssl, line| {
        if let (Some(secret), Some(cipher)) = (ssl.ex_data(secrets), ssl.current_cipher()) {
            secret.take_line(line, cipher.standard_name().unwrap_or_default());
        }
    });
    let acceptor = Acceptor { acceptor: builder.build(), secrets };
    Ok(LoadedTls { acceptor, fingerprint: fingerprint(&leaf)?, validity })
}

/// What OpenSSL says first of why it refuses something.
fn first(why: &ErrorStack) -> String {
    let reason = why.errors().first().and_then(openssl::error::Error::reason);
    reason.unwrap_or("it does not say why").to_owned()
}

/// SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` prints it.
fn fingerprint(cert: &X509) -> Result<String, ErrorStack> {
    let digest = Sha256::digest(cert.to_der()?);
    Ok(digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"))
}

/// Writes a self-signed certificate (ECDSA P-256) for `host` and localhost, and its key with mode
/// 0600. Gives the fingerprint.
///
/// # Errors
/// Why not; without `force` an existing file is never touched.
pub fn generate(cert: &Path, key: &Path, host: &str, force: bool) -> Result<String, GenCertError> {
    if cert == key {
        return Err(GenCertError::OneFile(cert.to_owned()));
    }
    // A link to nowhere is something too.
    let there = |path: &&Path| !matches!(files::look(path), Ok(None));
    if !force && let Some(existing) = [cert, key].into_iter().find(there) {
        return Err(GenCertError::Exists(existing.to_owned()));
    }
    let (x509, private) = self_signed(host)?;
    write(key, &private.private_key_to_pem_pkcs8()?, 0o600, force)?;
    write(cert, &x509.to_pem()?, 0o644, force)?;
    Ok(fingerprint(&x509)?)
}

fn self_signed(host: &str) -> Result<(X509, PKey<Private>), ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
    // A host name over the 64 bytes of a common name still stands in the alternative names.
    let common_name = if host.is_empty() || host.len() > 64 { "localhost" } else { host };
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    let name = name.build();

    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let serial: Asn1Integer = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(&key)?;
    builder.set_not_before(Asn1Time::days_from_now(0)?.as_ref())?;
    builder.set_not_after(Asn1Time::days_from_now(VALID_DAYS)?.as_ref())?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let mut names = SubjectAlternativeName::new();
    names.dns("localhost").ip("127.0.0.1").ip("::1");
    if !host.is_empty() && host != "localhost" {
        names.dns(host);
    }
    let names = names.build(&builder.x509v3_context(None, None))?;
    builder.append_extension(names)?;
    builder.sign(&key, MessageDigest::sha256())?;
    Ok((builder.build(), key))
}

/// Mode of the folders that are made for the files: nobody else can put another key there, whatever
/// the umask is.
const FOLDER_MODE: u32 = 0o755;

/// Writes a file so that it never has another mode than `mode`, not even for an instant. What is there
/// is replaced with `force`, a link itself and not what it names; without, the file has to be new.
fn write(path: &Path, content: &[u8], mode: u32, force: bool) -> Result<(), GenCertError> {
    let failed = |source| GenCertError::Write { path: path.to_owned(), source };
    files::create_folders(files::folder_of(path), FOLDER_MODE).map_err(failed)?;
    if force {
        return files::replace(path, content, mode).map_err(failed);
    }
    let mut file = files::create(path, mode).map_err(failed)?;
    file.write_all(content).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_generated_certificate_loads_and_names_the_host() {
        let folder = std::env::temp_dir().join(format!("lobbyd-tls-{}", std::process::id()));
        let (cert, key) = (folder.join("server.crt"), folder.join("server.key"));
        let made = generate(&cert, &key, "chat.example", false).unwrap();
        let loaded = load(&cert, &key).unwrap();
        assert_eq!(made, loaded.fingerprint);
        assert_eq!(made.len(), 32 * 3 - 1);
        let x509 = X509::from_pem(&fs::read(&cert).unwrap()).unwrap();
        let names = x509.subject_alt_names().unwrap();
        let names: Vec<_> = names.iter().filter_map(|n| n.dnsname()).collect();
        assert_eq!(names, ["localhost", "chat.example"]);

        assert!(matches!(generate(&cert, &key, "x", false), Err(GenCertError::Exists(_))));
        let again = generate(&cert, &key, "x", true).unwrap();
        assert_ne!(made, again);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_link_where_a_certificate_goes_is_not_followed() {
        let folder = std::env::temp_dir().join(format!("lobbyd-tls-link-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let other = folder.join("authorized_keys");
        fs::write(&other, "important").unwrap();
        for (name, target) in [("server.key", other.clone()), ("server.crt", folder.join("none"))] {
            let (cert, key) = (folder.join("server.crt"), folder.join("server.key"));
            let link = folder.join(name);
            std::os::unix::fs::symlink(&target, &link).unwrap();
            let refused = generate(&cert, &key, "x", false);
            assert!(matches!(refused, Err(GenCertError::Exists(path)) if path == link));
            generate(&cert, &key, "x", true).unwrap();
            load(&cert, &key).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_file());
            assert_eq!(fs::read(&other).unwrap(), b"important");
            fs::remove_file(&cert).unwrap();
            fs::remove_file(&key).unwrap();
        }
        let left: Vec<_> = fs::read_dir(&folder).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
