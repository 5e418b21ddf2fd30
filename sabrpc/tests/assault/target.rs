//! The service under attack: one method of each kind, and arguments of each shape.

use std::{collections::BTreeMap, task::Poll};

use sabrpc::{
    BulkIn, BulkOut, Dispatch, Dispatched, Frame, OpInfo, RpcError, ServiceInfo, Stream, sab_service,
};
use serde::{Deserialize, Serialize};

/// Values of every shape that is not recursive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shape {
    #[default]
    Nothing,
    Numbers(u8, i16, u32, i64, i128, f64),
    Words {
        name: String,
        letter: char,
        flag: bool,
        list: Vec<Option<u64>>,
    },
    Map(BTreeMap<String, Vec<u8>>, Result<(), Option<Box<str>>>),
}

#[sab_service]
pub(crate) trait Target {
    fn add(&self, a: u32, b: u32) -> u32;
    /// Copies `data` to `out`, adding `by` to every byte.
    fn echo(&self, by: u8, data: BulkIn<'_>, out: BulkOut<'_>) -> Result<u32, String>;
    #[op(oneway)]
    fn put(&self, data: BulkIn<'_>) -> Result<(), u8>;
    fn mirror(&self, shapes: Vec<Shape>) -> Vec<Shape>;
    /// Ready after so many polls.
    async fn later(&self, polls: u8) -> u8;
    fn count(&self, to: u32) -> Stream<u32>;
    /// Two in, two out, of which the second is written at its end and at its beginning.
    fn two(&self, a: BulkIn<'_>, text: &str, b: BulkIn<'_>, x: BulkOut<'_>, y: BulkOut<'_>) -> usize;
    /// Announces what it does not write.
    fn claim(&self, out: BulkOut<'_>);
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Victim;

impl Target for Victim {
    fn add(&self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn echo(&self, by: u8, data: BulkIn<'_>, mut out: BulkOut<'_>) -> Result<u32, String> {
        let bytes: Vec<u8> = data.to_vec().iter().map(|byte| byte.wrapping_add(by)).collect();
        if bytes.len() > out.capacity() {
            return Err(format!("{} bytes", bytes.len()));
        }
        out.write_at(0, &bytes);
        Ok(bytes.len() as u32)
    }

    fn put(&self, data: BulkIn<'_>) -> Result<(), u8> {
        match data.to_vec().first() {
            Some(255) => Err(255),
            _ => Ok(()),
        }
    }

    fn mirror(&self, shapes: Vec<Shape>) -> Vec<Shape> {
        shapes
    }

    async fn later(&self, polls: u8) -> u8 {
        let mut left = polls;
        std::future::poll_fn(|_| {
            let ready = left == 0;
            left = left.saturating_sub(1);
            if ready { Poll::Ready(polls) } else { Poll::Pending }
        })
        .await
    }

    fn count(&self, to: u32) -> Stream<u32> {
        Stream::of(0..to)
    }

    fn two(&self, a: BulkIn<'_>, text: &str, b: BulkIn<'_>, mut x: BulkOut<'_>, mut y: BulkOut<'_>) -> usize {
        let len = x.capacity().min(a.len());
        x.write_at(0, &a.to_vec()[..len]);
        if y.capacity() > 0 {
            y.write_at(y.capacity().min(100_000) - 1, &[1]);
            y.write_at(0, &[2]);
        }
        text.len() + b.len()
    }

    fn claim(&self, mut out: BulkOut<'_>) {
        out.set_filled(out.capacity().min(100_000));
    }
}

/// [`Target`], and a raw operation beside it.
pub(crate) struct WithRaw(TargetServer<Victim>);

impl WithRaw {
    pub(crate) fn new() -> Self {
        Self(TargetServer::new(Victim))
    }
}

/// The raw operation: answers with what came, doubled.
pub(crate) static DOUBLE: OpInfo = OpInfo::raw(8, "double");

/// The contract of [`WithRaw`].
pub(crate) fn contract() -> &'static ServiceInfo {
    static CONTRACT: std::sync::OnceLock<ServiceInfo> = std::sync::OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut ops = TargetOp::SERVICE.ops.to_vec();
        ops.push(DOUBLE);
        ServiceInfo::new("Target", ops.leak())
    })
}

impl Dispatch for WithRaw {
    fn info(&self) -> &'static ServiceInfo {
        contract()
    }

    fn dispatch(&self, op: u32, frame: Frame) -> Dispatched {
        self.0.dispatch(op, frame)
    }

    fn dispatch_raw(&self, op: u32, request: BulkIn<'_>, response: &mut BulkOut<'_>) -> Result<(), RpcError> {
        let bytes = request.to_vec();
        if 2 * bytes.len() > response.capacity() {
            return Err(RpcError::UnknownOp { service: "Target".into(), op });
        }
        response.write_at(bytes.len(), &bytes);
        response.write_at(0, &bytes);
        Ok(())
    }
}
