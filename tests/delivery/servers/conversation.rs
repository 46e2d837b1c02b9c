//! One connection to a server: reads a request, lets its fault or the rules decide, writes the answer.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::call::Call;
use super::fault::{Fault, Manner};
use super::log::{Log, Request, Verdict};
use super::server::Rules;

pub struct State<R> {
    pub rules: Mutex<R>,
    pub manner: Mutex<Manner>,
    pub log: Arc<Mutex<Log>>,
}

type Answer = Response<Full<Bytes>>;

/// Why a connection is closed without an answer.
type Cut = io::Error;

/// A test that failed while it held the lock says so itself.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of one connection until either side closes it.
pub async fn converse<R: Rules>(stream: TcpStream, state: Arc<State<R>>) {
    let awaited = Arc::new(Mutex::new(None));
    let witness = Witness {
        stream,
        log: Arc::clone(&state.log),
        awaited: Arc::clone(&awaited),
    };
    let service = service_fn(|request| state.answer(request, &awaited));
    let conversation = http1::Builder::new().serve_connection(TokioIo::new(witness), service);
    drop(conversation.await); // a cut is an error here, and in the log already
}

impl<R: Rules> State<R> {
    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        awaited: &Mutex<Option<usize>>,
    ) -> Result<Answer, Cut> {
        let (head, mut body) = request.into_parts();
        let fault = lock(&self.manner).next();
        let position = lock(&self.log).enter(Request {
            at: Instant::now(),
            headers: head.headers.clone(),
            fault: fault.clone(),
            raw_size: 0,
            size: 0,
            verdict: Verdict::NotTaken,
            violations: Vec::new(),
            answered: false,
        });
        if fault == Some(Fault::CutMidBody) {
            let piece = body.frame().await.and_then(Result::ok);
            let piece = piece.and_then(|frame| frame.into_data().ok());
            lock(&self.log).requests[position].raw_size = piece.map_or(0, |piece| piece.len());
            return Err(cut());
        }
        let raw = body.collect().await.map_err(Cut::other)?.to_bytes();
        let answer = self.decide(&Call::new(head, raw), fault.as_ref(), position)?;
        if let Some(Fault::Slow(delay)) = fault {
            tokio::time::sleep(delay).await;
        }
        *lock(awaited) = Some(position);
        Ok(answer)
    }

    /// Judges a request that arrived whole, unless its fault does.
    fn decide(&self, call: &Call, fault: Option<&Fault>, position: usize) -> Result<Answer, Cut> {
        let mut rules = lock(&self.rules);
        let violations = rules.violations(call);
        let verdict = match fault.and_then(Fault::refusal) {
            _ if fault == Some(&Fault::CutBeforeAnswer) => Err(cut()),
            Some(refusal) => Ok(Err(refusal)),
            None => Ok(rules.judge(call)),
        };
        let mut log = lock(&self.log);
        let request = &mut log.requests[position];
        (request.raw_size, request.size) = (call.raw.len(), call.size());
        request.violations = violations;
        match verdict? {
            Ok(taken) => {
                log.take(position, taken.rows);
                if fault == Some(&Fault::CutAfterAccept) {
                    return Err(cut());
                }
                Ok(response(taken.status, taken.body, None))
            }
            Err(refusal) => {
                request.verdict = Verdict::Refused {
                    status: refusal.status,
                    why: format!("{}: {}", refusal.code, refusal.message),
                };
                let extra = fault.and_then(Fault::header);
                let body = rules.error_body(&refusal);
                Ok(response(refusal.status, Some(body), extra))
            }
        }
    }
}

fn cut() -> Cut {
    Cut::other("cut, as the test asked")
}

fn response(status: u16, body: Option<Value>, extra: Option<(HeaderName, String)>) -> Answer {
    let mut response = Response::builder().status(status);
    if body.is_some() {
        response = response.header(CONTENT_TYPE, "application/json");
    }
    if let Some((name, value)) = extra {
        response = response.header(name, value);
    }
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    response.body(Full::from(body)).unwrap()
}

/// The stream of a connection, which notes when an answer is written to its end.
///
/// The log stays locked from before the client can read the answer until it is noted: a test that has
/// seen the answer finds the note.
struct Witness {
    stream: TcpStream,
    log: Arc<Mutex<Log>>,
    /// The position of the request whose answer comes next.
    awaited: Arc<Mutex<Option<usize>>>,
}

impl AsyncRead for Witness {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Witness {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let log = Arc::clone(&self.log);
        let mut log = lock(&log);
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        if written == bytes.len()
            && let Some(position) = lock(&self.awaited).take()
        {
            log.requests[position].answered = true;
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
