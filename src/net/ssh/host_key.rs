//! The host key of SSH: read, or made where it is not there.

use std::io;
use std::path::{Path, PathBuf};

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::{Algorithm, HashAlg, LineEnding};

use crate::files::{self, read_plain};

/// Bytes of a key file: one of a kind that is taken has some hundred.
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// Bytes that an Ed25519 key is made of (RFC 8032 §5.1.5).
const SEED_BYTES: usize = 32;

/// A host key.
#[derive(Debug, Clone)]
pub struct HostKey {
    key: PrivateKey,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}. Check CHAT_SSH_KEY{remedy}", path.display())]
pub struct HostKeyError {
    /// The file.
    path: PathBuf,
    /// What is wrong with it.
    what: String,
    /// What can be done besides.
    remedy: &'static str,
}

impl HostKey {
    /// Reads the key of a file; none where there is no such file.
    ///
    /// # Errors
    /// It cannot be used, and why.
    pub fn load(path: &Path) -> Result<Option<Self>, HostKeyError> {
        let failed = |what: String| HostKeyError {
            path: path.to_owned(),
            what: format!("cannot read the SSH host key: {what}"),
            remedy: ", or move the file away: a new one is made then",
        };
        // A link to nowhere is something too.
        if let Ok(None) = files::look(path) {
            return Ok(None);
        }
        let bytes = read_plain(path, MAX_KEY_BYTES).map_err(|error| failed(error.to_string()))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| failed("it is no text".to_owned()))?;
        let key = russh::keys::decode_secret_key(text, None).ok();
        // One of another kind can be read, and no client would ever be shown it.
        let is_offered = |key: &PrivateKey| {
            matches!(key.algorithm(), Algorithm::Ed25519 | Algorithm::Ecdsa { .. })
        };
        let key = key.filter(is_offered).ok_or_else(|| {
            failed("it is no private key without a passphrase (Ed25519 or ECDSA)".to_owned())
        })?;
        Ok(Some(Self { key }))
    }

    /// Makes one, and writes it for its owner alone.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn make(path: &Path) -> Result<Self, HostKeyError> {
        let failed = |what: String| HostKeyError {
            path: path.to_owned(),
            what: format!("cannot make the SSH host key: {what}"),
            remedy: "",
        };
        let mut seed = [0; SEED_BYTES];
        #[expect(clippy::disallowed_methods, reason = "the place where the host key is made")]
        openssl::rand::rand_bytes(&mut seed).map_err(|error| failed(error.to_string()))?;
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        let text = key.to_openssh(LineEnding::LF).map_err(|error| failed(error.to_string()))?;
        let write = || -> io::Result<()> {
            files::create_folders(files::folder_of(path), 0o700)?;
            files::replace(path, text.as_bytes(), 0o600)
        };
        write().map_err(|error| failed(error.to_string()))?;
        Ok(Self { key })
    }

    /// SHA-256 of its public half, as `ssh` and `ssh-keygen -l` print it.
    pub fn fingerprint(&self) -> String {
        self.key.public_key().fingerprint(HashAlg::Sha256).to_string()
    }

    /// The key itself.
    pub fn into_key(self) -> PrivateKey {
        self.key
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// A folder that is gone afterwards.
    fn in_folder(name: &str, work: impl FnOnce(&Path)) {
        let folder = std::env::temp_dir().join(format!("lobbyd-ssh-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        work(&folder);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_that_was_made_is_its_owners_alone_and_read_again() {
        in_folder("made", |folder| {
            let path = folder.join("data").join("key");
            assert!(HostKey::load(&path).unwrap().is_none());
            let made = HostKey::make(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
            let read = HostKey::load(&path).unwrap().unwrap();
            assert_eq!(made.fingerprint(), read.fingerprint());
            assert!(made.fingerprint().starts_with("SHA256:"), "{}", made.fingerprint());
            let other = HostKey::make(&folder.join("other")).unwrap();
            assert_ne!(made.fingerprint(), other.fingerprint());
        });
    }

    #[test]
    fn what_is_no_key_is_told_with_its_file_and_nothing_of_what_is_in_it() {
        in_folder("bad", |folder| {
            for (name, bytes) in
                [("text", &b"secret words"[..]), ("bytes", &[0xFF; 99]), ("empty", b"")]
            {
                let path = folder.join(name);
                fs::write(&path, bytes).unwrap();
                let told = HostKey::load(&path).unwrap_err().to_string();
                assert!(told.contains(name) && told.contains("CHAT_SSH_KEY"), "{told}");
                assert!(!told.contains("secret"), "{told}");
            }
            let link = folder.join("link");
            std::os::unix::fs::symlink(folder.join("nowhere"), &link).unwrap();
            assert!(HostKey::load(&link).is_err(), "what it names is not to be made");
            assert!(HostKey::load(folder).is_err());
        });
    }
}
