//! Which passwords people may choose.

use zxcvbn::zxcvbn;

use crate::protocol::check_password_length;
use crate::protocol::limits::{PASSWORD_LEAST, PASSWORD_MIN, PASSWORD_MIN_MOST};

/// How many guesses a password must take at least by the estimate of zxcvbn, as a power of ten. Any eight characters by
/// chance take 10^8, and nothing that is on a list of common passwords, or close to one, takes more than 10^6.
const GUESSES: f64 = 7.5;

/// How many characters a password has beside the user's name, at least.
const BESIDE_NAME: usize = 8;

/// What a password must have that somebody chooses. Passwords that are in use go on working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    min_length: usize,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: PASSWORD_MIN }
    }
}

impl PasswordPolicy {
    /// The policy with another least number of characters.
    ///
    /// # Errors
    /// Which numbers there may be.
    pub fn with_min_length(min_length: usize) -> Result<Self, String> {
        if (PASSWORD_LEAST..=PASSWORD_MIN_MOST).contains(&min_length) {
            return Ok(Self { min_length });
        }
        Err(format!("it must be from {PASSWORD_LEAST} to {PASSWORD_MIN_MOST}"))
    }

    /// The least number of characters.
    pub fn min_length(self) -> usize {
        self.min_length
    }

    /// Whether the user `user` may choose `password`.
    ///
    /// # Errors
    /// What is wrong with it and what to do, in a sentence that quotes none of it.
    pub fn check(self, password: &str, user: &str) -> Result<(), String> {
        check_password_length(password, self.min_length)?;
        let user = user.to_lowercase();
        let names = [user.as_str(), user.split('@').next().unwrap_or_default()];
        let names: Vec<&str> = names.into_iter().filter(|name| name.chars().count() > 2).collect();
        let rest = names.iter().fold(password.to_lowercase(), |rest, name| rest.replace(name, ""));
        if rest.chars().count() < BESIDE_NAME {
            return Err("the password is little more than the user's name: choose another".to_owned());
        }
        let guessed = zxcvbn(password, &[&names[..], &["deblox", "docker"]].concat());
        if guessed.guesses_log10() >= GUESSES {
            return Ok(());
        }
        let why = guessed.feedback().and_then(zxcvbn::feedback::Feedback::warning).map(|why| why.to_string());
        let why = why.map(|why| format!(" ({})", why.trim_end_matches('.'))).unwrap_or_default();
        Err(format!(
            "the password is too easy to guess{why}: choose a longer one, such as four words that do not belong together"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_common_and_obvious_passwords_are_refused() {
        let policy = PasswordPolicy::default();
        for bad in [
            "short",
            "elevenchars",
            "password1234",
            "Password1234!",
            "P@ssw0rd1234",
            "qwerty123456",
            "123456789012",
            "aaaaaaaaaaaa",
            "administrator1",
            "passwordpassword",
            "adaadaadaada",
            "ada-ADA-ada-ada",
            "ada123456789",
            "trustno1trustno1",
            "                ",
        ] {
            let refused = policy.check(bad, "ada").expect_err(bad);
            assert!(!refused.contains(bad) && !refused.contains('\n') && refused.len() < 250, "{refused}");
        }
        for good in [
            "correct horse battery",
            "open-sesame-9",
            "another-sesame-7",
            "another password",
            "harbour-ada-1",
            "x8t59-v8mcd-zqe5m-5hhfe",
            "påske-é-在线-sommer-42",
        ] {
            policy.check(good, "ada").expect(good);
        }
        assert!(policy.check(&"long ".repeat(300), "ada").unwrap_err().contains("at most 1024 bytes"));
        assert!(policy.check("root@example.testroot", "root@example.test").is_err());
    }

    #[test]
    fn another_length_is_an_option_within_bounds() {
        let policy = PasswordPolicy::with_min_length(8).unwrap();
        assert!(policy.check("pl3x-0gr", "ada").is_ok() && policy.check("password", "ada").is_err());
        assert!(PasswordPolicy::with_min_length(20).unwrap().check("correct horse", "ada").is_err());
        assert!(PasswordPolicy::with_min_length(7).is_err() && PasswordPolicy::with_min_length(129).is_err());
    }
}
