//! The program of `store.html`: it counts its visits, and keeps notes.

use sabrpc::{CallError, Channel, ChannelConfig, sab_service, web};
use wasm_bindgen::prelude::*;

use super::{Failure, thrown, unavailable};
use crate::store::{self, StoreClient, StoreError};

/// What the page asks the program.
#[sab_service]
trait StoreProgram {
    /// Counts this visit; returns how many there have been.
    fn visit(&self) -> Result<u64, Failure>;
    /// Keeps a note under a name; an empty one is removed.
    fn keep(&self, name: &str, text: &str) -> Result<(), Failure>;
    /// All notes, by their names.
    fn notes(&self) -> Result<Vec<(String, String)>, Failure>;
}

struct Program {
    store: StoreClient,
}

impl StoreProgram for Program {
    fn visit(&self) -> Result<u64, Failure> {
        let before = self.store.get("visits")?.and_then(|bytes| bytes.try_into().ok());
        let visits = before.map_or(0, u64::from_le_bytes) + 1;
        self.store.put("visits", &visits.to_le_bytes())?;
        Ok(visits)
    }

    fn keep(&self, name: &str, text: &str) -> Result<(), Failure> {
        let key = format!("note/{name}");
        match text {
            "" => self.store.remove(&key)?,
            text => self.store.put(&key, text.as_bytes())?,
        }
        Ok(())
    }

    fn notes(&self) -> Result<Vec<(String, String)>, Failure> {
        let note = |key: String| -> Result<_, CallError<StoreError>> {
            let text = self.store.get(&key)?.unwrap_or_default();
            Ok((key.trim_start_matches("note/").into(), String::from_utf8_lossy(&text).into()))
        };
        Ok(self.store.keys("note/")?.into_iter().map(note).collect::<Result<_, _>>()?)
    }
}

/// Entry of the worker with the program.
#[wasm_bindgen]
pub fn store_program(init: JsValue) {
    web::serve(init, async |(): ()| {
        Ok(StoreProgramServer::new(Program { store: store::start("notes").await.map_err(unavailable)? }))
    });
}

/// The page's side.
#[wasm_bindgen]
pub struct StorePage(StoreProgramAsyncClient);

#[wasm_bindgen]
impl StorePage {
    /// Starts the worker with the program.
    pub async fn start() -> Result<StorePage, JsError> {
        let channel = Channel::create(ChannelConfig { mailboxes: 1, ..ChannelConfig::default() })?;
        web::spawn("store_program", &channel, StoreProgramOp::SERVICE, &()).await?;
        Ok(Self(StoreProgramAsyncClient::attach(&channel)?))
    }

    /// Counts this visit, and says how many there have been.
    pub async fn visit(&self) -> Result<String, JsValue> {
        match self.0.visit().await.map_err(thrown)? {
            1 => Ok("this is the first visit".into()),
            visits => Ok(format!("this is visit number {visits}")),
        }
    }

    /// Keeps a note under a name; an empty one is removed.
    pub async fn keep(&self, name: &str, text: &str) -> Result<String, JsValue> {
        self.0.keep(name, text).await.map_err(thrown)?;
        Ok(if text.is_empty() { format!("“{name}” is gone") } else { format!("“{name}” is kept") })
    }

    /// Names and texts of all notes, in turns.
    pub async fn notes(&self) -> Result<Vec<String>, JsValue> {
        let notes = self.0.notes().await.map_err(thrown)?;
        Ok(notes.into_iter().flat_map(|(name, text)| [name, text]).collect())
    }
}
