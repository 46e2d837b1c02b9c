//! The server under every service: it listens on a port of its own, on a thread of its own, until it is dropped.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::call::{Call, Refusal, Taken};
use super::conversation::{State, converse, lock};
use super::fault::{Fault, Manner};
use super::log::{Request, Row, Violation, id, repeated};

/// What makes a service the one it is.
pub trait Rules: Send + 'static {
    fn judge(&mut self, call: &Call) -> Result<Taken, Refusal>;

    /// The body of a refusal, in the service's own form.
    fn error_body(&self, refusal: &Refusal) -> Value {
        json!({"error": {"code": refusal.code, "message": refusal.message}})
    }

    /// The limits a request is over, looked at whatever becomes of it.
    fn violations(&self, _call: &Call) -> Vec<Violation> {
        Vec::new()
    }
}

/// A service that listens.
pub struct Server<R> {
    url: String,
    state: Arc<State<R>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl<R: Rules> Server<R> {
    pub fn start(rules: R) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            rules: Mutex::new(rules),
            manner: Mutex::new(Manner::listed(None::<Fault>)),
            log: Arc::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&state);
        let thread = thread::spawn(move || run(listener, &served, stopped));
        Self {
            url,
            state,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The rules, to read or to change. No request is judged meanwhile.
    pub fn rules(&self) -> MutexGuard<'_, R> {
        lock(&self.state.rules)
    }

    /// From now on: these faults (`None` is a request that meets none), then good behaviour.
    pub fn behave<F: Into<Option<Fault>>>(&self, faults: impl IntoIterator<Item = F>) {
        *lock(&self.state.manner) = Manner::listed(faults);
    }

    /// From now on: each fault with its chance, the same for the same seed and order of requests.
    pub fn behave_by_chance(&self, seed: u64, chances: impl IntoIterator<Item = (f64, Fault)>) {
        *lock(&self.state.manner) = Manner::by_chance(seed, chances);
    }

    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state.log).requests.clone()
    }

    /// Every row that was taken, in order, as often as it was taken.
    pub fn rows(&self) -> Vec<Row> {
        lock(&self.state.log).rows()
    }

    /// Why requests were refused by the rules, not by a fault.
    pub fn refused(&self) -> Vec<String> {
        lock(&self.state.log).refused()
    }

    /// The limits that requests were over.
    pub fn violations(&self) -> Vec<Violation> {
        let requests = self.requests().into_iter();
        requests.flat_map(|request| request.violations).collect()
    }

    /// The ids of all rows that were taken, in order, as often as they were.
    pub fn all_ids(&self, id_field: &str) -> Vec<String> {
        self.rows().iter().map(|row| id(row, id_field)).collect()
    }

    /// The ids that answered requests took more than once.
    pub fn answered_twice(&self, id_field: &str) -> Vec<String> {
        let rows = self.rows();
        let answered = rows.iter().filter(|row| row.answered);
        repeated(answered.map(|row| id(row, id_field)))
    }
}

impl<R> Drop for Server<R> {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run<R: Rules>(
    listener: TcpListener,
    state: &Arc<State<R>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                tokio::spawn(converse(stream, Arc::clone(state)));
            },
        }
    }
}
