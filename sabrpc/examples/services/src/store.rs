//! A key-value store for a worker that blocks. Another worker keeps it in IndexedDB, which only knows callbacks.

use js_sys::{Array, Promise, Uint8Array, global};
use sabrpc::{BulkIn, Channel, ChannelConfig, Exception, sab_service, web};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransactionMode, WorkerGlobalScope};

/// What can go wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum StoreError {
    /// This page may not keep anything, for instance because its user does not want it.
    #[error("this page has no storage: {0}")]
    Unavailable(String),
    /// There is no room for more.
    #[error("the storage is full")]
    Full,
    /// The database was deleted, by another tab or by the user.
    #[error("the database is closed, as somebody wants to delete it; load the page again")]
    Closed,
    /// Whatever else the browser says.
    #[error("the browser could not do it: {0}")]
    Failed(Exception),
}

impl From<JsValue> for StoreError {
    fn from(thrown: JsValue) -> Self {
        let exception = Exception::from(thrown);
        match exception.name.as_str() {
            "QuotaExceededError" => Self::Full,
            "InvalidStateError" => Self::Closed,
            "SecurityError" => Self::Unavailable(exception.message),
            _ => Self::Failed(exception),
        }
    }
}

/// A store of bytes by their names.
#[sab_service]
pub trait Store {
    /// The value of `key`, if it has one.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Gives `key` a value; when this returns, every later page finds it.
    async fn put(&self, key: &str, value: BulkIn<'_>) -> Result<(), StoreError>;
    /// Removes `key` and its value, if it is there.
    async fn remove(&self, key: &str) -> Result<(), StoreError>;
    /// The keys that begin so, in their order.
    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError>;
}

/// Starts the worker that keeps the store of this name. Await this before the calling worker blocks for the first time.
pub async fn start(name: &str) -> Result<StoreClient, web::StartError> {
    let channel = Channel::create(ChannelConfig { mailboxes: 1, ..ChannelConfig::default() })?;
    web::spawn("store_worker", &channel, StoreOp::SERVICE, &name).await?;
    Ok(StoreClient::attach(&channel)?)
}

/// Entry of the worker that keeps a store.
#[wasm_bindgen]
pub fn store_worker(init: JsValue) {
    web::serve(init, async |name: String| match Database::open(&name).await {
        Ok(database) => Ok(StoreServer::new(database)),
        Err(error) => Err(web::Unavailable { code: "store".into(), message: error.to_string() }),
    });
}

/// The name of the one table.
const TABLE: &str = "values";

/// The service's side: an open database.
struct Database(IdbDatabase);

impl Database {
    /// Opens the database of this name, and makes it where there is none.
    async fn open(name: &str) -> Result<Self, StoreError> {
        let scope: WorkerGlobalScope = global().unchecked_into();
        let factory = scope.indexed_db()?.ok_or_else(|| StoreError::Unavailable("no IndexedDB".into()))?;
        let request = factory.open_with_u32(name, 1)?;
        let opening = request.clone();
        let make = Closure::once_into_js(move || -> Result<(), JsValue> {
            opening.result()?.unchecked_into::<IdbDatabase>().create_object_store(TABLE).map(drop)
        });
        request.set_onupgradeneeded(Some(make.unchecked_ref()));
        let opened = Promise::new(&mut |resolve, reject| {
            request.set_onsuccess(Some(&resolve));
            request.set_onerror(Some(&reject));
        });
        if JsFuture::from(opened).await.is_err() {
            return Err(request.error()?.map_or(StoreError::Closed, |error| JsValue::from(error).into()));
        }
        let database: IdbDatabase = request.result()?.unchecked_into();
        // Whoever wants to delete the database waits until all have closed it.
        let closing = database.clone();
        let close = Closure::once_into_js(move || closing.close());
        database.set_onversionchange(Some(close.unchecked_ref()));
        Ok(Self(database))
    }

    /// A transaction of one request; returns when it is committed.
    async fn transact(
        &self,
        mode: IdbTransactionMode,
        ask: impl FnOnce(IdbObjectStore) -> Result<IdbRequest, JsValue>,
    ) -> Result<JsValue, StoreError> {
        let transaction = self.0.transaction_with_str_and_mode(TABLE, mode)?;
        let request = ask(transaction.object_store(TABLE)?)?;
        let ended = Promise::new(&mut |resolve, reject| {
            transaction.set_oncomplete(Some(&resolve));
            transaction.set_onabort(Some(&reject));
        });
        match JsFuture::from(ended).await {
            Ok(_) => Ok(request.result()?),
            Err(_) => {
                Err(transaction.error().map_or(StoreError::Closed, |error| JsValue::from(error).into()))
            }
        }
    }
}

impl Store for Database {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.transact(IdbTransactionMode::Readonly, |table| table.get(&key.into())).await?;
        Ok(value.dyn_into::<Uint8Array>().ok().map(|bytes| bytes.to_vec()))
    }

    async fn put(&self, key: &str, value: BulkIn<'_>) -> Result<(), StoreError> {
        // A copy: shared memory is not stored.
        let value = value.with_js(|bytes| Uint8Array::new(bytes));
        let put = |table: IdbObjectStore| table.put_with_key(&value, &key.into());
        self.transact(IdbTransactionMode::Readwrite, put).await.map(drop)
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.transact(IdbTransactionMode::Readwrite, |table| table.delete(&key.into())).await.map(drop)
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        // No character of a key is larger than this one.
        let range = IdbKeyRange::bound(&prefix.into(), &format!("{prefix}\u{ffff}").into())?;
        let keys = self.transact(IdbTransactionMode::Readonly, |table| table.get_all_keys_with_key(&range));
        Ok(Array::from(&keys.await?).iter().filter_map(|key| key.as_string()).collect())
    }
}
