//! Whole databases between the page and the SQLite worker, as the bytes of a file that any SQLite opens.

use sabrpc::Region;

use super::database::Error;
use super::service::{SqlAsyncClient, Transfer};

/// Bytes that one call carries.
const PIECE: usize = 64 << 10;

/// Copies a database out.
///
/// # Errors
/// Where SQLite cannot read it.
pub async fn export<R: Region>(client: &SqlAsyncClient<R>, path: &str) -> Result<Vec<u8>, Error> {
    let Transfer { transfer, size } = client.export_begin(path).await?;
    // Nothing is allocated on the word of another thread: the file grows as its bytes come.
    let (mut bytes, mut piece) = (Vec::new(), vec![0; PIECE]);
    let copied = loop {
        match client.export_read(transfer, &mut piece, bytes.len() as u64).await {
            Ok(0) => break Ok(()),
            Ok(read) => bytes.extend(piece.iter().take(read as usize)),
            Err(error) => break Err(error),
        }
        if bytes.len() as u64 >= size {
            break Ok(());
        }
    };
    let ended = client.transfer_end(transfer, true).await;
    copied.and(ended).map(|()| bytes)
}

/// Copies a database in, under a path that is free.
///
/// # Errors
/// Where there is a file of that name, and what the store says; then nothing is left of it.
pub async fn import<R: Region>(client: &SqlAsyncClient<R>, path: &str, bytes: &[u8]) -> Result<(), Error> {
    let Transfer { transfer, .. } = client.import_begin(path).await?;
    let mut copied = Ok(());
    for piece in bytes.chunks(PIECE) {
        copied = client.import_write(transfer, piece).await;
        if copied.is_err() {
            break;
        }
    }
    let ended = client.transfer_end(transfer, copied.is_ok()).await;
    copied.and(ended)
}
