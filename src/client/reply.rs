//! A reply, as a program reads it.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The reply to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    json: String,
    head: Head,
}

/// What is read of every reply.
#[derive(Clone, Debug, Deserialize)]
struct Head {
    #[serde(rename = "statusCode")]
    status: u16,
    #[serde(rename = "Id")]
    id: Option<String>,
    #[serde(rename = "dockerInstance")]
    dock: Option<String>,
    error: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Whole<T> {
    #[serde(rename = "Response")]
    response: Response<T>,
}

#[derive(Deserialize)]
struct Response<T> {
    #[serde(rename = "Body")]
    body: T,
}

impl Reply {
    pub(super) fn read(json: String) -> serde_json::Result<Self> {
        let head = serde_json::from_str(&json)?;
        Ok(Self { json, head })
    }

    /// What stands for the reply of an action that has none, once it is done: status 204 and no text.
    pub fn none() -> Self {
        Self { json: String::new(), head: Head { status: 204, id: None, dock: None, error: None, message: None } }
    }

    /// The status, as HTTP has it.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// Whether all of it was done: the status is in the range of successes, and nothing went wrong in part.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.head.status) && self.head.error.is_none()
    }

    /// The stable name of what went wrong.
    pub fn error(&self) -> Option<&str> {
        self.head.error.as_deref()
    }

    /// What went wrong and what to do about it, in a sentence.
    pub fn message(&self) -> Option<&str> {
        self.head.message.as_deref()
    }

    /// The full id of the new instance, for a create.
    pub fn id(&self) -> Option<&str> {
        self.head.id.as_deref()
    }

    /// The dock that answered.
    pub fn dock(&self) -> Option<&str> {
        self.head.dock.as_deref()
    }

    /// The body of the answer: Docker's JSON, where Docker answered.
    ///
    /// # Errors
    /// That there is none, or that it is not what `T` describes.
    pub fn body<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        Ok(serde_json::from_str::<Whole<T>>(&self.json)?.response.body)
    }

    /// The whole reply, as it came; empty where there was none.
    pub fn json(&self) -> &str {
        &self.json
    }
}
