//! Passwords, session ids and API tokens: made, hashed and compared.

use std::fmt::Write as _;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::protocol::limits::HASHING;
use crate::protocol::{Credential, Secret};

/// KiB of memory that a password is hashed with. This and the two below are what the OWASP Password Storage Cheat Sheet
/// names for Argon2id.
const MEMORY: u32 = 19_456;

/// How often that memory is gone through.
const PASSES: u32 = 2;

/// In how many lanes.
const LANES: u32 = 1;

/// Characters of a generated password; without those that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Bytes of chance in a session id or a token.
const CHANCE: usize = 32;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The kernel gives no random numbers.
    #[error("the kernel gives no random numbers: {0}")]
    Random(String),
    /// The password cannot be hashed.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

/// Hashes passwords, a few at the same time: each takes memory and a core.
#[derive(Clone)]
pub(super) struct Hasher {
    room: Arc<Semaphore>,
    /// The hash of a password that nobody knows, for users that there are not.
    nobody: Secret,
}

impl Hasher {
    /// Makes the hash for those that there are not, as slowly as any other.
    pub(super) async fn new() -> Result<Self, SecretError> {
        let unknown = random_hex()?;
        let nobody = off_thread(move || hash(&unknown)).await??;
        Ok(Self { room: Arc::new(Semaphore::new(HASHING)), nobody })
    }

    /// Whether `password` is the one with that hash. Where there is no hash it takes as long and is not.
    pub(super) async fn verify(&self, hash: Option<Secret>, password: Secret) -> Result<bool, SecretError> {
        let _place = self.room.acquire().await.map_err(|e| SecretError::Hash(e.to_string()))?;
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let fits = off_thread(move || match PasswordHash::new(hash.reveal()) {
            Ok(hash) => {
                argon2().is_ok_and(|argon2| argon2.verify_password(password.reveal().as_bytes(), &hash).is_ok())
            }
            Err(_) => false,
        });
        Ok(fits.await? && is_known)
    }
}

/// Hashes a password with a salt of its own.
pub(super) fn hash(password: &Secret) -> Result<Secret, SecretError> {
    let hash = argon2()?.hash_password(password.reveal().as_bytes());
    hash.map(|hash| Secret::new(hash.to_string())).map_err(|e| SecretError::Hash(e.to_string()))
}

/// The same, away from the thread on which everything else is done.
pub(super) async fn hash_off_thread(password: Secret) -> Result<Secret, SecretError> {
    off_thread(move || hash(&password)).await?
}

/// The SHA-256 of a text, in hexadecimal digits: under what a session, a token, or whoever tries to log in, stands in Redis.
pub fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// A new session id, in the form of the original's.
pub(super) fn session_id() -> Secret {
    Secret::new(uuid::Uuid::new_v4().to_string())
}

/// A new API token.
pub(super) fn token() -> Result<Secret, SecretError> {
    Ok(Secret::new(format!("{}{}", Credential::TOKEN_PREFIX, random_hex()?.reveal())))
}

/// A new password, 100 bits of chance in four groups.
///
/// # Errors
/// [`SecretError::Random`].
pub fn password() -> Result<Secret, SecretError> {
    let mut chance = [0; 20];
    fill(&mut chance)?;
    let letters = chance.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(Secret::new(letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")))
}

fn argon2() -> Result<Argon2<'static>, SecretError> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|e| SecretError::Hash(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Chance that nobody can guess.
pub(super) fn random_hex() -> Result<Secret, SecretError> {
    let mut chance = [0; CHANCE];
    fill(&mut chance)?;
    Ok(Secret::new(hex(&chance)))
}

fn fill(bytes: &mut [u8]) -> Result<(), SecretError> {
    getrandom::fill(bytes).map_err(|e| SecretError::Random(e.to_string()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SecretError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| SecretError::Hash(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_nobody_has_one() {
        let hash = hash(&Secret::new("sesame opens")).unwrap();
        assert!(hash.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.reveal());
        let hasher = Hasher::new().await.unwrap();
        assert!(hasher.verify(Some(hash.clone()), Secret::new("sesame opens")).await.unwrap());
        assert!(!hasher.verify(Some(hash), Secret::new("sesame open")).await.unwrap());
        assert!(!hasher.verify(None, Secret::new("")).await.unwrap());
        assert!(!hasher.verify(Some(Secret::new("plain")), Secret::new("plain")).await.unwrap());
    }

    #[test]
    fn secrets_are_long_and_differ() {
        let (a, b) = (token().unwrap(), token().unwrap());
        assert!(a != b && a.reveal().len() == 7 + 64 && a.reveal().starts_with("deblox_"));
        let (a, b) = (password().unwrap(), password().unwrap());
        assert!(a != b && a.reveal().len() == 23);
        assert_eq!(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
